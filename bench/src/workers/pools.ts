import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import Tinypool from 'tinypool'
import { kept } from './kept.js'

/** Runs one task with a function of `coros.ts`. */
export type RunTask = (task: unknown) => Promise<unknown>

/** The built files, also where this one is run from source: workers cannot load TypeScript. */
const COROS = fileURLToPath(new URL('../../dist/workers/coros.js', import.meta.url))
const MOVING = fileURLToPath(new URL('../../dist/workers/moving.js', import.meta.url))

/** Its README, "Basic usage": a pool whose workers do not come and go. */
export function tinypool(runtime: 'worker_threads' | 'child_process', workers: number, name: string): RunTask {
  const pool = kept(
    () => new Tinypool({ filename: COROS, name, runtime, minThreads: workers, maxThreads: workers }),
    (made) => made.destroy(),
  )
  return (task) => pool().run(task)
}

/** Its documentation, "Fixed worker pools". */
export function piscina(workers: number, name: string): RunTask {
  const pool = piscinaOf(workers, COROS, name)
  return (task) => pool().run(task)
}

/** Its documentation, "Transferables": the array moves to the thread, and back. */
export function movingPiscina(workers: number): (array: Float64Array) => Promise<Float64Array> {
  const pool = piscinaOf(workers, MOVING, 'touchAndMove')
  return (array) => pool().run(array, { transferList: [array.buffer as ArrayBuffer] })
}

function piscinaOf(workers: number, filename: string, name: string): () => Piscina {
  return kept(
    () => new Piscina({ filename, name, minThreads: workers, maxThreads: workers }),
    (made) => made.destroy(),
  )
}

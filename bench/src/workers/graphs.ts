import { moduleCoros, Plumber } from '@pipelines/plumber'
import { processes, threads, type WorkerExecutor } from '@pipelines/workers'
import { sink, taken } from '../numbers.js'
import { kept } from './kept.js'

/** The built file, also where this one is run from source: workers cannot load TypeScript. */
const COROS = new URL('../../dist/workers/coros.js', import.meta.url)

export type Place = 'thread' | 'process'

export interface HopOptions {
  readonly place: Place
  /** The name of a function in `coros.ts`. */
  readonly coro: string
  /** Makes the items, on this event loop. */
  readonly source: (items: number) => Iterable<unknown>
  /** What a result adds to the checksum. */
  readonly worth: (result: never) => number
  /** How many nodes are on workers, one after the other. */
  readonly stages?: number
  readonly workers?: number
  readonly queueSize?: number
  /** Whether large buffers are moved. */
  readonly transfer?: boolean
}

/** Source → stages on threads or in processes → sink, with workers that stay warm. */
export function hops(options: HopOptions): (items: number) => Promise<number> {
  const { place, source, worth, transfer = false } = options
  let total = 0
  const own = {
    source: () => source(total),
    sink: (result: never): void => sink(worth(result)),
  }
  const executor = kept(
    () => (place === 'thread' ? threads({ transfer }) : processes()),
    (made: WorkerExecutor) => made.close(),
  )
  const plumber = kept(
    () => Plumber.create(documentOf(options), { coroMap: [own, moduleCoros(COROS)], executors: [executor()] }),
    async () => {},
  )
  return async (items) => {
    const made = await plumber()
    total = items
    await made.run()
    return taken()
  }
}

function documentOf({ place, coro, stages = 1, workers = 1, queueSize = 64 }: HopOptions) {
  const names = Array.from({ length: stages }, (_, stage) => `stage${stage}`)
  const properties = { executor: place, workers, queueSize }
  return {
    nodes: {
      source: { coro: 'source' },
      ...Object.fromEntries(names.map((name) => [name, { coro, properties }])),
      sink: { coro: 'sink', properties: { queueSize } },
    },
    graph: Object.fromEntries(['source', ...names].map((name, stage) => [name, [names[stage] ?? 'sink']])),
  }
}

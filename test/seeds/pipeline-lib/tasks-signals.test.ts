import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { turns } from '../../support/turns.js'
import { isAlive } from './strategies.js'

const PROGRAM = fileURLToPath(new URL('./fixtures/tasks-signalled.mjs', import.meta.url))

/** What became of a program whose tasks were busy in processes when it was sent a signal. */
async function signalled(signal: NodeJS.Signals, argument: string) {
  const program = spawn(process.execPath, [PROGRAM, argument], { stdio: ['ignore', 'pipe', 'inherit'] })
  const over = once(program, 'close')
  const [first] = await once(program.stdout, 'data')
  const { signals, pids } = JSON.parse(String(first)) as { signals: string[]; pids: number[] }
  const living = new Set(pids.filter(isAlive)).size
  program.kill(signal)
  const [said, [code, endedBy]] = await Promise.all([text(program.stdout), over])
  await allGone(pids)
  return { signals, living, said, by: code ?? endedBy }
}

/** Waits until there is none of these processes; at most 20 seconds. */
async function allGone(pids: readonly number[]): Promise<void> {
  const latest = performance.now() + 20_000
  while (pids.some(isAlive) && performance.now() < latest) await turns(1)
  expect(pids.filter(isAlive)).toEqual([])
}

test('L-T13 L-22 SIGTERM ends the program, and its children with it; the library listens to no signal', async () => {
  expect(await signalled('SIGTERM', 'listens to nothing')).toEqual({ signals: [], living: 3, said: '', by: 'SIGTERM' })
})

test('L-T14 L-22 a program that dooms its tasks on SIGINT ends with its own code, and no child is left', async () => {
  const said = 'PLB_RUN_DOOMED: SIGINT\n'
  expect(await signalled('SIGINT', 'dooms')).toEqual({ signals: [], living: 1, said, by: 1 })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { turns } from '../../support/turns.js'
import { isAlive, STRATEGIES, type Strategy } from './strategies.js'

const program = fileURLToPath(new URL('./fixtures/signalled.mjs', import.meta.url))

/** What became of a program with a chain of three stages that was sent a signal while items were on their way. */
async function signalled(strategy: Strategy, signal: NodeJS.Signals): Promise<Signalled> {
  const main = spawn(process.execPath, [program, strategy], { stdio: ['ignore', 'pipe', 'inherit'] })
  const over = once(main, 'close')
  const [line] = await once(createInterface(main.stdout), 'line')
  const pids: readonly number[] = JSON.parse(line)
  const children = [...new Set(pids)].filter((pid) => pid !== main.pid)
  const living = children.filter(isAlive).length
  main.kill(signal)
  const [code, endedBy] = await over
  return { children, living, code, endedBy }
}
interface Signalled {
  /** Processes of stages other than the program itself. */
  readonly children: readonly number[]
  /** How many of them there were when the signal was sent. */
  readonly living: number
  readonly code: unknown
  readonly endedBy: unknown
}

/** Waits until there is none of these processes; at most 20 seconds. */
async function allGone(pids: readonly number[]): Promise<void> {
  const latest = performance.now() + 20_000
  while (pids.some(isAlive) && performance.now() < latest) await turns(1)
  expect(pids.filter(isAlive)).toEqual([])
}

test.each(STRATEGIES)('L-T13 SIGTERM ends the program, and its children with it (%s)', async (strategy) => {
  const { children, living, code, endedBy } = await signalled(strategy, 'SIGTERM')
  expect(living).toBe(strategy === 'process' ? 3 : 0)
  expect({ code, endedBy }).toEqual({ code: null, endedBy: 'SIGTERM' })
  await allGone(children)
})

test.each(STRATEGIES)('L-T14 SIGINT ends the program, and its children with it (%s)', async (strategy) => {
  const { children, living, code, endedBy } = await signalled(strategy, 'SIGINT')
  expect(living).toBe(strategy === 'process' ? 3 : 0)
  expect({ code, endedBy }).toEqual({ code: null, endedBy: 'SIGINT' })
  await allGone(children)
})

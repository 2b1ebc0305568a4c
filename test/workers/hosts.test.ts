import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { comesTrue, isAlive } from './hosts/alive.js'

/*
 * However a program ends, its child processes end with it: one that has nothing to do, one that waits, one in a busy
 * loop, and one in a busy loop before it was ever asked for anything.
 */
const STATES = ['starting', 'idle', 'waiting', 'busy']
const HOST = fileURLToPath(new URL('./hosts/host.mjs', import.meta.url))

const started: { readonly host: ChildProcess; readonly children: ReadonlyMap<string, number> }[] = []

afterEach(async () => {
  for (const { host, children } of started.splice(0)) {
    const hasEnded = host.exitCode !== null || host.signalCode !== null
    const exit = hasEnded ? undefined : once(host, 'exit')
    host.kill('SIGKILL')
    await exit
    for (const pid of children.values()) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    host.stdin?.destroy()
    host.stdout?.destroy()
  }
})

/** Starts a program that has children in every state; settles when they are. */
async function hostWith(end: string): Promise<{ host: ChildProcess; pids: number[]; listens: string }> {
  const host = spawn(process.execPath, [HOST, end], { stdio: ['pipe', 'pipe', 'ignore'], detached: true })
  const children = new Map<string, number>()
  started.push({ host, children })
  let listens: string | undefined
  for await (const line of createInterface({ input: host.stdout })) {
    const [what = '', pid] = line.split(' ')
    if (STATES.includes(what)) children.set(what, Number(pid))
    else listens = line
    if (listens !== undefined && children.size === STATES.length) break
  }
  return { host, pids: [...children.values()], listens: listens ?? '' }
}

/** Ends a program; gives its exit code, or the signal, and those of its children that have outlived it. */
async function ended(host: ChildProcess, pids: readonly number[], end: () => void) {
  expect(pids.filter(isAlive), 'children before').toHaveLength(STATES.length)
  const exit = once(host, 'exit')
  end()
  const [code, signal] = await exit
  await comesTrue(() => !pids.some(isAlive))
  return { by: signal ?? code, left: pids.filter(isAlive) }
}

describe('no child is left of a program', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const)('that is ended by %s', async (signal) => {
    const { host, pids } = await hostWith('waits')
    expect(await ended(host, pids, () => host.kill(signal))).toEqual({ by: signal, left: [] })
  })

  test('that is ended by Ctrl-C, which all of its children get too', async () => {
    const { host, pids } = await hostWith('waits')
    const { pid } = host
    if (pid === undefined) throw new Error('It was not started.')
    expect(await ended(host, pids, () => process.kill(-pid, 'SIGINT'))).toEqual({ by: 'SIGINT', left: [] })
  })

  test.each([
    ['calls process.exit(0)', 'exit0', 0],
    ['calls process.exit(3)', 'exit3', 3],
    ['has an error that nobody catches', 'uncaught', 1],
    ['has a rejection that nobody handles', 'unhandled', 1],
    ['crashes', 'abort', 'SIGABRT'],
  ])('that %s', async (_, end, by) => {
    const { host, pids } = await hostWith(end)
    expect(await ended(host, pids, () => host.stdin?.write('\n'))).toEqual({ by, left: [] })
  })
})

test('a program with threads and child processes at work listens to no signal', async () => {
  const { listens } = await hostWith('waits')
  expect(listens).toBe('listens to []')
})

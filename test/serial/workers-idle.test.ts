import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { comesTrue, cpuMsOf, isAlive } from '../workers/hosts/alive.js'

const PROGRAM = fileURLToPath(new URL('../workers/hosts/standing.mjs', import.meta.url))

/** Starts the program, and calls back for each line that it prints; settles when it has ended, which it must by itself. */
async function run(args: readonly string[], onLine: (line: Record<string, unknown>) => void): Promise<void> {
  const program = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    for await (const line of createInterface({ input: program.stdout })) onLine(JSON.parse(line))
  } finally {
    program.kill('SIGKILL')
  }
}

test('a standing pipeline with threads and processes uses no CPU for 5 s, and its children neither', async () => {
  const before = new Map<number, number>()
  const used = new Map<number, number>()
  let hostMs: unknown
  await run(['idles'], ({ pids, cpuMs }) => {
    if (Array.isArray(pids)) for (const pid of pids) before.set(pid, cpuMsOf(pid))
    if (cpuMs === undefined) return
    hostMs = cpuMs
    for (const [pid, ms] of before) used.set(pid, cpuMsOf(pid) - ms)
  })
  await comesTrue(() => ![...used.keys()].some(isAlive))
  expect(used.size, 'children that were at work').toBeGreaterThan(0)
  expect([...used.keys()].filter(isAlive), 'children left').toEqual([])
  expect(hostMs, 'ms of CPU in 5 s, threads included').toBeLessThan(50)
  expect(Math.max(...used.values()), 'ms of CPU of a child in 5 s').toBeLessThan(50)
})

test('a program in which a pipeline with threads and processes only stands ends by itself, and its children too', async () => {
  const lines: unknown[] = []
  await run([], (line) => lines.push(line))
  expect(lines).toEqual([{ code: 0, outputs: 40, state: 'running' }])
})

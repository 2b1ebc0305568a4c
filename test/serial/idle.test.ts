import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const NODES = 100

/**
 * A program in a process of its own, as a user would write it: nothing but the pipeline uses its processor or its timers.
 * A standing pipeline of 100 nodes with an inlet and a fan-out, whose leaves may be joined by one more.
 */
const standing = (join: boolean): string => `
import { Plumber } from '@pipelines/plumber'
const names = Array.from({ length: ${NODES} }, (_, place) => 'n' + place)
const inner = ${join} ? names.slice(0, -1) : names
const nodes = Object.fromEntries(names.map((name) => [name, { coro: 'same', properties: { workers: 4 } }]))
const graph = { in: inner, ...(${join} ? Object.fromEntries(inner.map((name) => [name, [names.at(-1)]])) : {}) }
const plumber = new Plumber({ nodes: { in: { coro: 'std.inlet' }, ...nodes }, graph }, { coroMap: { same: (value) => value } })
let outputs = 0
const pipeline = plumber.createPipeline({ onOutput: () => { outputs++ } })
const turn = () => new Promise((resolve) => setImmediate(resolve))
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
`

const idle = `${standing(true)}
for (let n = 0; n < 50; n++) await pipeline.put(n)
while (outputs < 50) await turn()
for (let n = 0; n < 20; n++) await turn()
const held = timers()
// What the engine of the language still compiles and collects of the start is not what is asked here: it takes up to 16 ms
// of the first second, and under 1 ms of any later one.
await new Promise((resolve) => setTimeout(resolve, 1_000))
const before = process.cpuUsage()
await new Promise((resolve) => setTimeout(resolve, 3_000))
const { user, system } = process.cpuUsage(before)
const { outcome } = await pipeline.drain()
console.log(JSON.stringify({ held, cpuMs: (user + system) / 1_000, outcome, left: timers() }))
`

const standsOnly = `${standing(false)}
await pipeline.put(1)
process.on('exit', (code) => console.log(code, outputs, pipeline.snapshot().state))
`

/** Runs a program on the built packages; gives what it printed. It must end by itself. */
async function run(program: string): Promise<string> {
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const args = ['--input-type=module', '--eval', program]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 15_000 })
  expect(stderr).toBe('')
  return stdout.trim()
}

test('a pipeline that waits for input uses no CPU and holds no timer', async () => {
  const { held, cpuMs, outcome, left } = JSON.parse(await run(idle))
  expect({ held, outcome, left }).toEqual({ held: 0, outcome: 'completed', left: 0 })
  expect(cpuMs, 'ms of CPU in 3 s').toBeLessThan(20)
})

test('a process in which a pipeline only stands ends by itself', async () => {
  expect(await run(standsOnly)).toBe(`0 ${NODES} running`)
})

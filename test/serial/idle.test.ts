import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type Pipeline, plumberOf, range, same, turns, until } from '../support/blackbox.js'

const NODES = 100

/** A standing pipeline of 100 nodes with an inlet, a fan-out and a join. */
function standing(onOutput: () => void): Pipeline {
  const names = range(NODES - 1).map((place) => `n${place}`)
  const last = names.at(-1) ?? ''
  const inner = names.slice(0, -1)
  const graph = { in: inner, ...Object.fromEntries(inner.map((name) => [name, [last]])) }
  const nodes = Object.fromEntries(names.map((name) => [name, { coro: same, properties: { workers: 4 } }]))
  return plumberOf({ in: 'std.inlet', ...nodes }, graph).createPipeline({ onOutput })
}

const activeTimers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

/** Milliseconds of CPU that this process uses while nothing is asked of it. */
async function cpuOver(ms: number): Promise<number> {
  const before = process.cpuUsage()
  await new Promise((resolve) => setTimeout(resolve, ms))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

test('a pipeline that waits for input uses no CPU and holds no timer', async () => {
  const timers = activeTimers()
  let outputs = 0
  const pipeline = standing(() => outputs++)
  for (const n of range(50)) await pipeline.put(n)
  await until(() => outputs === 50)
  await turns(20)
  expect(activeTimers()).toBeLessThanOrEqual(timers)
  expect(await cpuOver(3_000), 'ms of CPU in 3 s').toBeLessThan(20)
  expect((await pipeline.drain()).outcome).toBe('completed')
  expect(activeTimers()).toBeLessThanOrEqual(timers)
})

/** A program in a process of its own, as a user would write it. */
const program = `
import { Plumber } from '@pipelines/plumber'
const names = Array.from({ length: ${NODES} }, (_, place) => 'n' + place)
const nodes = { in: { coro: 'std.inlet' }, ...Object.fromEntries(names.map((name) => [name, { coro: 'same' }])) }
const graph = { in: names }
const plumber = new Plumber({ nodes, graph }, { coroMap: { same: (value) => value } })
let outputs = 0
const pipeline = plumber.createPipeline({ onOutput: () => { outputs++ } })
await pipeline.put(1)
process.on('exit', (code) => console.log(code, outputs, pipeline.snapshot().state))
`

test('a process in which a pipeline only stands ends by itself', async () => {
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const child = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    cwd,
    timeout: 15_000,
  })
  expect(child.stdout.trim()).toBe(`0 ${NODES} running`)
  expect(child.stderr).toBe('')
})

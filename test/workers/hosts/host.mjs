import { writeSync } from 'node:fs'
import { moduleCoros, Plumber } from '@pipelines/plumber'
import { processes, threads } from '@pipelines/workers'

/*
 * A program with child processes in every state. It is told by its argument how to end, once a line comes in.
 */

const ends = {
  waits: () => {},
  exit0: () => process.exit(0),
  exit3: () => process.exit(3),
  uncaught: () => {
    throw new Error('nobody catches this')
  },
  unhandled: () => void Promise.reject(new Error('nobody handles this')),
  abort: () => process.abort(),
}
const states = ['idle', 'waiting', 'busy']
const env = { ...process.env, HANGS_AT_START: 'yes' }
const executors = [processes(), threads(), processes({ name: 'slow', env })]
const coroMap = moduleCoros(new URL('./coros.mjs', import.meta.url))

const nodes = Object.fromEntries(states.map((state) => [state, { coro: state, properties: { executor: 'process' } }]))
const beside = { coro: 'waiting', properties: { executor: 'thread' } }
const standing = await Plumber.create(
  { nodes: { in: { coro: 'std.inlet' }, ...nodes, beside }, graph: { in: [...states, 'beside'] } },
  { coroMap, executors },
)
const pipeline = standing.createPipeline()
const starting = await Plumber.create(
  {
    nodes: { in: { coro: 'std.inlet' }, slow: { coro: 'same', properties: { executor: 'slow' } } },
    graph: { in: ['slow'] },
  },
  { coroMap, executors },
)
starting.createPipeline()
await pipeline.put(1)
const signals = process.eventNames().filter((name) => String(name).startsWith('SIG'))
writeSync(1, `listens to ${JSON.stringify(signals)}\n`)
process.stdin.once('data', () => ends[process.argv[2]]())

/*
 * Makes pipelines, runs a few items and tears them down, over and over again; prints what is left. A program of its own, so
 * that nothing else is measured: node --expose-gc leaks.mjs <rounds>
 */
import { getEventListeners } from 'node:events'
import { memoryUsage } from 'node:process'
import { Plumber } from '@pipelines/plumber'

const rounds = Number(process.argv[2])
/** Rounds between two looks at the heap. */
const every = rounds / 10
/** Rounds in which everything is compiled and has its final shape. */
const warm = rounds / 5

/** Obeys its signal, and does nothing else. */
const stuck = (_, { signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

const graphs = {
  chain: { nodes: { in: 'std.inlet', a: 'same', b: 'same' }, graph: { in: ['a'], a: ['b'] } },
  diamond: {
    nodes: { in: 'std.inlet', left: 'same', right: 'drop', join: 'same' },
    graph: { in: ['left', 'right', 'join'], left: ['join'], right: ['join'] },
  },
}
const calls = {
  same: (value) => value,
  // Of three items, one is left out.
  drop: function* (value) {
    if (value !== 1) yield value
  },
}
const documents = Object.values(graphs).map(({ nodes, graph }) => ({
  graph,
  nodes: Object.fromEntries(
    Object.entries(nodes).map(([name, coro]) => [name, { coro, properties: properties(coro) }]),
  ),
}))
const wrong = {
  nodes: { a: { coro: 'same', properties: { workers: -1 } }, b: { coro: 'none' } },
  graph: { a: ['b', 'c'] },
}
const standing = documents.map((document) => new Plumber(document, { coroMap: calls }))
const stranded = documents.map((document) => new Plumber(document, { coroMap: { ...calls, same: stuck } }))

/** What all runs listen to. */
const shared = new AbortController()
const options = { signal: shared.signal, deadlineMs: 60_000, graceMs: 60_000, onOutput: () => {} }

function properties(coro) {
  return coro === 'std.inlet' ? {} : { workers: 2 }
}

function expectOutcome({ outcome, error }, expected) {
  if (outcome !== expected) throw new Error(`A run was ${outcome}.`, { cause: error })
}

/** Runs three items, with a ledger, while somebody looks at what comes in. */
async function play(plumber) {
  const pipeline = plumber.createPipeline({ ...options, ledger: true })
  pipeline.tap('in', () => {})
  for (let n = 0; n < 3; n++) await pipeline.put(n, { signal: shared.signal })
  expectOutcome(await pipeline.drain(), 'completed')
}

/** Dooms a run while its items are in calls. */
async function doom(plumber) {
  const pipeline = plumber.createPipeline(options)
  for (let n = 0; n < 3; n++) await pipeline.put(n, { signal: shared.signal })
  expectOutcome(await pipeline.doomsday('enough'), 'doomed')
}

/** Is refused. */
function refuse() {
  try {
    new Plumber(wrong, { coroMap: calls })
  } catch (error) {
    if (error.details.issues.length === 3) return
    throw error
  }
  throw new Error('A document with mistakes was accepted.')
}

/** One of each kind, of one graph after the other. */
async function round(number) {
  const graph = number % documents.length
  await play(standing[graph])
  await play(new Plumber(documents[graph], { coroMap: calls }))
  await doom(stranded[graph])
  refuse()
}

/** Bytes on the heap when nothing is left that could be collected. */
async function heap() {
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve))
  globalThis.gc()
  globalThis.gc()
  return memoryUsage().heapUsed
}

function holdings() {
  const listeners = process.eventNames().map((event) => `${String(event)}: ${process.listenerCount(event)}`)
  return {
    resources: process.getActiveResourcesInfo().toSorted(),
    listeners: [...listeners.toSorted(), `signal: ${getEventListeners(shared.signal, 'abort').length}`],
  }
}

/** Whether the process holds more than at first; where it does, it would soon do nothing else. */
const grown = () => JSON.stringify(holdings()) !== JSON.stringify(before)

// What loading this program has opened is closed by then.
await heap()
const before = holdings()
const samples = []
for (let done = 1; done <= rounds; done++) {
  await round(done)
  const looks = done === 10 || done % every === 0
  if (!looks) continue
  const bytes = await heap()
  if (grown()) break
  if (done >= warm) samples.push(bytes)
}
console.log(JSON.stringify({ before, after: holdings(), samples }))

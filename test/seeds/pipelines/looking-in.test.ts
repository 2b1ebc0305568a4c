import { Plumber } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { chain, edgeOf, from, nodeOf, same, unfused, until } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'

const document = {
  nodes: { out: { coro: 'same' }, inp: { coro: 'one' }, rev: { coro: 'same', properties: { workers: 4 } } },
  graph: { out: null, rev: ['out'], inp: ['rev', 'out'] },
}
const coroMap = { one: from(1), same }

/** A node as a Plumber shows it. */
interface Shown {
  readonly name: string
  readonly coro: unknown
  readonly properties: Readonly<Record<string, unknown>>
}

/** The nodes of a Plumber by name, however it lists them. */
function shown(plumber: Plumber): Map<string, Shown> {
  const nodes = Object.entries(plumber.nodes as unknown as Record<string, Shown>)
  return new Map(nodes.map(([key, node]) => [node.name ?? key, { ...node, name: node.name ?? key }]))
}

test('P-23 a Plumber lists its nodes, with every default filled in', () => {
  const nodes = shown(new Plumber(document, { coroMap }))
  expect([...nodes.keys()].sort()).toEqual(['inp', 'out', 'rev'])
  const defaults = { aggregateInputs: true, unequal: 'strict', ordered: true, queueSize: 64, onError: 'fail' }
  expect(nodes.get('rev')?.properties).toMatchObject({ ...defaults, workers: 4, executor: 'inline', fuse: true })
  expect(nodes.get('out')?.properties).toMatchObject({ ...defaults, workers: 1 })
})

test('P-23 a Plumber shows its graph as JSON with the nodes and links written in it', () => {
  const { graph } = new Plumber(document, { coroMap })
  const text = JSON.stringify(graph)
  for (const name of ['inp', 'rev', 'out']) expect(text).toContain(`"${name}"`)
  expect(JSON.parse(text)).toEqual(graph)
})

test('P-23 what a Plumber shows cannot be changed', () => {
  const plumber = new Plumber(document, { coroMap })
  expect(Object.isFrozen(plumber.graph)).toBe(true)
  expect(Object.isFrozen(plumber.nodes)).toBe(true)
  expect(Object.isFrozen(plumber.order)).toBe(true)
})

test('P-23 the order of a Plumber has every node behind its predecessors', () => {
  const order = [...new Plumber(document, { coroMap }).order]
  expect(order).toEqual(['inp', 'rev', 'out'])
})

test('P-23 a pipeline shows a queue for every link', async () => {
  const pipeline = new Plumber(document, { coroMap }).createPipeline()
  const links = pipeline.snapshot().edges.map(({ from, port, to }) => `${from} ${port} ${to}`)
  expect(links.sort()).toEqual(['inp out out', 'inp out rev', 'rev out out'])
  expectBalancedBooks(await pipeline.settled, [])
})

test('P-24 every node shows its name and its coroutine', () => {
  const nodes = shown(new Plumber(document, { coroMap }))
  expect([...nodes.values()].map(({ name, coro }) => [name, coro]).sort()).toEqual([
    ['inp', 'one'],
    ['out', 'same'],
    ['rev', 'same'],
  ])
})

test('P-24 a snapshot shows what each queue holds and what each node has done', async () => {
  const open = gate()
  const wait = unfused(() => open.opened, { queueSize: 4 })
  const pipeline = chain({ src: unfused(from(1, 2, 3)), out: wait }).createPipeline()
  await until(() => edgeOf(pipeline.snapshot(), 'src', 'out').entered === 3)
  const snapshot = pipeline.snapshot()
  expect(edgeOf(snapshot, 'src', 'out')).toMatchObject({ entered: 3, left: 1, depth: 2, capacity: 4 })
  expect(nodeOf(snapshot, 'src')).toMatchObject({ received: 0, emitted: 3 })
  expect(nodeOf(snapshot, 'out')).toMatchObject({ received: 1, completed: 0, inProgress: 1 })
  open.open()
  await pipeline.settled
})

test('P-24 a snapshot is a picture, which does not change', async () => {
  const pipeline = chain({ src: from(1, 2, 3), out: same }).createPipeline()
  const before = pipeline.snapshot()
  const copy = structuredClone(before)
  await pipeline.settled
  expect(before).toEqual(copy)
  expect(nodeOf(pipeline.snapshot(), 'out').completed).toBe(3)
})

import { AsyncLocalStorage } from 'node:async_hooks'
import { defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { chain, from, having, outputs, plumberOf, range, same, turns, unfused } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

const user = new AsyncLocalStorage<string>()

/** Notes in whose name it runs. */
const note = (value: unknown) => `${String(value)} for ${user.getStore()}`

test('a coroutine sees the context of the put that brought its item', async () => {
  const seen = outputs()
  const pipeline = user.run('nobody', () => chain({ in: 'std.inlet', note }).createPipeline(seen.options))
  await user.run('ann', () => pipeline.put(1))
  await user.run('ben', () => pipeline.put(2))
  await pipeline.put(3)
  expectBalancedBooks(await pipeline.drain(), ['in'])
  expect(seen.values).toEqual(['1 for ann', '2 for ben', '3 for undefined'])
})

test('items that wait in one queue keep their own contexts', async () => {
  const open = gate()
  const seen = outputs()
  const wait = async (value: unknown) => {
    await open.opened
    return note(value)
  }
  const pipeline = chain({ in: unfused('std.inlet'), wait: unfused(wait) }).createPipeline(seen.options)
  const users = ['ann', 'ben', 'cem', 'dan', 'eve']
  for (const name of users) await user.run(name, () => pipeline.put(name))
  open.open()
  expectBalancedBooks(await pipeline.drain(), ['in'])
  expect(seen.values).toEqual(users.map((name) => `${name} for ${name}`))
})

test('the context goes with an item through the whole graph', async () => {
  const seen = outputs()
  const trail = (value: string) => `${value} ${user.getStore()}`
  const slow = async (value: string) => {
    await turns(2)
    return trail(value)
  }
  const stages = { in: unfused('std.inlet'), a: unfused(trail), b: unfused(slow, { workers: 3 }), c: unfused(trail) }
  const pipeline = chain(stages).createPipeline(seen.options)
  await Promise.all(range(10).map((n) => user.run(`u${n}`, () => pipeline.put(`${n}:`))))
  expectBalancedBooks(await pipeline.drain(), ['in'])
  expect([...seen.values].sort()).toEqual(range(10).map((n) => `${n}: u${n} u${n} u${n}`))
})

test('the outputs of a generator stay in the context of its item', async () => {
  const seen = outputs()
  async function* twice(value: unknown) {
    yield note(value)
    await turns(1)
    yield note(value)
  }
  const pipeline = chain({ in: 'std.inlet', twice, out: note }).createPipeline(seen.options)
  await user.run('ann', () => pipeline.put(1))
  expectBalancedBooks(await pipeline.drain(), ['in'])
  expect(seen.values).toEqual(['1 for ann for ann', '1 for ann for ann'])
})

test('a joined item stays in its context', async () => {
  const seen = outputs()
  const plumber = plumberOf(
    { in: 'std.inlet', a: note, b: same, join: note },
    { in: ['a', 'b'], a: ['join'], b: ['join'] },
  )
  const pipeline = plumber.createPipeline(seen.options)
  for (const name of ['ann', 'ben']) await user.run(name, () => pipeline.put(name))
  expectBalancedBooks(await pipeline.drain(), ['in'])
  expect(seen.values).toEqual(['ann for ann,ann for ann', 'ben for ben,ben for ben'])
})

test('a source and what comes of it see the context of createPipeline', async () => {
  const seen = outputs()
  const source = async function* () {
    yield note('source')
    await turns(1)
    yield note('source')
  }
  const pipeline = user.run('creator', () => chain({ source, out: note }).createPipeline(seen.options))
  await user.run('somebody else', () => pipeline.settled)
  expect(seen.values).toEqual(['source for creator for creator', 'source for creator for creator'])
})

test('a run sees the context of its caller', async () => {
  const plumber = chain({ src: from(1), out: note })
  const runs = ['ann', 'ben'].map((name) => user.run(name, () => plumber.collect()))
  expect(await Promise.all(runs)).toEqual([['1 for ann'], ['1 for ben']])
})

test('the hooks run in the context that created the pipeline, whoever ends it', async () => {
  const seen: string[] = []
  const hook = (name: string) => () => void seen.push(note(name))
  const coro = defineCoro({
    setup: hook('setup'),
    run: (n: number) => n,
    flush: hook('flush'),
    teardown: hook('teardown'),
  })
  const pipeline = user.run('ann', () => chain({ in: 'std.inlet', coro }).createPipeline())
  await user.run('ben', () => pipeline.put(1))
  await turns()
  user.run('cem', () => pipeline.end())
  expectBalancedBooks(await pipeline.settled, ['in'])
  expect(seen).toEqual(['setup for ann', 'flush for ann', 'teardown for ann'])
})

test('what comes behind an item that was called with on the spot, and has made its node wait, is not in its context', async () => {
  const open = gate()
  const seen = outputs()
  const first = defineCoro({ run: same, flush: () => 'flushed' })
  const wait = (value: unknown): unknown => (value === 1 ? open.opened.then(() => note(value)) : note(value))
  const pipeline = user.run('nobody', () => chain({ in: 'std.inlet', first, wait }).createPipeline(seen.options))
  await user.run('ann', () => pipeline.put(1))
  pipeline.end()
  await turns(2)
  open.open()
  await pipeline.settled
  expect(seen.values).toEqual(['1 for ann', 'flushed for nobody'])
})

test('a value of the run is not in the context of a request that has made its node wait', async () => {
  const open = gate()
  const seen: unknown[] = []
  const look = (value: unknown): unknown => {
    seen.push(note(value))
    return value === 1 ? open.opened.then(() => value) : value
  }
  const src = async function* () {
    await turns(4)
    yield 'made'
  }
  const graph = { in: ['merge'], src: ['merge'], merge: ['look'], look: [] }
  const pipeline = user.run('nobody', () =>
    plumberOf({ in: 'std.inlet', src, merge: having({ aggregateInputs: false }, same), look }, graph).createPipeline(),
  )
  const asked = user.run('ann', () => pipeline.processAll(1))
  await turns(8)
  open.open()
  expect(await asked).toEqual([1])
  await pipeline.drain()
  expect(seen).toEqual(['1 for ann', 'made for nobody'])
})

import { Readable } from 'node:stream'
import { type Context, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  chain,
  endless,
  from,
  nodeOf,
  range,
  type SourceOutput,
  same,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

function* three() {
  yield* [0, 1, 2]
}

async function* threeLater() {
  for (const n of range(3)) {
    await turns(1)
    yield n
  }
}

test.each<[string, object]>([
  ['yields', three],
  ['yields asynchronously', threeLater],
  ['returns a generator later', async () => three()],
  ['returns an async generator later', async () => threeLater()],
  ['returns a list', () => [0, 1, 2]],
  ['returns a list later', async () => [0, 1, 2]],
  ['returns a Set', () => new Set([0, 1, 2])],
  ['returns a typed array', () => Uint8Array.of(0, 1, 2)],
  ['returns a stream of Node', () => Readable.from([0, 1, 2])],
  ['returns an iterable made by hand', () => ({ [Symbol.iterator]: three })],
  ['returns an async iterable made by hand', () => ({ [Symbol.asyncIterator]: threeLater })],
  [
    'puts',
    async (output: SourceOutput) => {
      for (const n of range(3)) await output.put(n)
    },
  ],
  ['is defined as a source', defineCoro({ kind: 'source', run: three })],
])('a source that %s', async (_how, source) => {
  expect(await chain({ src: source, out: same }).collect()).toEqual([0, 1, 2])
  const report = await chain({ src: source, out: same }).run()
  expect(nodeOf(report, 'src')).toMatchObject({ received: 0, emitted: 3, failed: 0 })
  expectBalancedBooks(report, [])
})

test('a source that is also the leaf gives its values as outputs', async () => {
  expect(await chain({ only: three }).collect()).toEqual([0, 1, 2])
})

test('a string that a source returns is never taken apart', async () => {
  const values = await chain({ src: () => 'abc', out: same })
    .collect()
    .catch(() => [])
  for (const letter of 'abc') expect(values).not.toContain(letter)
})

test('a list in a list is one item', async () => {
  expect(await chain({ src: from([1, 2], [3]), out: same }).collect()).toEqual([[1, 2], [3]])
})

describe('put', () => {
  test('waits while the way is full', async () => {
    const open = gate()
    let done = 0
    const source = async (output: SourceOutput) => {
      for (; done < 20; done++) await output.put(done)
    }
    const pipeline = chain({ src: unfused(source), out: unfused(() => open.opened, { queueSize: 2 }) }).createPipeline()
    await turns()
    expect(done).toBe(3)
    open.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(done).toBe(20)
  })

  test('carries meta', async () => {
    const source = async (output: SourceOutput) => {
      await output.put(1, { meta: { line: 7 } })
    }
    expect(await chain({ src: source, out: (_: unknown, ctx: Context) => ctx.meta }).collect()).toEqual([{ line: 7 }])
  })

  test('can be mixed with waiting for something else', async () => {
    const source = async (output: SourceOutput) => {
      await output.put(1)
      await turns(3)
      await output.put(2)
      await turns(3)
    }
    expect(await chain({ src: source, out: same }).collect()).toEqual([1, 2])
  })
})

test('a source is given its args, its env and its signal', async () => {
  const source = (_output: unknown, { args, env, node, signal }: Context) => [
    { args, env, node, aborted: signal.aborted },
  ]
  const plumber = chain({ src: { coro: source, args: { n: 1 } }, out: same }, { env: { who: 'ann' } })
  expect(await plumber.collect()).toEqual([{ args: { n: 1 }, env: { who: 'ann' }, node: 'src', aborted: false }])
})

test('a source that waits for its signal is woken by drain', async () => {
  const started = gate()
  const source = async (output: SourceOutput, ctx: Context) => {
    await output.put(1)
    started.open()
    await aborted(ctx.signal).catch(() => {})
  }
  const pipeline = chain({ src: source, out: same }).createPipeline()
  await started.opened
  const report = await pipeline.drain()
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report, [])
})

test('a source that yields without end lets the event loop breathe', async () => {
  const numbers = endless()
  const pipeline = chain({ src: numbers.source, out: () => {} }).createPipeline()
  const fired = gate()
  setTimeout(fired.open, 1)
  await fired.opened
  expectBalancedBooks(await pipeline.drain(), [])
})

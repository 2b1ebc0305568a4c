import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  failureOf,
  from,
  outputs,
  plumberOf,
  problemsOf,
  range,
  same,
  textOf,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/** What a coroutine finds in its context, for each of the items. */
function seenBy<T>(read: (ctx: Context) => T, items: readonly unknown[], node: object = {}): Promise<unknown[]> {
  return chain({ src: from(...items), out: { coro: (_: unknown, ctx: Context) => [read(ctx)], ...node } }).collect()
}

describe('ctx', () => {
  test('knows the node', async () => {
    expect(await seenBy((ctx) => ctx.node, [1])).toEqual([['out']])
  })

  test('has the args of the node, as they were written', async () => {
    const args = { text: '{{ env.HOME }} $HOME %HOME%', list: [1, { deep: true }] }
    expect(await seenBy((ctx) => ctx.args, [1], { args })).toEqual([[args]])
    expect(await seenBy((ctx) => ctx.args, [1])).toEqual([[{}]])
  })

  test('has args that nobody can change', async () => {
    const spoil = ({ args }: Context) => [Reflect.set(args, 'n', 2), args]
    expect(await seenBy(spoil, [1, 2], { args: { n: 1 } })).toEqual([[[false, { n: 1 }]], [[false, { n: 1 }]]])
  })

  test('knows the position of the item in the input of the node', async () => {
    expect(await seenBy((ctx) => ctx.index, ['a', 'b', 'c'])).toEqual([[0], [1], [2]])
  })

  test('counts attempts from one', async () => {
    expect(await seenBy((ctx) => ctx.attempt, ['a', 'b'])).toEqual([[1], [1]])
  })

  test('has a signal, which is quiet while all is well', async () => {
    expect(await seenBy((ctx) => [ctx.signal instanceof AbortSignal, ctx.signal.aborted], [1])).toEqual([
      [[true, false]],
    ])
  })

  test('has a log that is silent by default', async () => {
    const write = ({ log }: Context) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({ n: 1 }, 'a line')
      return 'written'
    }
    expect(await seenBy(write, [1])).toEqual([['written']])
  })

  test('has a log that goes to the logger of the Plumber', async () => {
    const lines: unknown[] = []
    const line = (_fields: unknown, message?: string) => void lines.push(message)
    const logger = { debug: line, info: line, warn: line, error: line }
    await chain({ src: from(1), out: (_: unknown, { log }: Context) => log.info({}, 'hello') }, { logger }).run()
    expect(lines).toContain('hello')
  })

  test('knows the worker and how many there are', async () => {
    const open = gate()
    const workers: unknown[] = []
    const wait = async (_: unknown, ctx: Context) => {
      workers.push(ctx.worker.index)
      await open.opened
      return ctx.worker.count
    }
    const seen = outputs()
    const running = chain({ src: from(1, 2, 3), wait: unfused(wait, { workers: 3 }) }).run(undefined, seen.options)
    await until(() => workers.length === 3)
    open.open()
    await running
    expect([...workers].sort()).toEqual([0, 1, 2])
    expect(seen.values).toEqual([3, 3, 3])
  })
})

describe('emit', () => {
  const sort = defineCoro({
    emits: ['odd'],
    run: (n: number, ctx: Context) => {
      if (n % 2 === 0) return n
      ctx.emit('odd', n)
      return DROP
    },
  })

  test('sends by the port it names', async () => {
    const plumber = plumberOf(
      { src: from(...range(6)), sort, even: (n: number) => `even ${n}`, odd: (n: number) => `odd ${n}` },
      { src: ['sort'], sort: ['even', { to: 'odd', port: 'odd' }] },
    )
    expect((await plumber.collect<string>()).sort()).toEqual(['even 0', 'even 2', 'even 4', 'odd 1', 'odd 3', 'odd 5'])
    expectBalancedBooks(await plumber.run(), [])
  })

  test('of a leaf is an output with its port', async () => {
    const ports: unknown[] = []
    await chain({ src: from(1, 2), sort }).run(undefined, {
      onOutput: ({ port, value }) => void ports.push([port, value]),
    })
    expect(ports).toEqual([
      ['odd', 1],
      ['out', 2],
    ])
  })

  test('can send several, before what is returned', async () => {
    const twice = (n: number, ctx: Context) => {
      ctx.emit('out', n)
      ctx.emit('out', n + 1)
      return n + 2
    }
    expect(await chain({ src: from(0, 10), twice, out: same }).collect()).toEqual([0, 1, 2, 10, 11, 12])
  })

  test('sends nothing for a call that fails', async () => {
    const spill = (n: number, ctx: Context) => {
      ctx.emit('out', n)
      if (n === 1) throw new Error('after all')
      return DROP
    }
    const plumber = chain({ src: from(0, 1, 2), spill: { coro: spill, properties: { onError: 'skip' } }, out: same })
    expect(await plumber.collect()).toEqual([0, 2])
    expectBalancedBooks(await plumber.run(), [])
  })

  test('to a port that the graph names and the coroutine does not is refused', () => {
    const document = {
      nodes: { src: { coro: 'src' }, sort: { coro: 'sort' }, out: { coro: 'same' } },
      graph: { src: ['sort'], sort: [{ to: 'out', port: 'odt' }] },
    }
    const problems = problemsOf(document, { src: from(1), sort, same })
    expect(problems).toEqual([
      expect.objectContaining({ code: 'PLB_GRAPH_PORT', pointer: expect.stringMatching(/^\/graph\/sort\/0/) }),
    ])
    expect(problems.map(textOf).join()).toContain('"odt"')
  })

  test('to a port that was not declared fails the item', async () => {
    const stray = defineCoro({ emits: ['odd'], run: (n: number, ctx: Context) => ctx.emit('even', n) })
    const error = await failureOf(() => chain({ src: from(1), stray, out: same }).run())
    expect(error.message).toContain('"stray"')
  })
})

import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, DROP } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { chain, having, nodeOf, plumberOf, range, type SourceOutput, same, turns } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { stillClock } from '../../support/still-clock.js'
import { type Run, sameBothWays } from './both-ways.js'

/*
 * Plain values among others: with meta, of requests, put again by a coroutine that is called with one. None overtakes
 * another on an edge, and none gets what belongs to another.
 */

stillClock()

const WAYS = [{}, { fuse: false }, { ledger: true }]

/** Three nodes behind a source. */
const three = (src: (output: SourceOutput, context: Context) => unknown, runs: readonly Run[] = [same, same, same]) =>
  sameBothWays({
    nodes: (play) => ({
      src,
      ...Object.fromEntries(runs.map((run, place) => [`n${place}`, play.noting(`n${place}`, run)])),
    }),
  })

const inOrder = (values: readonly (string | undefined)[] = []): number[] =>
  values.map((text) => Number(text?.split(' ')[0]))

describe('values with meta among plain ones', () => {
  const withMeta = (n: number) => ({ meta: { of: n } })

  test.each([
    ['the first', (n: number) => n === 0],
    ['the second', (n: number) => n === 1],
    ['every second', (n: number) => n % 2 === 0],
    ['every third', (n: number) => n % 3 === 2],
    ['the last', (n: number) => n === 8],
    ['all', () => true],
  ])('stay where they are: %s', async (_, carries) => {
    const put = (output: SourceOutput, n: number) => output.put(n, carries(n) ? withMeta(n) : {})
    const sources = [
      async (output: SourceOutput) => void (await Promise.all(range(9).map((n) => put(output, n)))),
      async (output: SourceOutput) => {
        for (const n of range(9)) await put(output, n)
      },
      async (output: SourceOutput) => {
        for (const n of range(9)) {
          await turns(1)
          await put(output, n)
        }
      },
    ]
    for (const src of sources) {
      const { play } = await three(src)
      expect(inOrder(play.calls.get('n0'))).toEqual(range(9))
      expect(inOrder(play.calls.get('n2'))).toEqual(range(9))
      expect(play.outputs.get('n2')).toEqual(
        range(9).map((n) => `out ${n} {${carries(n) ? `of: ${n}` : ''}}`.replace('out', '"out"').replaceAll('"', '')),
      )
    }
  })

  test('stay where they are in front of one that waits', async () => {
    const { play } = await three(
      async (output) => void (await Promise.all(range(20).map((n) => output.put(n, n % 4 === 1 ? withMeta(n) : {})))),
      [same, (n: number) => (n % 5 === 0 ? turns(2).then(() => n) : n), same],
    )
    expect(inOrder(play.calls.get('n2'))).toEqual(range(20))
  })

  test('stay where they are when they are emitted', async () => {
    const { play } = await three(
      () => range(12),
      [
        (n: number, ctx) => {
          if (n % 3 === 0) ctx.emit('out', n + 0.5, { meta: { half: true } })
          return n
        },
        same,
        same,
      ],
    )
    const all = range(12).flatMap((n) => (n % 3 === 0 ? [n + 0.5, n] : [n]))
    expect(inOrder(play.calls.get('n1'))).toEqual(all)
    expect(inOrder(play.calls.get('n2'))).toEqual(all)
  })

  test('stay where they are when a source emits them', async () => {
    const { play } = await three(function* (_, ctx) {
      for (const n of range(9)) {
        if (n % 3 === 0) ctx.emit('out', n + 0.5, { meta: { half: true } })
        yield n
      }
    })
    expect(inOrder(play.calls.get('n2'))).toEqual(range(9).flatMap((n) => (n % 3 === 0 ? [n + 0.5, n] : [n])))
  })

  test('give their meta to nobody else', async () => {
    const seen: string[] = []
    const look = (n: number, { meta }: Context) => {
      seen.push(`${n} ${JSON.stringify(meta)}`)
      return n
    }
    for (const options of WAYS) {
      seen.length = 0
      const src = async (output: SourceOutput) => {
        for (const n of range(6)) await output.put(n, n % 2 === 0 ? withMeta(n) : {})
      }
      await chain({ src, a: look, b: same, c: look }).run(undefined, options)
      for (const n of range(6))
        expect(seen.filter((text) => text === `${n} ${n % 2 === 0 ? `{"of":${n}}` : '{}'}`)).toHaveLength(2)
    }
  })
})

describe('a coroutine that puts into its own source', () => {
  test.each(['n0', 'n1', 'n2'])('from %s finds the edges in order', async (place) => {
    let output: SourceOutput | undefined
    const again: Run = (n: number) => {
      if (n < 10) void output?.put(n + 10)
      return n
    }
    const src = async (own: SourceOutput) => {
      output = own
      await Promise.all(range(4).map((n) => own.put(n)))
    }
    for (const options of WAYS) {
      const calls: Record<string, number[]> = { n0: [], n1: [], n2: [], n3: [] }
      const note = (name: string) => (n: number, ctx: Context) => {
        calls[name]?.push(n)
        return name === place ? again(n as never, ctx) : n
      }
      const plumber = chain({ src, n0: note('n0'), n1: note('n1'), n2: note('n2'), n3: note('n3') })
      const report = await plumber.run(undefined, options)
      expectBalancedBooks(report, [])
      const [first, ...others] = Object.values(calls)
      expect(first?.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 10, 11, 12, 13])
      for (const other of others) expect(other, JSON.stringify(options)).toEqual(first)
    }
  })

  test('and waits for it goes on all the same', async () => {
    let output: SourceOutput | undefined
    const { report } = await three(
      async (own) => {
        output = own
        for (const n of range(4)) {
          await turns(1)
          await own.put(n)
        }
        await turns(2)
      },
      [
        same,
        async (n: number) => {
          if (n < 10) await output?.put(n + 10)
          return n
        },
        same,
      ],
    )
    expect(nodeOf(report, 'n2')).toMatchObject({ received: 8, completed: 8 })
  })

  test('with more than there is room for is told apart from the others', async () => {
    let output: SourceOutput | undefined
    const src = async (own: SourceOutput) => {
      output = own
      await own.put(0)
      await turns(5)
    }
    for (const options of WAYS) {
      const got: number[] = []
      const report = await chain({
        src,
        a: having({ queueSize: 2 }, same),
        b: having({ queueSize: 1 }, (n: number) => {
          if (n === 0) for (const more of range(7)) void output?.put(more + 1)
          got.push(n)
          return n
        }),
        c: same,
      }).run(undefined, options)
      expect(got, JSON.stringify(options)).toEqual(range(8))
      expectBalancedBooks(report, [])
    }
  })
})

describe('the async context', () => {
  const als = new AsyncLocalStorage<string>()

  test('of a coroutine in a chain is that of the run, whoever puts', async () => {
    for (const options of WAYS) {
      const seen = new Set<string>()
      const look = (name: string) => (n: number) => {
        seen.add(`${name} ${als.getStore()}`)
        return n
      }
      const src = async (output: SourceOutput) => {
        for (const n of range(3)) await als.run(`put ${n}`, () => output.put(n))
      }
      await als.run('run', () =>
        chain({ src, a: look('a'), b: look('b'), c: look('c') }).run(undefined, {
          ...options,
          onOutput: () => look('out')(0),
        }),
      )
      expect([...seen].toSorted(), JSON.stringify(options)).toEqual(['a run', 'b run', 'c run', 'out run'])
    }
  })

  test('of one that waits now and then is the same afterwards', async () => {
    for (const options of WAYS) {
      const seen = new Set<string>()
      const look = (name: string) => async (n: number) => {
        seen.add(`${name} ${als.getStore()}`)
        await als.run(name, () => turns(n % 2))
        seen.add(`${name} ${als.getStore()}`)
        return n
      }
      await als.run('run', () =>
        chain({ src: () => range(4), a: (n: number) => look('a')(n), b: look('b'), c: same }).run(undefined, options),
      )
      expect([...seen].toSorted()).toEqual(['a run', 'b run'])
    }
  })
})

describe('values of requests among those of a source', () => {
  /** A source and an inlet that come together in front of a chain. */
  function standing(options: object, runs: readonly Run[]) {
    const open = gate()
    const calls: string[] = []
    const outputs: unknown[] = []
    async function* src(_: unknown, { signal }: Context) {
      for (const n of range(8)) {
        yield `s${n}`
        if (n % 2 === 0) await turns(1)
      }
      if (!signal.aborted) await open.opened
    }
    const nodes = Object.fromEntries(
      runs.map((run, place) => [
        `n${place}`,
        (value: never, context: Context) => {
          calls.push(`n${place} ${String(value)} ${JSON.stringify(context.meta)} ${JSON.stringify(context.env)}`)
          return run(value, context)
        },
      ]),
    )
    const names = Object.keys(nodes)
    const wiring = Object.fromEntries(names.map((name, place) => [name, names.slice(place + 1, place + 2)]))
    const pipeline = plumberOf(
      { src, in: 'std.inlet', merge: having({ aggregateInputs: false }, same), ...nodes },
      { src: ['merge'], in: ['merge'], merge: ['n0'], ...wiring },
    ).createPipeline({ ...options, onOutput: ({ value }) => void outputs.push(value) })
    return { pipeline, open, calls, outputs, last: names.at(-1) ?? '' }
  }

  const CHAINS: Readonly<Record<string, readonly Run[]>> = {
    plain: [same, same, same],
    'one waits': [same, (v: string) => (v.endsWith('3') ? turns(1).then(() => v) : v), same],
    'one emits': [
      same,
      (v: string, ctx) => {
        if (!v.endsWith('4')) return v
        ctx.emit('out', v)
        return DROP
      },
      same,
    ],
    'one gives a generator': [same, same, (v: string) => (v.endsWith('5') ? [v][Symbol.iterator]() : v)],
  }

  test.each(Object.entries(CHAINS))('are answered, each with its own (%s)', async (_, runs) => {
    for (const options of WAYS) {
      const { pipeline, open, calls, outputs, last } = standing(options, runs)
      const answers = range(8).map(async (n) => {
        for (let left = n % 4; left > 0; left--) await turns(1)
        if (n % 2 === 0) return pipeline.process(`r${n}`, { meta: { of: n }, env: { user: n } })
        await pipeline.put(`p${n}`, n % 4 === 1 ? { meta: { of: n } } : {})
        return `r${n}`
      })
      expect(await Promise.all(answers)).toEqual(range(8).map((n) => `r${n}`))
      pipeline.end()
      open.open()
      const report = await pipeline.settled
      expectBalancedBooks(report, ['in'])
      expect(report, JSON.stringify(options)).toMatchObject({ outcome: 'completed', unprocessed: [], errors: [] })
      expect(outputs.map(String).toSorted()).toEqual(
        [1, 3, 5, 7].map((n) => `p${n}`).concat(range(8).map((n) => `s${n}`)),
      )
      const sources = outputs.map(String).filter((value) => value.startsWith('s'))
      expect(sources).toEqual(range(8).map((n) => `s${n}`))
      const [n0, n1] = ['n0', 'n1'].map((name) =>
        calls.filter((call) => call.startsWith(name)).map((call) => call.slice(3)),
      )
      expect(n1).toEqual(n0)
      expect(nodeOf(report, last)).toMatchObject({ received: 16, completed: 16 })
      for (const call of calls) {
        const [, value = '', meta, env] = call.split(' ')
        const n = value.slice(1)
        expect(env).toBe(value.startsWith('r') ? `{"user":${n}}` : '{}')
        expect(meta).toBe(
          value.startsWith('r') || (value.startsWith('p') && Number(n) % 4 === 1) ? `{"of":${n}}` : '{}',
        )
      }
    }
  })

  test('are told apart where one of them fails', async () => {
    for (const options of WAYS) {
      const failing: Run = (v: string) => {
        if (v === 'r2') throw new Error('not this')
        return v
      }
      const { pipeline, open, outputs } = standing(options, [same, failing, same])
      const answers = range(4).map((n) => pipeline.process(`r${n}`).catch((error: Error) => error.message))
      expect((await Promise.all(answers)).map((text) => /not this/.test(String(text)))).toEqual([
        false,
        false,
        true,
        false,
      ])
      pipeline.end()
      open.open()
      const report = await pipeline.settled
      expect(report.outcome).toBe('completed')
      expect(outputs).toHaveLength(8)
      expectBalancedBooks(report, ['in'])
    }
  })

  test('that are cancelled in a chain leave the others alone', async () => {
    for (const options of WAYS) {
      const open = gate()
      const waiting: Run = (v: string, { signal }) =>
        v === 'r0'
          ? Promise.race([
              open.opened,
              new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
            ])
          : v
      const { pipeline, open: end, outputs } = standing(options, [same, waiting, same])
      const controller = new AbortController()
      const first = pipeline.process('r0', { signal: controller.signal }).catch((error: { code: string }) => error.code)
      const second = pipeline.process('r1')
      await turns(5)
      controller.abort()
      expect(await first).toBe('PLB_RUN_CANCELLED')
      expect(await second).toBe('r1')
      pipeline.end()
      end.open()
      open.open()
      const report = await pipeline.settled
      expect(report.outcome).toBe('completed')
      expect(outputs).toEqual(range(8).map((n) => `s${n}`))
      expectBalancedBooks(report, ['in'])
    }
  })
})

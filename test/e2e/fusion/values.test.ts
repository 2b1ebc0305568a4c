import { DROP } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { chain, having, range, same, turns } from '../../support/blackbox.js'
import { FEEDS, isApart, laterClock, type Run, sameBothWays } from './both-ways.js'

/*
 * Every value goes through a chain, and through a queue without a packet, as what it is.
 */

const clock = laterClock()

/** Looks like a packet of the engine. */
const packetLike = { value: 'inside', meta: { m: 1 }, scope: {}, frame: undefined, parts: [1, 2], weight: 2 }
class Strange {
  readonly own = 1
}

const VALUES: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['NaN', Number.NaN],
  ['minus zero', -0],
  ['an empty text', ''],
  ['false', false],
  ['a bigint', 10n],
  ['a symbol', Symbol('s')],
  ['a registered symbol', Symbol.for('@pipelines/else')],
  ['a function', () => 1],
  ['a generator function', function* () {}],
  ['an async function', async () => {}],
  ['a class', Strange],
  ['an instance', new Strange()],
  ['an array', [1, [2]]],
  ['an array with holes', new Array(3)],
  ['a Map', new Map([[1, 2]])],
  ['a Set', new Set([1])],
  ['a date', new Date(0)],
  ['an error', new Error('a value')],
  ['an object without prototype', Object.create(null)],
  ['an object like a packet', packetLike],
  ['an object like a result', { error: new Error('no'), result: 1, sent: true }],
  ['an object like a step', { done: true, value: 1 }],
  // biome-ignore lint/suspicious/noThenProperty: that is the point
  ['an object whose "then" is no function', { then: 1 }],
  ['an object whose "next" is no function', { next: 1, [Symbol.iterator]: 1 }],
  ['an object with "next" that is not iterable', { next: () => ({ done: true, value: 1 }) }],
  ['a frozen object', Object.freeze({ a: 1 })],
  ['a regular expression', /a/],
  ['a typed array', new Uint8Array(2)],
  ['an AbortSignal', new AbortController().signal],
]
const NAMES = VALUES.map(([name]) => name)

describe.each(Object.keys(FEEDS))('a source that gives its values %s', (feed) => {
  test.each(NAMES)('hands on %s through a chain, the same thing each time', async (name) => {
    const [, value] = VALUES.find(([other]) => other === name) ?? []
    const got = new Map<string, unknown[]>()
    const note = (at: string, options: object) => (input: unknown) => {
      const key = `${at} ${JSON.stringify(options)}`
      got.set(key, [...(got.get(key) ?? []), input])
      return input
    }
    for (const options of [{}, { fuse: false }, { ledger: true }]) {
      const outputs: unknown[] = []
      const nodes = { src: FEEDS[feed]?.([value, 1, value]) ?? same, a: note('a', options), b: note('b', options) }
      await chain({ ...nodes, out: same }).run(undefined, {
        ...options,
        onOutput: ({ value }) => void outputs.push(value),
      })
      const all = value === undefined ? [1] : [value, 1, value]
      expect(outputs.map((output, place) => Object.is(output, all[place]))).toEqual(all.map(() => true))
    }
    for (const [node, values] of got) {
      expect(values, node).toHaveLength(3)
      for (const place of [0, 2]) expect(Object.is(values[place], value), node).toBe(true)
    }
  })

  test('drops what it gives as DROP, and nothing else', async () => {
    const { play, report } = await sameBothWays({
      nodes: (play) => ({
        src: FEEDS[feed]?.([1, DROP, undefined, 2]) ?? same,
        a: play.noting('a', same),
        b: play.noting('b', same),
      }),
    })
    // By put, every value is one.
    if (!/put/.test(feed)) expect(play.calls.get('a')).toHaveLength(3)
    expect(report.outcome).toBe('completed')
  })
})

/** Gives a kind of result that depends on the number. */
const KINDS: readonly ((n: number) => unknown)[] = [
  same,
  () => undefined,
  () => null,
  () => DROP,
  (n) => String(n),
  (n) => Promise.resolve(n),
  () => Symbol.for('s'),
  (n) => [n],
  (n) => [n, n][Symbol.iterator](),
  () => () => 1,
  (n) => turns(1).then(() => ({ n })),
  () => Number.NaN,
  () => {
    throw new Error('now and then')
  },
  (n) => ({ n }),
  () => Promise.resolve(DROP),
  () => false,
]

describe('a coroutine that gives another kind of thing each time', () => {
  /** Some by one, as they come; never two nodes the same. */
  const mixing =
    (shift: number): Run =>
    (value: unknown) => {
      const kind =
        KINDS[
          (Number.isNaN(Number(typeof value === 'symbol' ? 0 : value)) ? shift : shift + hash(value)) % KINDS.length
        ]
      return kind?.(Number(hash(value)))
    }
  const hash = (value: unknown): number => (typeof value === 'number' && Number.isInteger(value) ? value : 5)

  test.each(range(KINDS.length))('gives the same in a chain as anywhere (%i)', async (shift) => {
    for (const feed of Object.keys(FEEDS)) {
      const { report } = await sameBothWays({
        nodes: (play) => ({
          src: FEEDS[feed]?.(range(33)) ?? same,
          a: having({ onError: 'skip' }, play.noting('a', mixing(shift))),
          b: having({ onError: 'skip' }, play.noting('b', mixing(shift + 3))),
          c: having({ onError: 'skip' }, play.noting('c', mixing(shift + 7))),
        }),
      })
      expect(report.outcome).toBe('completed')
    }
  })

  test('gives the same where the event loop has to go round between two of them', async () => {
    for (const feed of Object.keys(FEEDS))
      await sameBothWays({
        nodes: (play) => {
          const slowly: Run = (value: unknown, context) => {
            clock.now += 2
            return mixing(0)(value as never, context)
          }
          return {
            src: FEEDS[feed]?.(range(33)) ?? same,
            a: having({ onError: 'skip', queueSize: 2 }, play.noting('a', slowly)),
            b: having({ onError: 'skip', queueSize: 1 }, play.noting('b', slowly)),
          }
        },
      })
  })
})

describe('a thenable', () => {
  test('whose "then" is read by a getter is asked once', async () => {
    for (const options of [{}, { fuse: false }]) {
      let reads = 0
      const giving = () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is the point
        get then() {
          reads++
          return undefined
        },
        text: 'a value',
      })
      const values = await chain({ src: () => [1, 2], a: giving, b: ({ text }: { text: string }) => text }).collect(
        undefined,
        options,
      )
      expect(values).toEqual(['a value', 'a value'])
      expect(reads, JSON.stringify(options)).toBeLessThanOrEqual(4)
    }
  })

  test('that settles at once, or twice, gives one value', async () => {
    for (const feed of Object.keys(FEEDS)) {
      const { play } = await sameBothWays({
        nodes: (play) => ({
          src: FEEDS[feed]?.(range(5)) ?? same,
          a: play.noting('a', (n: number) => ({
            // biome-ignore lint/suspicious/noThenProperty: that is the point
            then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
              resolve(n)
              resolve(n + 1)
              reject(new Error('too late'))
            },
          })),
          b: play.noting('b', same),
        }),
      })
      expect(play.outputs.get('b'), feed).toHaveLength(5)
    }
  })

  test('that throws fails its item', async () => {
    for (const feed of Object.keys(FEEDS)) {
      const { report } = await sameBothWays(
        {
          nodes: (play) => ({
            src: FEEDS[feed]?.(range(5)) ?? same,
            a: play.noting('a', (n: number) =>
              n < 3
                ? n
                : {
                    // biome-ignore lint/suspicious/noThenProperty: that is the point
                    then: () => {
                      throw new Error('never')
                    },
                  },
            ),
            b: play.noting('b', same),
          }),
        },
        isApart(feed) ? 'all' : 'until it ends',
      )
      expect(report.error?.message, feed).toMatch(/never/)
    }
  })
})

import { type Context, DROP } from '@pipelines/core'
import { turns } from '../../support/blackbox.js'
import type { Run } from './both-ways.js'

/* What coroutines do that is more than to return a plain value, or less. */

/** Every third does something else. */
const now =
  (otherwise: (n: number, ctx: Context) => unknown): Run =>
  (n: number, ctx) =>
    n % 3 === 2 ? otherwise(n, ctx) : n

function* twice(n: number): Generator<number> {
  yield n
  yield n + 100
}

async function* twiceLater(n: number): AsyncGenerator<number> {
  yield n
  await turns(1)
  yield n + 100
}

const thenable = (n: number) => ({
  // biome-ignore lint/suspicious/noThenProperty: that is the point
  then: (resolve: (value: number) => void) => resolve(n + 100),
})

/** What nodes do now and then that is more than to return a plain value. */
export const DEEDS: Readonly<Record<string, Run>> = {
  'gives a promise now and then': now((n) => Promise.resolve(n + 100)),
  'gives a promise that takes its time now and then': now((n) => turns(1).then(() => n + 100)),
  'gives a promise each time': (n: number) => Promise.resolve(n + 100),
  'is an async function': async (n: number) => n + 100,
  'gives a thenable now and then': now(thenable),
  'gives a promise of DROP now and then': now(() => Promise.resolve(DROP)),
  'gives a promise of undefined now and then': now(() => Promise.resolve(undefined)),
  'gives a generator now and then': now(twice),
  'gives an empty generator now and then': now(() => [][Symbol.iterator]()),
  'gives an async generator now and then': now(twiceLater),
  'gives a promise of a generator now and then': now((n) => Promise.resolve(twice(n))),
  'gives a generator of promises now and then': now((n) => [Promise.resolve(n), DROP, n + 100][Symbol.iterator]()),
  'is a generator function': function* (n: number) {
    yield* twice(n)
  },
  'drops now and then': now(() => DROP),
  'drops everything': () => DROP,
  'gives undefined now and then': now(() => undefined),
  'emits besides now and then': now((n, ctx) => {
    ctx.emit('out', n + 100)
    ctx.emit('out', n + 200)
    return n
  }),
  'emits and drops now and then': now((n, ctx) => {
    ctx.emit('out', n + 100)
    return DROP
  }),
  'emits with meta now and then': now((n, ctx) => {
    ctx.emit('out', n + 100, { meta: { by: ctx.node } })
    return n
  }),
  'emits where nobody listens now and then': now((n, ctx) => {
    ctx.emit('nowhere', n + 100)
    return n
  }),
  'emits and gives a promise now and then': now((n, ctx) => {
    ctx.emit('out', n + 100)
    return Promise.resolve(n)
  }),
  'emits and gives a generator now and then': now((n, ctx) => {
    ctx.emit('out', n + 200)
    return twice(n)
  }),
  'emits later, out of a promise, now and then': now(async (n, ctx) => {
    await turns(1)
    ctx.emit('out', n + 100)
    return n
  }),
}

/** What nodes do at which a run may fail. */
export const FAILURES: Readonly<Record<string, Run>> = {
  'throws now and then': now((n) => {
    throw new Error(`not ${n}`)
  }),
  'throws what is no error now and then': now((n) => {
    throw { n }
  }),
  'throws undefined now and then': now(() => {
    throw undefined
  }),
  'emits and throws now and then': now((n, ctx) => {
    ctx.emit('out', n + 100)
    throw new Error(`not ${n}`)
  }),
  'gives a promise that rejects now and then': now((n) => Promise.reject(new Error(`not ${n}`))),
  'gives a generator that throws at once now and then': now((n) =>
    (function* () {
      if (n >= 0) throw new Error(`not ${n}`)
      yield n
    })(),
  ),
  'gives a generator that throws in the end now and then': now((n) =>
    (function* () {
      yield n + 100
      throw new Error(`not ${n}`)
    })(),
  ),
  'has a getter that throws as "then" now and then': now((n) => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    get then() {
      throw new Error(`not ${n}`)
    },
  })),
  'has a getter that throws as "next" now and then': now((n) => ({
    get next() {
      throw new Error(`not ${n}`)
    },
  })),
  'throws at the first only': (n: number) => {
    if (n === 0) throw new Error('not the first')
    return n
  },
  'throws at the last only': (n: number) => {
    if (n === 11) throw new Error('not the last')
    return n
  },
}

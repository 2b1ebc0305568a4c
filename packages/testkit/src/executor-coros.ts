/*
 * What the cases of the executor suite run. They are portable: each needs nothing but its module, and what it notices
 * goes to `ctx.log`, which reaches the case wherever the coroutine runs. Those with hooks, those that fail or wait, and
 * streams are in `executor-suite-coros.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, type CoroDefinition, DROP, defineCoro, type SourceOutput } from '@pipelines/core/coro'
import { note } from './executor-suite-notes.js'

/** Gives its input. */
export const same = (value: unknown): unknown => value
/** The same, later. */
export const later = async (value: unknown): Promise<unknown> => sleep(1, value)
/** A group, whose members have names with dots. */
export const numbers: Readonly<Record<'double' | 'negate', (n: number) => number>> = {
  double: (n) => 2 * n,
  negate: (n) => -n,
}
/** Whether a number is even. */
export const isEven = (n: number): boolean => n % 2 === 0
/** Lets odd numbers through. */
export const odd = (n: number): unknown => (n % 2 === 0 ? DROP : n)
/** Gives nothing for even numbers. */
export const oddOrNothing = (n: number): unknown => (n % 2 === 0 ? undefined : n)
/** Says what its input is, seen from inside. */
export const kindOf = (value: unknown): string => Object.prototype.toString.call(value)
/** Whether a value contains itself, as `self`. */
export const knowsItself = (value: { readonly self: unknown }): unknown => ({ ...value, self: value.self === value })
/** Gives the facts of its context that `args.facts` names. */
export const facts = (_: unknown, ctx: Context): unknown =>
  Object.fromEntries((ctx.args.facts as readonly (keyof Context)[]).map((name) => [name, ctx[name]]))
/** Gives one thing of `env`. */
export const fromEnv = (_: unknown, { env }: Context): unknown => env.who
/** Whether its args may not be changed. */
export const isFrozen = (_: unknown, { args }: Context): boolean => Object.isFrozen(args)
/** Whether it was told to stop, before anybody did. */
export const isAborted = (_: unknown, { signal }: Context): boolean => signal.aborted
/** Names its item. */
export const keys = (_: unknown, ctx: Context): unknown => {
  note(ctx, ctx.idempotencyKey)
  if (ctx.attempt === 1) throw new Error('not yet')
  return ctx.idempotencyKey
}
/** Logs at every level. */
export const logs = (value: unknown, { log }: Context): unknown => {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({ note: [level, value] }, `at ${level}`)
  return value
}
/** Logs a list in which something is undefined. */
export const logsHoles = (_: unknown, { log }: Context): unknown => log.info({ note: [undefined, 1, undefined] })
/** Calls the coroutines in its args. */
export const applies: CoroDefinition = defineCoro({
  refs: ['by', 'last'],
  run: (value: number, { args }: Context) => {
    // The check of the graph has made sure of both.
    const by = args.by as (value: unknown) => unknown
    const last = args.last as readonly ((value: unknown) => unknown)[]
    return last.map((one) => one(by(value)))
  },
})

/** Emits to two ports, and gives its input. */
export const emits = (value: unknown, ctx: Context): unknown => {
  ctx.emit('left', [value, 'left'], { meta: { by: 'emit' } })
  ctx.emit('right', [value, 'right'])
  return value
}
/** Emits, and gives nothing itself. */
export const onlyEmits = (value: unknown, ctx: Context): unknown => {
  ctx.emit('left', value)
  return DROP
}
/** Emits, and then fails at its first attempt. */
export const emitsAndFails = (value: unknown, ctx: Context): unknown => {
  ctx.emit('left', [value, ctx.attempt])
  if (ctx.attempt === 1) throw new Error('not yet')
  return value
}

/** Yields all numbers below its input. */
export function* below(n: number): Generator<number> {
  for (let i = 0; i < n; i++) yield i
}
/** The same, each a little later. */
export async function* belowLater(n: number): AsyncGenerator<unknown> {
  for (let i = 0; i < n; i++) yield await later(i)
}
/** Gives a generator out of a promise. */
export const belowSoon = async (n: number): Promise<Generator<number>> => below(n)
/** Yields and emits in turn, and not always something. */
export function* yieldsAndEmits(n: number, ctx: Context): Generator<unknown> {
  ctx.emit('left', `${n} begins`)
  yield n
  yield DROP
  ctx.emit('left', `${n} goes on`, { meta: { by: 'emit' } })
  yield Promise.resolve(-n)
  ctx.emit('left', `${n} ends`)
}
/** Fails after some outputs: at its first attempt, or always. */
export function* breaks(n: number, ctx: Context): Generator<unknown> {
  try {
    yield* below(n)
    if (ctx.attempt === 1 || ctx.args.always === true) throw new RangeError(`broken after ${n}`)
  } finally {
    note(ctx, 'cleaned up')
  }
}
/** Yields without end, until nobody wants more. */
export async function* endless(_: unknown, ctx: Context): AsyncGenerator<unknown> {
  try {
    for (let i = 0; ; i++) yield await later(i)
  } finally {
    note(ctx, 'cleaned up')
  }
}

/** A source that yields. */
export function* yielding(_: unknown, ctx: Context): Generator<unknown> {
  for (let i = 0; i < Number(ctx.args.count); i++) yield [i, ctx.index]
}
/** A source that returns something iterable. */
export const iterable = (): unknown => new Set(['a', 'b', 'c'])
/** A source that puts, with meta. */
export const putting = async (output: SourceOutput, ctx: Context): Promise<void> => {
  for (let n = 0; n < Number(ctx.args.count); n++) await output.put(n, { meta: { n } })
}
/** A source that puts without awaiting. */
export const puttingAtOnce = async (output: SourceOutput, { args }: Context): Promise<void> => {
  for (let n = 0; n < Number(args.count); n++) void output.put(n)
}
/** A source that puts until it is told that nobody takes more. */
export const puttingOn = async (output: SourceOutput, ctx: Context): Promise<void> => {
  try {
    for (let n = 0; ; n++) await output.put(n)
  } finally {
    note(ctx, 'cleaned up')
  }
}
/** No source at all. */
export const noSource = (): unknown => 7
/** Emits from a source. */
export function* emittingSource(_: unknown, ctx: Context): Generator<unknown> {
  ctx.emit('left', 'first')
  yield 'second'
}

/** Uses a field of its definition. */
export const withField: CoroDefinition = defineCoro({
  ...{ factor: 3 },
  run(n: number) {
    return n * Number(Reflect.get(this, 'factor'))
  },
})

/** Doubles a list. */
export const doubleAll = (list: readonly number[]): unknown => list.map((n) => (n === 0 ? DROP : 2 * n))
/** Adds up a list. */
export const sum = (list: readonly number[]): number => list.reduce((total, n) => total + n, 0)
/** Too short a list. */
export const shorter = (list: readonly number[]): unknown => list.slice(1)
/** Promises one output per input, and keeps that for odd numbers. */
export const oneToOne: CoroDefinition = defineCoro({ oneToOne: true, run: odd })
/** Says what it takes and gives. */
export const checked: CoroDefinition = defineCoro({
  input: { type: 'number' },
  output: { type: 'number', maximum: 10 },
  run: (n: number) => 2 * n,
})
/** A source that fails after its first item. */
export function* brokenSource(_: unknown, ctx: Context): Generator<unknown> {
  try {
    yield 1
    throw new RangeError('broken')
  } finally {
    note(ctx, 'cleaned up')
  }
}
/** Gives an iterator that is no generator. */
export const iterator = (list: readonly unknown[]): unknown => list.values()
/** Gives something to wait for that is no promise. */
export const thenable = (value: unknown): unknown => ({
  // biome-ignore lint/suspicious/noThenProperty: that is what it is about
  then: (resolve: (value: unknown) => void) => void resolve(value),
})
/** Yields values that are easily taken for none. */
export function* voids(): Generator<unknown> {
  yield* [undefined, null, DROP, 0, '', false]
}
/** Yields a promise that rejects. */
export function* rejecting(n: number, ctx: Context): Generator<unknown> {
  try {
    yield n
    yield Promise.reject(new RangeError('rejected'))
  } finally {
    note(ctx, 'cleaned up')
  }
}
/** Says what its outputs look like, one by one. */
export const checkedBelow: CoroDefinition = defineCoro({ output: { type: 'number', maximum: 1 }, run: below })

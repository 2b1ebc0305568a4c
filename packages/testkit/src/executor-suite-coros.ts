/* Coroutines of the executor suite, as in `executor-coros.ts`: with hooks, failing, waiting, and streams. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, type CoroDefinition, DROP, defineCoro, PipelineError } from '@pipelines/core'
import { note, untilTold } from './executor-suite-notes.js'

type Inputs = AsyncIterable<number>

/** Tells of its hooks, and adds up what it gets. */
export const adding: CoroDefinition = defineCoro({
  setup: (ctx: Context) => {
    note(ctx, 'setup', ctx.node, ctx.args, ctx.worker)
    return { sum: 0 }
  },
  run: (n: number, { state }: Context<{ sum: number }>) => {
    state.sum += n
    return DROP
  },
  flush: ({ state }: Context<{ sum: number }>) => state.sum,
  teardown: (ctx, reason) => note(ctx, 'teardown', ctx.state, reason),
})
/** The same with hooks that take time; what it flushes are several outputs, at several ports. */
export const addingLater: CoroDefinition = defineCoro({
  setup: async () => ({ sum: Number(await sleep(1, 0)) }),
  run: async (n: number, { state }: Context<{ sum: number }>) => {
    state.sum += n
    return sleep(1, state.sum)
  },
  async *flush(ctx: Context<{ sum: number }>) {
    yield 'sum'
    ctx.emit('left', ctx.state.sum)
    yield await sleep(1, ctx.state.sum)
  },
  teardown: async (ctx, reason) => note(ctx, await sleep(1, 'teardown'), reason),
})
/** Counts its items, for itself: what all workers have counted adds up. */
export const counting: CoroDefinition = defineCoro({
  setup: (ctx: Context) => {
    note(ctx, 'setup', ctx.worker.index)
    return { count: 0 }
  },
  run: async (value: unknown, { state }: Context<{ count: number }>) => {
    state.count++
    return sleep(1, value)
  },
  teardown: (ctx, reason) => note(ctx, 'teardown', ctx.worker.index, (ctx.state as { count: number }).count, reason),
})
/** Tells in its hooks how many other workers there are. A stream: so all of them are set up, whatever comes. */
export const active: CoroDefinition = defineCoro({
  kind: 'stream',
  setup: (ctx: Context) => note(ctx, 'setup', ctx.worker.active),
  async *run(inputs: Inputs, ctx) {
    note(ctx, 'run')
    yield* inputs
  },
  teardown: (ctx) => note(ctx, 'teardown', ctx.worker.active),
})
/** Waits in a hook, or fails in it, as `args` say. */
export const hooked: CoroDefinition = defineCoro({
  setup: (ctx: Context) => inHook(ctx, 'setup'),
  run: (n: number, ctx: Context) => inHook(ctx, 'run') ?? n,
  flush: (ctx: Context) => inHook(ctx, 'flush') ?? DROP,
  teardown: (ctx) => inHook(ctx, 'teardown'),
})

function inHook(ctx: Context, hook: string): unknown {
  note(ctx, hook)
  if (ctx.args.waits === hook) return untilTold(ctx)
  if (ctx.args.fails === hook) throw new TypeError(`no ${hook}`)
  return undefined
}
/** Fails in the way that its input, or `args.way`, says. */
export const fails = (way: string, { args }: Context): unknown => {
  if (args.except === way) return way
  const failure = FAILURES[String(args.way ?? way)]
  if (failure === undefined) throw new Error(`failed with ${way}`)
  return failure()
}
const FAILURES: Readonly<Record<string, () => unknown>> = {
  error: () => {
    throw new TypeError('a type')
  },
  rejection: async () => {
    throw new RangeError(await Promise.resolve('rejected'))
  },
  named: () => {
    throw Object.assign(new Error('with more'), {
      name: 'OwnError',
      code: 'E_OWN',
      details: { rows: [1, 2], when: 7n },
    })
  },
  caused: () => {
    throw new Error('outer', { cause: new SyntaxError('inner', { cause: 'innermost' }) })
  },
  several: () => {
    throw new AggregateError([new Error('one'), new RangeError('two'), 3], 'several')
  },
  text: () => throwing('a text'),
  nothing: () => throwing(undefined),
  null: () => throwing(null),
  number: () => throwing(42),
  object: () => throwing({ why: 'an object', rows: [1] }),
  overflow: () => {
    const deeper = (n: number): number => 1 + deeper(n + 1)
    return deeper(0)
  },
  library: () => {
    throw new PipelineError('OPTION_INVALID', { option: 'x', what: 'is mine' })
  },
  abort: () => {
    throw new DOMException('nobody told me', 'AbortError')
  },
  aborted: () => {
    throw Object.assign(new Error('nobody told me'), { name: 'AbortError' })
  },
}
function throwing(value: unknown): never {
  throw value
}
/** Fails until its attempt `args.until`. */
export const failsUntil = (value: unknown, { args, attempt }: Context): unknown => {
  if (attempt < Number(args.until)) throw new Error(`attempt ${attempt}`)
  return [value, attempt]
}

/** Waits at `'wait'` until it is told to stop, and gives everything else. */
export const holds = (value: unknown, ctx: Context): unknown => (value === 'wait' ? untilTold(ctx) : value)
/** Waits at its first attempt. */
export const holdsOnce = (value: unknown, ctx: Context): unknown => (ctx.attempt === 1 ? untilTold(ctx) : value)
/** Waits for `args.ms` whatever it is told, and says so. */
export const deaf = async (value: unknown, ctx: Context): Promise<unknown> => {
  note(ctx, 'waits')
  return sleep(value === 'wait' ? Number(ctx.args.ms) : 0, value)
}
/** Says when it begins and ends. */
export const spans = async (value: string, ctx: Context): Promise<string> => {
  note(ctx, 'begins', value)
  await sleep(2)
  note(ctx, 'ends', value)
  return value
}
/** The first character. */
export const initial = (text: string): string => text.slice(0, 1)

/** Doubles what it consumes. */
export const doubling: CoroDefinition = defineCoro({
  kind: 'stream',
  run: async function* (inputs: Inputs) {
    for await (const n of inputs) yield 2 * n
  },
})
/** Takes two inputs, and gives their sum. */
export const firstTwo: CoroDefinition = defineCoro({
  kind: 'stream',
  run: async function* (inputs: Inputs) {
    let [total, taken] = [0, 0]
    for await (const n of inputs) {
      total += n
      if (++taken === 2) break
    }
    yield total
  },
})
/** Gives the sum of all its inputs, as what it returns. */
export const total: CoroDefinition = defineCoro({
  kind: 'stream',
  run: async (inputs: Inputs) => {
    let all = 0
    for await (const n of inputs) all += n
    return all
  },
})
/** Tells of every input what it is told, and emits too. */
export const streamFacts: CoroDefinition = defineCoro({
  kind: 'stream',
  setup: () => 'state',
  run: async function* (inputs: Inputs, ctx: Context) {
    for await (const n of inputs) {
      yield [n, ctx.index, ctx.meta, ctx.state, ctx.worker.index]
      ctx.emit('left', n, { meta: { by: 'emit' } })
    }
    note(ctx, 'over')
  },
  teardown: (ctx, reason) => note(ctx, 'teardown', reason),
})
/** Fails at its third input. */
export const breaking: CoroDefinition = defineCoro({
  kind: 'stream',
  run: async function* (inputs: Inputs) {
    let taken = 0
    for await (const n of inputs) {
      if (++taken === 3) throw new RangeError('broken')
      yield n
    }
  },
})
/** Says with which reason its input ends. */
export const consuming: CoroDefinition = defineCoro({
  kind: 'stream',
  run: async function* (inputs: Inputs, ctx: Context) {
    try {
      for await (const n of inputs) {
        yield n
        note(ctx, 'took', n)
      }
    } finally {
      note(ctx, 'cleaned up')
    }
  },
})
/** Adds up what is checked. */
export const checkedSum: CoroDefinition = defineCoro({
  input: { type: 'number' },
  output: { type: 'number' },
  setup: () => ({ sum: 0 }),
  run: (n: number, { state }: Context<{ sum: number }>) => {
    state.sum += n
    return DROP
  },
  flush: ({ state }: Context<{ sum: number }>) => state.sum,
  teardown: (ctx, reason) => note(ctx, 'teardown', reason),
})
/** Gives null where its items have ended, and emits when nobody listens any more. */
export const nullAtEnd: CoroDefinition = defineCoro({
  setup: () => null,
  run: (_: unknown, { state }: Context) => [state],
  flush: () => null,
  teardown: (ctx) => {
    ctx.emit('left', 'too late')
    note(ctx, 'teardown')
    return () => 'of no interest'
  },
})
/** A stream of numbers. */
export const checkedStream: CoroDefinition = defineCoro({
  ...doubling,
  input: { type: 'number' },
  output: { type: 'number' },
})

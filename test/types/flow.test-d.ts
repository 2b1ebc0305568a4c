import { type Context, DROP, defineCoro } from '@pipelines/core'
import { concat, elementIndex, type Flow, flow, type Indexed } from '@pipelines/flow'
import { type Callable, Pipeline } from '@pipelines/flow/blllib'
import * as pl from '@pipelines/flow/pypeln'

/** Compiled, never run: what goes from stage to stage has the type that it says. */

/** Whether two types are the same one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => {}

type OutOf<F> = F extends Flow<infer Out, never> ? Out : F extends Flow<infer Out, infer _> ? Out : never
const gives =
  <Expected>() =>
  <F>(_: F, __: Same<OutOf<F>, Expected>): void => {}

const numbers = flow([1, 2, 3])

// Sources.
gives<number>()(numbers, true)
gives<string>()(flow(new Set(['a'])), true)
gives<number>()(flow(Uint8Array.of(1)), true)
gives<Date>()(flow((async function* () { yield new Date() })()), true) // biome-ignore format: short
gives<number>()(flow(new ReadableStream<number>()), true)
// @ts-expect-error: not iterable
flow({ length: 1 })
// @ts-expect-error: not iterable
flow(5)

// map.
gives<string>()(numbers.map(String), true)
gives<string>()(
  numbers.map(async (n) => String(n)),
  true,
)
gives<string>()(numbers.map(function* (n) { yield String(n) }), true) // biome-ignore format: short
gives<string>()(numbers.map(async function* (n) { yield String(n) }), true) // biome-ignore format: short
gives<string>()(
  numbers.map((n) => [String(n)].values()),
  true,
)
gives<number[]>()(
  numbers.map((n) => [n]),
  true,
)
gives<Set<number>>()(
  numbers.map((n) => new Set([n])),
  true,
)
gives<number>()(
  numbers.map((n) => (n > 1 ? n : DROP)),
  true,
)
gives<number>()(
  numbers.map(async (n) => (n > 1 ? n : DROP)),
  true,
)
gives<number>()(numbers.map(function* (n) { yield n > 1 ? n : DROP }), true) // biome-ignore format: short

// filter: a guard narrows.
const mixed = flow<string | number>(['a', 1])
gives<string | number>()(mixed.filter(Boolean), true)
gives<string>()(
  mixed.filter((one): one is string => typeof one === 'string'),
  true,
)
gives<string | number>()(
  mixed.filter(async (one) => one !== 'a'),
  true,
)

// flatMap: anything that has parts.
gives<string>()(
  flow(['ab']).flatMap((text) => [...text]),
  true,
)
gives<string>()(
  flow(['ab']).flatMap(async (text) => new Set(text)),
  true,
)
gives<number>()(numbers.flatMap(function* (n) { yield n }), true) // biome-ignore format: short
gives<number>()(numbers.flatMap(async function* (n) { yield n }), true) // biome-ignore format: short
// @ts-expect-error: a number has no parts
numbers.flatMap((n) => n + 1)

// The others.
gives<never>()(
  numbers.each(() => 'a'),
  true,
)
gives<number>()(
  numbers.tee(() => 'a'),
  true,
)
gives<number[]>()(numbers.batch(2), true)
gives<number[]>()(numbers.window(2, { step: 2 }), true)
gives<number>()(
  numbers
    .take(2)
    .skip(1)
    .distinct((n) => n % 2)
    .ordered(),
  true,
)
gives<string>()(numbers.node<string>('std.map', { fn: String }), true)
gives<unknown>()(numbers.node('std.print'), true)
gives<number>()(numbers.node<number>(defineCoro({ run: (n: number) => n })), true)
const sum = defineCoro({ refs: ['fns'], run: (n: number, { args }) => n + Object.keys(args).length })
gives<number>()(numbers.node<number>(sum), true)

// Several items at once.
gives<number>()(
  numbers.map(([a = 0, b = 0]) => b - a, { stateful: 2 }),
  true,
)
gives<string>()(
  numbers.map((n) => n.toFixed(), { stateful: true }),
  true,
)
gives<string>()(
  numbers.map((n) => n.toFixed(), { stateful: false }),
  true,
)
gives<number>()(
  numbers.map((window) => window.length, { window: { size: 2 } }),
  true,
)
gives<string>()(
  numbers.map((batch) => batch.map(String), { batch: { size: 2 } }),
  true,
)
gives<string>()(
  numbers.map(async (batch) => batch.map(String), { batch: { size: 2 } }),
  true,
)
gives<string>()(
  numbers.map((batch) => batch.map(String), { batch: { size: 2, returns: 'each' } }),
  true,
)
gives<number>()(
  numbers.map((batch) => batch.length, { batch: { size: 2, returns: 'one' } }),
  true,
)
gives<number[]>()(
  numbers.map((batch) => batch, { batch: { size: 2, returns: 'one' } }),
  true,
)
gives<string>()(
  mixed
    .filter((one): one is string => typeof one === 'string')
    .flatMap((text) => [text.length])
    .batch(2)
    .map((batch) => batch.length)
    .window(3)
    .map((window) => window.at(-1) ?? 0)
    .map(([a = 0, b = 0]) => (a > b ? 'falls' : 'grows'), { stateful: 2 })
    .map((word) => word.toUpperCase()),
  true,
)

// The state is what onStart gives, or promises.
gives<number>()(
  numbers.map((n, { state }) => n + state.more, { onStart: () => ({ more: 1 }) }),
  true,
)
gives<number>()(
  numbers.map((n, { state }) => n + state.more, { onStart: async () => ({ more: 1 }) }),
  true,
)
gives<number>()(
  numbers.map((n, { state }) => n + state, {
    onStart: ({ worker }: Context) => worker.index,
    onDone: ({ state }, { done, activeWorkers, reason }) => [state + activeWorkers, done, reason],
  }),
  true,
)
numbers.filter((n, { state }) => state.has(n), { onStart: () => new Set([1]) })
numbers.flatMap((n, { state }) => [...state, n], { onStart: () => [1] })
numbers.each((n, { state }) => state.push(n), { onStart: (): number[] => [] })
numbers.tee((n, { state }) => state.push(n), { onStart: (): number[] => [] })
numbers.map((_, context) => same<typeof context.state, undefined>(true))
// @ts-expect-error: the state has no such part
numbers.map((n, { state }) => n + state.less, { onStart: () => ({ more: 1 }) })

// Not allowed.
// @ts-expect-error: filter sees one item
numbers.filter((n) => n > 1, { stateful: 2 })
// @ts-expect-error: each sees one item
numbers.each((n) => n, { window: { size: 2 } })
// @ts-expect-error: no such option
numbers.map((n) => n, { worker: 2 })
// @ts-expect-error: a flow has no port for errors
numbers.map((n) => n, { onError: 'route' })
// @ts-expect-error: distinct has no hooks
numbers.distinct((n) => n, { onStart: () => 1 })

// concat.
gives<number | string>()(numbers.concat(flow(['a'])), true)
gives<number | string | boolean>()(numbers.concat(flow(['a']), flow([true])), true)
gives<number>()(concat([numbers, numbers.map((n) => n + 1)]), true)
gives<number | string>()(concat([numbers, flow(['a'])]), true)

// Flows without a source.
const open = flow<string>().map((text) => text.length)
same<typeof open, Flow<number, string>>(true)
gives<number>()(flow(['a']).pipe(open), true)
gives<string>()(
  numbers.pipe((given) => given.map(String)),
  true,
)
same<ReturnType<typeof count>, Promise<number[]>>(true)
const count = () => numbers.pipe((given) => given.toArray())
same<typeof twoOpen, Flow<boolean, string>>(true)
const twoOpen = open.pipe(flow<number>().map((n) => n > 1))
same<typeof diamond, Flow<number | boolean, string>>(true)
const diamond = concat([open, open.map((n) => n > 1)])

// Runs: with a source no input, without one its items first.
same<ReturnType<typeof toArray>, Promise<number[]>>(true)
const toArray = () => numbers.toArray(undefined, { deadlineMs: 5, executors: [] })
export const opened = () => [open.toArray(['a']), open.run(['a']), open.toIterable({ maxSize: 1 }, ['a'])]
// @ts-expect-error: it has a source
numbers.run([1])
// @ts-expect-error: it has none
open.run()
// @ts-expect-error: it has none
open.toArray()
// @ts-expect-error: these are no texts
open.toArray([1])
// @ts-expect-error: no such option of a run
numbers.run(undefined, { parallel: true })

// Items one by one, and their places.
same<ReturnType<typeof items>, AsyncGenerator<number, void, void>>(true)
const items = () => numbers.toIterable({ maxSize: 3 })
same<ReturnType<typeof indexed>, AsyncGenerator<Indexed<number>, void, void>>(true)
const indexed = () => numbers.toIterable({ returnIndex: true })
same<ReturnType<typeof place>, readonly number[] | undefined>(true)
const place = (context: Context) => elementIndex(context)

// pypeln: in call form, in partial form, and joined.
const toText = (n: number): string => String(n)
const lengthOf = (text: string): number => text.length
const stages = () => ({
  mapped: pl.task.map(toText, [1]),
  mappedLater: pl.task.map(toText)([1]),
  filtered: pl.thread.filter((n: number) => n > 1, [1]),
  parts: pl.process.flatMap((n: number) => [String(n)], new Set([1])),
  none: pl.sync.each(toText, [1]),
  ran: pl.sync.each(toText, [1], { run: true }),
  ranLater: pl.sync.each(toText, { run: true })([1]),
  piped: pl.pipe([1], pl.task.map(toText), pl.sync.map(lengthOf)),
  pipedLater: pl.pipe(pl.task.map(toText), pl.sync.map(lengthOf))([1]),
  pipedToLists: pl.pipe(pl.task.map(toText), pl.sync.map(lengthOf), (stage: Flow<number>) => stage.toArray())([1]),
  pipedByMethods: pl.pipe([1], (source) => source.map(toText), (source) => source.map((text) => text.length)), // biome-ignore format: a line per case
  together: pl.sync.concat<number | string>([[1], flow(['a'])]),
  sorted: pl.task.ordered(flow(['a'])),
  begun: pl.process.fromIterable(new Set(['a'])),
  items: pl.sync.toIterable([1]),
  indexed: pl.sync.toIterable([1], { returnIndex: true }),
})
type Stages = ReturnType<typeof stages>
same<Stages['mapped'], Flow<string>>(true)
same<Stages['mappedLater'], Flow<string>>(true)
same<Stages['filtered'], Flow<number>>(true)
same<Stages['parts'], Flow<string>>(true)
same<Stages['none'], Flow<never>>(true)
same<Stages['ran'], Promise<void>>(true)
same<Stages['ranLater'], Promise<void>>(true)
same<Stages['piped'], Flow<number>>(true)
same<Stages['pipedLater'], Flow<number>>(true)
same<Stages['pipedToLists'], Promise<number[]>>(true)
same<Stages['pipedByMethods'], Flow<number>>(true)
same<Stages['together'], Flow<number | string>>(true)
same<Stages['sorted'], Flow<string>>(true)
same<Stages['begun'], Flow<string>>(true)
same<Stages['items'], AsyncGenerator<number, void, void>>(true)
same<Stages['indexed'], AsyncGenerator<Indexed<number>, void, void>>(true)
pl.task.map((n: number, { state }: Context<{ more: number }>) => n + state.more, [1], { onStart: () => ({ more: 1 }) })
// @ts-expect-error: these are no numbers
pl.task.map(toText, ['a'])
// @ts-expect-error: these are no numbers
pl.task.map(toText)(['a'])
// @ts-expect-error: what comes is a text
pl.pipe([1], pl.task.map(toText), pl.task.map(toText))
// @ts-expect-error: what comes is a text
pl.pipe(pl.task.map(toText), pl.task.map(toText))
// @ts-expect-error: no windows here
pl.task.map(toText, [1], { stateful: 2 })

// blllib: callables of several kinds; what comes out is said by who applies them.
const callables: readonly Callable[] = [
  toText,
  Object.assign(toText, { stateful: false, batchSize: 2 }),
  { call: toText },
]
gives<unknown>()(new Pipeline(callables).apply([1]), true)
gives<string>()(new Pipeline(callables, { workers: 2 }).apply<string>([1]), true)
// @ts-expect-error: says nothing
new Pipeline([Object.assign(toText, { stateful: 'yes' })])
// @ts-expect-error: no callable
new Pipeline([{ run: toText }])

import {
  type Context,
  type CoroDefinition,
  type CoroKind,
  DROP,
  defineCoro,
  type Executor,
  PipelineError,
  type Runner,
  type SourceOutput,
  type StreamInputs,
} from '@pipelines/core'
import { isPromise } from './coro-map.js'
import { type Validator, validatorOf } from './schemas.js'

/** The node at which values are checked. */
export interface CheckedNode {
  readonly node: string
  readonly kind: CoroKind
  /** Whether the node has no successors: `undefined` is no output then. */
  readonly leaf: boolean
  /** Whether a call gets a list of items. */
  readonly several: boolean
  /** Whether a call gives a list with one output per item. */
  readonly each: boolean
}

/**
 * The same coroutine, with `input` and `output` checked per item: what does not fit throws `PLB_CORO_TYPE`, which is an
 * error of the item like any other. A Standard Schema may transform: the coroutine gets, and gives, what it makes.
 * Values given by `ctx.emit` are not checked. Throws if a schema itself cannot be used.
 */
export function validated(coro: CoroDefinition, at: CheckedNode): CoroDefinition {
  if (coro.input === undefined && coro.output === undefined) return coro
  const taken = coro.input === undefined ? same : checker(validatorOf(coro.input), at, 'input')
  const given = coro.output === undefined ? same : checker(validatorOf(coro.output), at, 'output')
  const gives = coro.output === undefined ? same : outputs(given, at)
  const run = coro.run as (input: unknown, context: Context) => unknown
  const before = inputsOf(at.kind, at.several ? members(taken) : taken, given)
  const after = at.each ? later(members(skipping(given, at))) : gives
  return defineCoro<unknown>({
    ...(coro as CoroDefinition<unknown>),
    run: (input, context) => after(run.call(coro, before(input), context)),
    ...(coro.flush && { flush: (context: Context) => gives(coro.flush?.(context)) }),
  })
}

/** The same executor, for a node whose values are checked on this side of it. */
export function checkedExecutor(executor: Executor, at: CheckedNode): Executor {
  const checked = (runner: Runner, { input, output }: CoroDefinition): Runner => {
    const { run, flush } = validated(
      { ...definitionOf(runner), ...(input && { input }), ...(output && { output }) },
      at,
    )
    const call = run as Runner['run']
    return {
      ...(runner.ready && { ready: runner.ready }),
      run: (value, context) => call(value, context),
      ...(flush && { flush }),
      ...(runner.free && { free: () => runner.free?.() }),
      ...(runner.setup && { setup: (context: Context) => runner.setup?.(context) }),
      ...(runner.teardown && { teardown: (context: Context, reason: unknown) => runner.teardown?.(context, reason) }),
      ...(runner.close && { close: async (reason: unknown) => runner.close?.(reason) }),
      ...(runner.kill && { kill: async () => runner.kill?.() }),
    }
  }
  return {
    name: executor.name,
    copies: executor.copies === true,
    open: (binding) => {
      const opened = executor.open(binding)
      return isPromise(opened)
        ? Promise.resolve(opened).then((runner) => checked(runner, binding.coro))
        : checked(opened as Runner, binding.coro)
    },
  }
}

/** What a runner runs, as a coroutine. */
function definitionOf(runner: Runner): CoroDefinition {
  return defineCoro<unknown>({
    run: (value, context) => runner.run(value, context),
    ...(runner.flush && { flush: (context: Context) => runner.flush?.(context) }),
  })
}

type Change = (value: unknown) => unknown
const same: Change = (value) => value

function checker(validate: Validator, { node }: CheckedNode, side: 'input' | 'output'): Change {
  return (value) => {
    const verdict = validate(value, 'it')
    if (verdict.ok) return verdict.value
    const [first] = verdict.problems
    throw new PipelineError('CORO_TYPE', {
      node,
      what: `${side === 'input' ? 'was given an input' : 'gave an output'} that does not fit: ${first?.what ?? 'no reason is given'}`,
    })
  }
}

/** What the first parameter of `run` becomes. */
function inputsOf(kind: CoroKind, takes: Change, puts: Change): Change {
  switch (kind) {
    case 'map':
      return takes
    case 'stream':
      return (inputs) => checkedInputs(inputs as StreamInputs, takes)
    case 'source':
      return (output) => checkedOutput(output as SourceOutput, puts)
    default:
      return kind satisfies never
  }
}

function checkedInputs(inputs: StreamInputs, takes: Change): StreamInputs {
  return Object.assign(each(inputs, takes), {
    some: async (most: number) => {
      const some = await inputs.some(most)
      return { ...some, inputs: some.inputs.map(({ value, meta }) => ({ value: takes(value), meta })) }
    },
    advance: () => inputs.advance(),
    places: (most: number) => inputs.places(most),
  })
}

function checkedOutput(output: SourceOutput, puts: Change): SourceOutput {
  return { ...output, put: async (value, options) => output.put(puts(value), options) }
}

/** Checks what a list holds; that it is one, is checked where it is used. */
const members =
  (check: Change): Change =>
  (list) =>
    Array.isArray(list) ? list.map((value) => check(value)) : list

/** Checks a value that may be promised. */
function later(check: Change): Change {
  return (value) => (isPromise(value) ? value.then(check) : check(value))
}

/** Lets through what is no output. */
const skipping =
  (check: Change, { kind, leaf }: CheckedNode): Change =>
  (value) =>
    value === DROP || (value === undefined && (leaf || kind !== 'map')) ? value : check(value)

/** Checks what a coroutine returns, whatever form its outputs come in. */
function outputs(check: Change, at: CheckedNode): Change {
  const { kind } = at
  const whole = skipping(check, at)
  const gives: Change = (value) => {
    if (isPromise(value)) return value.then(gives)
    if (value === DROP || value === undefined) return whole(value)
    if (typeof value !== 'object' || value === null) return kind === 'map' ? check(value) : value
    if (kind === 'map' && !('next' in value)) return check(value)
    if (Symbol.asyncIterator in value) return each(value as AsyncIterable<unknown>, skipDrops(check))
    if (Symbol.iterator in value) return eachNow(value as Iterable<unknown>, skipDrops(check))
    return kind === 'map' ? check(value) : value
  }
  return gives
}

const skipDrops =
  (check: Change): Change =>
  (value) =>
    value === DROP ? value : check(value)

/** Not a generator: one that waits would make `return` wait too, and closing must reach the iterator at once. */
function each(values: AsyncIterable<unknown>, change: Change): AsyncIterableIterator<unknown> {
  const iterator = values[Symbol.asyncIterator]()
  return {
    async next() {
      const step = await iterator.next()
      return step.done === true ? step : { done: false, value: change(step.value) }
    },
    async return() {
      await iterator.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

function* eachNow(values: Iterable<unknown>, change: Change): Generator<unknown> {
  for (const value of values) yield change(value)
}

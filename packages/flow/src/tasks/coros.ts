import {
  type Context,
  type CoroDefinition,
  defineCoro,
  isGenerator,
  isThenable,
  iteratorOf,
  PipelineError,
  show,
} from '@pipelines/core/coro'

/*
 * The coroutines of tasks. Workers load this module, so it imports little. The function of a task is named by the arg
 * `fn`: a closure in this program, or an export of a module anywhere.
 */

const args: Readonly<Record<string, unknown>> = {
  type: 'object',
  required: ['fn'],
  additionalProperties: false,
  properties: {
    fn: { type: 'string', description: 'Name of the function of the task.' },
    constants: { type: 'object', description: 'What the function is given beside its inputs.' },
  },
}

/** The first of several tasks: `fn(constants, ctx)` gives items. */
export const source: CoroDefinition = defineCoro<never>({
  kind: 'source',
  args,
  refs: ['fn'],
  run: (_output, context) => itemsOf(functionOf(context)(constantsOf(context), context), context),
})

/** A task between two others: `fn(inputs, constants, ctx)` takes items and gives items. */
export const stage: CoroDefinition = defineCoro<never>({
  kind: 'stream',
  args,
  refs: ['fn'],
  run: (inputs, context) => itemsOf(functionOf(context)(inputs, constantsOf(context), context), context),
})

/** The last of several tasks: `fn(inputs, constants, ctx)` takes items and gives none. */
export const sink: CoroDefinition = defineCoro<never>({
  kind: 'stream',
  args,
  refs: ['fn'],
  run: async (inputs, context) =>
    assertNoItems(await functionOf(context)(inputs, constantsOf(context), context), context),
})

/** A task by itself: `fn(constants, ctx)` neither takes nor gives items. */
export const single: CoroDefinition = defineCoro<never>({
  kind: 'source',
  args,
  refs: ['fn'],
  run: async (_output, context) => assertNoItems(await functionOf(context)(constantsOf(context), context), context),
})

const lineArgs: Readonly<Record<string, unknown>> = {
  type: 'object',
  required: ['fns', 'constants'],
  additionalProperties: false,
  properties: {
    fns: { type: 'array', items: { type: 'string' }, description: 'Names of the functions of tasks, in their order.' },
    constants: {
      type: 'array',
      items: { type: 'object' },
      description: 'What each of them is given beside its inputs.',
    },
  },
}

/** The first tasks of several, called at once: each takes the generator of the one before it. */
export const line: CoroDefinition = defineCoro<never>({
  kind: 'source',
  args: lineArgs,
  refs: ['fns'],
  run: (_output, context) => itemsOf(callAll(context), context),
})

/** All of several tasks, called at once: the last gives no items. */
export const whole: CoroDefinition = defineCoro<never>({
  kind: 'source',
  args: lineArgs,
  refs: ['fns'],
  run: async (_output, context) => assertNoItems(await callAll(context), context),
})

function callAll(context: Context): unknown {
  const fns = context.args.fns as readonly AnyFunction[] // what `refs` has put in the place of the names
  const constants = context.args.constants as readonly object[] // as `args` says
  return fns.reduce<unknown>(
    (items, fn, place) => (place === 0 ? fn(constants[place], context) : fn(both(items), constants[place], context)),
    undefined,
  )
}

/** Lets a generator be taken from as any other inputs too. */
function both(items: unknown): unknown {
  const iterator = isGenerator(items) ? items : undefined
  if (iterator === undefined || !(Symbol.iterator in iterator)) return items
  const late = (): AsyncIterator<unknown> => oneByOne(iterator as Iterable<unknown>) // as was just seen
  return Object.defineProperty(items, Symbol.asyncIterator, { value: late })
}

async function* oneByOne(items: Iterable<unknown>): AsyncGenerator<unknown, void, void> {
  for (const item of items) yield item
}

type AnyFunction = (...parameters: readonly unknown[]) => unknown

/** What `refs` has put in the place of the name. */
const functionOf = ({ args }: Context): AnyFunction => args.fn as AnyFunction

const NO_CONSTANTS: object = Object.freeze({})
const constantsOf = ({ args }: Context): unknown => args.constants ?? NO_CONSTANTS

/** What a function has returned, as something that the engine takes apart. */
function itemsOf(returned: unknown, context: Context): unknown {
  if (isGenerator(returned)) return returned
  if (isThenable(returned)) return returned.then((late) => itemsOf(late, context))
  const iterator = iteratorOf(returned)
  if (iterator !== undefined) return all({ [Symbol.asyncIterator]: () => iterator as AsyncIterator<unknown> })
  throw new PipelineError('CORO_TYPE', {
    node: context.node,
    what: `is not the last task, so it has to give items, but its function returned ${show(returned)}`,
    hint: 'Make it a generator.',
  })
}

async function* all(items: AsyncIterable<unknown>): AsyncGenerator<unknown, void, void> {
  yield* items
}

/** A generator that nobody draws from would have done nothing. Any other value is not looked at. */
function assertNoItems(returned: unknown, { node }: Context): undefined {
  if (!isGenerator(returned)) return undefined
  throw new PipelineError('CORO_TYPE', {
    node,
    what: 'is the last task, so nobody takes what it gives, but its function returned a generator',
    hint: 'Let it take items in an async function, or add a task behind it.',
  })
}

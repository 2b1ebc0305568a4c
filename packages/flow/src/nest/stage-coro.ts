import { type Context, type CoroDefinition, DROP, defineCoro } from '@pipelines/core/coro'
import type { Stage } from './stage.js'
import { type StageInputs, StageRun } from './stage-run.js'

/** A class of stages. */
export type StageClass<Args extends readonly unknown[] = readonly never[]> = new (...args: Args) => Stage

interface StageCoroOptions {
  /** Whether it has no input: what it gives is put in `setup`. */
  readonly isSource: boolean
  /** Whether items carry how long they took. */
  readonly timed?: boolean
}

/** A coroutine of which each worker is a stage. */
export function stagesCoro(
  stageOf: (context: Context) => Stage,
  { isSource, timed = false }: StageCoroOptions,
): CoroDefinition<never, StageRun> {
  return defineCoro<never, StageRun>({
    kind: isSource ? 'source' : 'stream',
    setup: (context) => new StageRun(stageOf(context), context, { drop: DROP, timed }),
    run: (inputs, { state }) => state.run(isSource ? undefined : endable(inputs)),
    teardown: ({ state }, reason) => state.end(reason),
  })
}

/**
 * A class of stages as a coroutine that a graph can name, and that threads and processes can load from the module which
 * exports it. Each worker is an instance of its own, made with the list that the node has as its arg `args`.
 *
 * @param options `source: true` for a class whose stages have no input
 *
 * @example
 * export const resize = stageCoro(Resize) // in work.ts
 * step(work.resize, { executor: 'thread', workers: 4, args: { args: [640, 480] } })
 */
export function stageCoro<Args extends readonly unknown[]>(
  Class: StageClass<Args>,
  options: { readonly source?: boolean } = {},
): CoroDefinition {
  const make = ({ args: { args = [] } }: Context): Stage => new Class(...(args as Args)) // checked to be a list
  const args = {
    type: 'object',
    additionalProperties: false,
    properties: { args: { type: 'array', description: 'What the stage is constructed with.' } },
  }
  return defineCoro({ ...stagesCoro(make, { isSource: options.source === true }), args })
}

/** What a stage consumes, with a way to end it from outside. */
function endable(inputs: AsyncIterable<unknown>): StageInputs {
  const iterator = inputs[Symbol.asyncIterator]()
  return { end: () => iterator.return?.(), [Symbol.asyncIterator]: () => iterator }
}

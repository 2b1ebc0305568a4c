import type { Context, Coro, CoroDefinition } from '@pipelines/core'
import type { PropertiesDocument } from '@pipelines/plumber'
import type { WorkerStatus } from '@pipelines/std'

/** A function that gives an item the key by which a stage keeps items apart. */
type KeyOf = (value: never, context: Context) => unknown

/** What is said in another way here, or has no meaning: a flow has no edges from ports. */
type NotHere = 'partitionBy' | 'aggregate_inputs' | 'onError' | 'onTimeout'

/** How a stage works: every property of a node, with the defaults of a graph. */
export interface NodeOptions extends Omit<PropertiesDocument, NotHere> {
  /** What an item does that fails for good: ends the run, or is counted and left out. @defaultValue `'fail'` */
  readonly onError?: 'fail' | 'skip' | undefined
  /** The same for one that ran out of time. @defaultValue as `onError` */
  readonly onTimeout?: 'fail' | 'skip' | undefined
  /** Name of the node. @defaultValue the name of the function, or what the stage does */
  readonly name?: string | undefined
  /** Gives an item's key: per key one item at a time, in order. */
  readonly partitionBy?: KeyOf | undefined
  /**
   * Items, or windows of items, that may be in progress or wait in front of it: so many workers, or where there can be one
   * only (`stateful: true`), a queue of that size.
   */
  readonly batchSize?: number | undefined
  /** Runs it in the program itself, whatever `executor` says. */
  readonly runInMaster?: boolean | undefined
}

/** The same for a stage that calls a function: what surrounds its calls too. */
export interface StageOptions<State = unknown> extends NodeOptions {
  /**
   * Runs once per worker, before its first item. What it gives, or promises, is `ctx.state`. For the compiler to know that, a
   * parameter of it needs its type: `(ctx: Context) => …`.
   */
  readonly onStart?: ((context: Context) => State | PromiseLike<State>) | undefined
  /** Runs once per worker that was started, whatever ended it. */
  readonly onDone?: ((context: Context<State>, status: WorkerStatus) => unknown) | undefined
}

/** The same for a stage whose function gets one item at a time. */
export interface ItemOptions<State = unknown> extends Omit<StageOptions<State>, 'stateful' | 'window' | 'batch'> {
  /** `true`: one worker, in order. @defaultValue `false` */
  readonly stateful?: boolean | undefined
}

/** One step of a flow. It knows what comes before it; two steps behind the same one share it. */
export type Stage = WorkStage | SourceStage | InletStage | MergeStage | OrderedStage

export interface WorkStage {
  readonly kind: 'work'
  readonly label: string
  readonly coro: string | Coro | CoroDefinition
  readonly args?: Readonly<Record<string, unknown>> | undefined
  readonly refs?: Readonly<Record<string, Coro | undefined>> | undefined
  readonly options: NodeOptions
  /** None where it is a source. */
  readonly inputs: readonly Stage[]
}

export interface SourceStage {
  readonly kind: 'source'
  readonly data: Iterable<unknown> | AsyncIterable<unknown>
  readonly options: SourceOptions
  readonly inputs: readonly []
}

export interface InletStage {
  readonly kind: 'inlet'
  readonly options: SourceOptions
  readonly inputs: readonly []
}

export interface MergeStage {
  readonly kind: 'merge'
  readonly options: NodeOptions
  readonly inputs: readonly Stage[]
}

export interface OrderedStage {
  readonly kind: 'ordered'
  readonly options: OrderedOptions
  readonly inputs: readonly [Stage]
}

/** Where a flow begins. */
export interface SourceOptions {
  /** Name of the node. @defaultValue `'from'` */
  readonly name?: string | undefined
  /** Whether items know their place in the source. @see {@link elementIndex} */
  readonly elementIndex?: boolean | undefined
}

/** How items are put in order again. */
export interface OrderedOptions {
  /** Name of the node. @defaultValue `'ordered'` */
  readonly name?: string | undefined
  /**
   * Most items that are held; one that comes too late for that ends the run. Sources may be apart by what the queues between
   * hold, so it has to be more than that.
   *
   * @defaultValue none
   */
  readonly window?: number | undefined
}

/** Everything that some stages need, what comes first before what comes after it. */
export function stagesOf(ends: readonly Stage[]): Stage[] {
  const ordered = new Set<Stage>()
  const waiting: { readonly stage: Stage; next: number }[] = []
  for (const end of ends) {
    waiting.push({ stage: end, next: 0 })
    for (let top = waiting.at(-1); top !== undefined; top = waiting.at(-1)) {
      const input = ordered.has(top.stage) ? undefined : top.stage.inputs[top.next++]
      if (input !== undefined) waiting.push({ stage: input, next: 0 })
      else ordered.add((waiting.pop() ?? top).stage)
    }
  }
  return [...ordered]
}

/** The same ends, with others in the place of their inlets. What several ends share they share afterwards too. */
export function fedBy(ends: readonly Stage[], inlets: ReadonlyMap<Stage, Stage>): Stage[] {
  const made = new Map<Stage, Stage>(inlets)
  for (const stage of stagesOf(ends)) {
    if (made.has(stage)) continue
    const inputs = stage.inputs.map((input) => made.get(input) ?? input)
    const same = inputs.every((input, place) => input === stage.inputs[place])
    made.set(stage, same ? stage : ({ ...stage, inputs } as Stage)) // as many inputs as before
  }
  return ends.map((end) => made.get(end) ?? end)
}

import type { PublicCode } from '@pipelines/core'
import type { Random } from '@pipelines/testkit'
import type { Member } from './calls.js'
import type { MatrixGraph, MatrixNode } from './graphs.js'
import { Model, type ModelCall } from './model.js'
import type { Call, Trial } from './trial.js'

/** A row of the matrix: something that goes wrong, in any graph. */
export interface Fault {
  /** A sentence about what happens. */
  readonly name: string
  /** Decides where and how it strikes. */
  readonly strike: (target: Target) => Strike
}

/** What a fault is to strike. */
export interface Target {
  readonly graph: MatrixGraph
  /** What the graph gives if nothing goes wrong. */
  readonly model: Model
  readonly random: Random
}

/** How a fault strikes one graph, and how the run must end. */
export interface Strike {
  /** The graph with other settings, or with more nodes. @defaultValue as it is */
  readonly graph?: MatrixGraph
  /** What a call does in place of its work; `undefined` for its work. */
  readonly call?: (call: Call, trial: Trial) => (() => unknown) | undefined
  /** What a source does before it makes an item, or at its end, in place of waiting. May throw. */
  readonly source?: (node: MatrixNode, place: number, trial: Trial) => Promise<void> | undefined
  /** Hooks of a node's coroutine. */
  readonly hooks?: (node: MatrixNode, trial: Trial) => object | undefined
  /** Starts the run and interferes; then it is driven to its end. @defaultValue only starts it */
  readonly act?: (trial: Trial) => Promise<void>
  /** How the run must have ended; asked when it has. */
  readonly ending: (trial: Trial) => Ending
}

/** How a run must end. */
export interface Ending {
  readonly outcome: 'completed' | 'failed' | 'doomed'
  readonly error?: { readonly code: PublicCode; readonly name?: string; readonly details?: object }
  /** What `report.error.cause` and `report.reason` must be. */
  readonly cause?: unknown
  readonly reason?: unknown
  /** Nodes that are given up. @defaultValue none */
  readonly abandoned?: readonly string[]
  /** What every count, verdict and output must be as in; absent where the end came at any moment. */
  readonly exact?: Model
  /** A node of which nothing is known exactly, as it closes when it wants to. */
  readonly except?: string
  /** What outputs must be among. @defaultValue `exact`, or what the graph gives if nothing goes wrong */
  readonly possible?: Model
  /** Whether some consumer wanted no more, so that it is not known how much its sources have made. */
  readonly closes?: boolean
}

/** The run fails because of what was thrown at a node. */
export function failedAt({ name }: MatrixNode, cause: unknown, phase = 'run'): Ending {
  const details = { node: name, attempts: 1, phase }
  return { outcome: 'failed', error: { code: 'PLB_NODE_FAILED', details }, cause }
}

/** The run ends at once, because somebody said so. */
export function doomedBy(reason: unknown): Ending {
  return { outcome: 'doomed', error: { code: 'PLB_RUN_DOOMED', name: 'AbortError' }, reason }
}

/** The run ends by itself, as computed. */
export function endingOf(model: Model): Ending {
  if (model.unequal === undefined) return { outcome: 'completed', exact: model }
  const { node } = model.unequal
  return { outcome: 'failed', error: { code: 'PLB_RUN_UNEQUAL', details: { node } }, possible: model, closes: true }
}

/** How many items the sources have made. */
export function givenBy({ graph, made }: Trial): ReadonlyMap<string, number> {
  return new Map(graph.nodes.map(({ name }) => [name, made.get(name)?.length ?? 0]))
}

/** What the graph gives of the items that its sources have made. */
export function madeOnly(trial: Trial): Model {
  return new Model(trial.graph, { given: givenBy(trial) })
}

/** One call that a fault strikes, drawn among those that are made if nothing goes wrong. */
export function victimIn({ model, random }: Target, where: (node: MatrixNode) => boolean = () => true): ModelCall {
  return random.pick(model.calls.filter(({ node }) => where(node)))
}

/** Whether a call is for this item, alone or with others. */
export function isFor(
  { node, members }: Call,
  victim: { readonly node: MatrixNode; readonly member: Member },
): boolean {
  return node.name === victim.node.name && members.some(({ text }) => text === victim.member.text)
}

/** A moment in the run, as a number of calls that have gone on; now and then before its begin or after its end. */
export function anyMoment({ model, random }: Target): number {
  return random.integer(0, Math.ceil(model.calls.length * 0.9))
}

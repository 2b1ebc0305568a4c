import type { Coro, CoroDefinition } from '@pipelines/core'
import type { NewProperties } from '../blueprint.js'
import type { Stage } from './stage.js'

/** What a nest is made of, when it has been checked. */
export type Part = WorkPart | StagesPart | GroupPart

/** One coroutine. */
export interface WorkPart {
  readonly kind: 'work'
  readonly label: string
  readonly coro: string | Coro | CoroDefinition
  readonly name?: string | undefined
  readonly args?: Readonly<Record<string, unknown>> | undefined
  readonly refs?: Readonly<Record<string, Coro>> | undefined
  readonly properties: NewProperties
  /** The member that it was made from: the same one twice is the same work. */
  readonly member: unknown
}

/** Stages of one class, each of which takes the next item when it is free. */
export interface StagesPart {
  readonly kind: 'stages'
  readonly label: string
  readonly stages: readonly Stage[]
  readonly name?: string | undefined
  readonly properties: NewProperties
}

/** Parts that go together. */
export interface GroupPart {
  readonly kind: 'serial' | 'parallel' | 'broadcast' | 'seq' | 'zip'
  readonly parts: readonly Part[]
  /** What everything in here can put to by name: the parts of other nests. More may come until it is started. */
  readonly cuts?: ReadonlyMap<string, GroupPart> | undefined
}

const nests = new WeakMap<object, GroupPart>()

/** Notes what a nest is made of, for those that it becomes a part of. */
export function setPartOf(nest: object, part: GroupPart): void {
  nests.set(nest, part)
}

/** What a nest is made of; `undefined` for anything else. */
export function partOf(nest: unknown): GroupPart | undefined {
  return typeof nest === 'object' && nest !== null ? nests.get(nest) : undefined
}

/** All stages in a part, in order. */
export function stagesIn(part: Part): readonly Stage[] {
  if (part.kind === 'stages') return part.stages
  return part.kind === 'work' ? [] : part.parts.flatMap(stagesIn)
}

/** Whether all of these are the same work. */
export function isSameWork(parts: readonly Part[]): parts is readonly [WorkPart, ...WorkPart[]] {
  const [first] = parts
  return first?.kind === 'work' && parts.every((part) => part.kind === 'work' && part.member === first.member)
}

/** The same work, by so many more workers. */
export function times(part: WorkPart, count: number): WorkPart {
  const { workers = 1 } = part.properties
  return { ...part, properties: { ordered: false, ...part.properties, workers: workers * count } }
}

/** One node that keeps order, where that is all there is in a part. */
export function alikeIn(part: Part): WorkPart | undefined {
  const parts = part.kind === 'parallel' ? part.parts : [part]
  if (!isSameWork(parts)) return undefined
  const { coro } = parts[0]
  // A stream has no order among its workers.
  if (typeof coro === 'object' && coro.kind === 'stream') return undefined
  const work = times(parts[0], parts.length)
  return { ...work, properties: { ...work.properties, ordered: true } }
}

/**
 * How many items each of several parts may be given that share them: as many as a step has workers where one begins. All
 * else that is several workers is taken apart there.
 */
export function inFlightOf(parts: readonly Part[]): number {
  const workers = parts.flatMap(beginningsOf).map((part) => (part.kind === 'work' ? (part.properties.workers ?? 1) : 1))
  return Math.max(1, ...workers)
}

/** Whether an item that comes to a part goes to more than one node: then it cannot go there as one of several. */
export function startsWide(part: Part): boolean {
  if (part.kind === 'broadcast' || part.kind === 'seq' || part.kind === 'zip') return true
  const first = part.kind === 'serial' || part.kind === 'parallel' ? beginningOf(part) : undefined
  return first !== undefined && startsWide(first)
}

/** The parts of which an item comes to one first. */
function beginningsOf(part: Part): readonly Part[] {
  if (part.kind === 'parallel') return part.parts.flatMap(beginningsOf)
  return part.kind === 'serial' ? part.parts.slice(0, 1).flatMap(beginningsOf) : [part]
}

/** The part that what comes to a group comes to first, where there is one; several in parallel have a node in front. */
function beginningOf({ kind, parts }: GroupPart): Part | undefined {
  return kind === 'serial' || (kind === 'parallel' && parts.length === 1) ? parts[0] : undefined
}

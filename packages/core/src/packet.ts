import { AsyncResource } from 'node:async_hooks'
import type { Meta } from './coro.js'
import type { Frame } from './frames.js'
import type { Request } from './request.js'
import type { Mark, Root } from './roots.js'

/** No facts: what a packet carries unless somebody added some. */
export const NO_META: Meta = Object.freeze({})

const NO_ROOTS: readonly Root[] = []

/**
 * Where a packet came from: the async context of whoever brought its root, and the root itself where a ledger is kept.
 * A coroutine runs in its item's scope and never in that of whoever happened to wake the burst, which in a server would
 * be another user's request.
 */
export class Scope {
  /** Several where a join by position made one packet of several roots. */
  readonly roots: readonly Root[]
  /** Whether its packets are counted. A field of its own: it is looked at for every packet. */
  readonly counted: boolean
  /** The request that its packets belong to. */
  readonly request: Request | undefined
  readonly #resource: AsyncResource

  /** @param like whose async context it shares; a new one otherwise */
  constructor(roots: readonly Root[] = NO_ROOTS, like?: Scope, request?: Request) {
    this.roots = roots
    this.counted = roots !== NO_ROOTS
    this.request = request
    this.#resource = like === undefined ? new AsyncResource('PipelineScope') : like.#resource
  }

  run<A extends unknown[], R>(call: (...args: A) => R, self: unknown, ...args: A): R {
    return this.#resource.runInAsyncScope(call, self, ...args)
  }

  /** So many packets of it come into being: call before the first of them can end. */
  enter(packets: number): void {
    for (const root of this.roots) root.enter(packets)
  }

  /** One of them has ended. */
  leave(): void {
    for (const root of this.roots) root.leave()
  }

  /** Somebody has accepted one of them. */
  accepted(): void {
    for (const root of this.roots) root.accepted = true
  }
}

/** A value inside the engine, with its envelope. Never changed once made: copies to several edges share one packet. */
export class Packet {
  // `declare`: otherwise each field is first defined as undefined and then assigned, which is 5 % of a chain's time.
  declare readonly value: unknown
  declare readonly meta: Meta
  declare readonly scope: Scope
  /** Innermost open frame; `undefined` on chains without joins. */
  declare readonly frame: Frame | undefined
  /** What a tuple was made of: each part is a packet that the node received. */
  declare readonly parts: readonly Packet[] | undefined

  constructor(value: unknown, meta: Meta, scope: Scope, frame?: Frame, parts?: readonly Packet[]) {
    this.value = value
    this.meta = meta
    this.scope = scope
    this.frame = frame
    this.parts = parts
  }

  /** How many received packets it stands for. */
  get weight(): number {
    return this.parts === undefined ? 1 : this.parts.length
  }

  /** Its roots learn what happened to it. */
  mark(mark: Mark): void {
    for (const root of this.scope.roots) root.mark(mark)
  }

  /** Its way ends here: its roots have one packet less on their way, or as many as it was made of. */
  ended(mark?: Mark): void {
    if (!this.scope.counted) return
    if (mark !== undefined) this.mark(mark)
    if (this.parts === undefined || this.parts.length === 0) this.scope.leave()
    else for (const part of this.parts) part.scope.leave()
  }
}

/** Several packets that one call works off together: a batch or a window. */
export class Bundle extends Packet {
  /** Those that end with the call. */
  members: readonly Packet[]
  /** Those whose fate is decided already: worked off, failed, or given up because their request was cancelled. */
  readonly gone: Set<Packet> = new Set()

  constructor(parts: readonly Packet[], members: readonly Packet[], fallback: Scope) {
    const values = parts.map((part) => part.value)
    super(values, mergeMeta(parts), mixedScope(parts, fallback))
    this.members = members
  }

  override get weight(): number {
    return this.left.reduce((weight, member) => weight + member.weight, 0)
  }

  /** The others. */
  get left(): readonly Packet[] {
    return this.gone.size === 0 ? this.members : this.members.filter((member) => !this.gone.has(member))
  }

  /** The fate of the call is decided: the time to tell which items end with it. */
  decide(): void {}

  /** Decides the fate of a member; `false` if it was decided before. */
  settle(member: Packet): boolean {
    if (this.gone.has(member)) return false
    this.gone.add(member)
    return true
  }

  override mark(mark: Mark): void {
    for (const member of this.members) member.mark(mark)
  }

  override ended(mark?: Mark): void {
    for (const member of this.members) member.ended(mark)
  }
}

/** An output that somebody has accepted; where a ledger is kept, call before what it descends from ends. */
export function accepted(value: unknown, meta: Meta, scope: Scope): Packet {
  const output = new Packet(value, meta, scope)
  if (scope.counted) {
    scope.enter(1)
    scope.accepted()
    scope.request?.arrived(output)
  }
  return output
}

/** A packet for a queue that is used without a network. */
export function packet(value: unknown, meta: Meta = NO_META): Packet {
  return new Packet(value, meta, new Scope())
}

/**
 * One packet of several: the tuple of their values, their meta merged in tuple order.
 *
 * @param fallback the scope of a tuple without parts
 * @param carried the parts that are worked off with it; all of them unless they are in other tuples too
 */
export function tupleOf(
  parts: readonly (Packet | undefined)[],
  fallback: Scope,
  frame?: Frame,
  carried?: readonly Packet[],
): Packet {
  // The usual tuple in one pass over its parts: in several it was a fifth of a diamond's time.
  const values: unknown[] = []
  const scope = parts[0]?.scope
  let plain = scope !== undefined
  for (const part of parts) {
    values.push(part?.value)
    if (part === undefined || part.scope !== scope || part.meta !== NO_META) plain = false
  }
  if (plain && scope !== undefined) return new Packet(values, NO_META, scope, frame, carried ?? (parts as Packet[]))
  const present = parts.filter((part) => part !== undefined)
  return new Packet(values, mergeMeta(present), commonScope(present, fallback), frame, carried ?? present)
}

/** The tuple of values that carried nothing. */
export function tupleOfBare(values: readonly unknown[], scope: Scope): Packet {
  const parts = values.map((value) => new Packet(value, NO_META, scope))
  return new Packet(values, NO_META, scope, undefined, parts)
}

/** One packet of several: a list for each of them, their meta merged in tuple order. */
export function listsOf(slots: readonly (readonly Packet[])[], fallback: Scope, frame: Frame): Packet {
  const parts = slots.flat()
  const values = slots.map((slot) => slot.map((part) => part.value))
  return new Packet(values, mergeMeta(parts), commonScope(parts, fallback), frame, parts)
}

/** The scope of the first; where the others have other roots, one that has them all. */
function commonScope(packets: readonly Packet[], fallback: Scope): Scope {
  const scope = packets[0]?.scope ?? fallback
  for (const other of packets)
    if (other.scope !== scope && other.scope.counted)
      return new Scope([...new Set(packets.flatMap((packet) => packet.scope.roots))], scope)
  return scope
}

/**
 * The scope that all have in common, else that of nobody: a call for several must not run in the context of one of them,
 * which in a server would be another user's request.
 */
function mixedScope(packets: readonly Packet[], fallback: Scope): Scope {
  const scope = packets[0]?.scope ?? fallback
  if (packets.every((packet) => packet.scope === scope)) return scope
  const roots = new Set(packets.flatMap((packet) => packet.scope.roots))
  return roots.size === 0 ? fallback : new Scope([...roots], fallback)
}

/** `meta` with more facts; the same object where there are none. */
export function withMeta(meta: Meta, more: Meta | undefined): Meta {
  return more === undefined ? meta : Object.freeze({ ...meta, ...more })
}

function mergeMeta(packets: readonly Packet[]): Meta {
  if (packets.every((part) => part.meta === NO_META)) return NO_META
  const carried = packets.filter((part) => part.meta !== NO_META)
  if (carried.length < 2) return carried[0]?.meta ?? NO_META
  let merged: Meta = NO_META
  for (const part of carried) merged = { ...merged, ...part.meta }
  return Object.freeze(merged)
}

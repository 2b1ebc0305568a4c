import { AsyncResource } from 'node:async_hooks'
import type { Meta } from './coro.js'
import type { Frame } from './frames.js'

/** No facts: what a packet carries unless somebody added some. */
export const NO_META: Meta = Object.freeze({})

/**
 * Where a root came from: the async context of whoever brought it. A coroutine runs in its item's scope and never in
 * that of whoever happened to wake the burst, which in a server would be another user's request.
 */
export class Scope {
  readonly #resource: AsyncResource

  constructor() {
    this.#resource = new AsyncResource('PipelineScope')
  }

  run<A extends unknown[], R>(call: (...args: A) => R, self: unknown, ...args: A): R {
    return this.#resource.runInAsyncScope(call, self, ...args)
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
}

/** A packet for a queue that is used without a network. */
export function packet(value: unknown, meta: Meta = NO_META): Packet {
  return new Packet(value, meta, new Scope())
}

/** One packet of several: the tuple of their values, their meta merged in tuple order, the scope of the first. */
export function tupleOf(parts: readonly (Packet | undefined)[], scope: Scope, frame?: Frame): Packet {
  const present = parts.every((part) => part !== undefined) ? parts : parts.filter((part) => part !== undefined)
  return new Packet(
    parts.map((part) => part?.value),
    mergeMeta(present),
    present[0]?.scope ?? scope,
    frame,
    present,
  )
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

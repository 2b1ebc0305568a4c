import { ERROR_CODES, type Issue, isPipelineError } from '@pipelines/core'
import { Plumber, type PlumberOptions } from '@pipelines/plumber'
import { expect, test } from 'vitest'

/** What documents of strangers are made of, and what must hold of every answer to one. */

/** What was said of a document. */
export interface Answer {
  readonly issues: readonly Issue[]
  /** Processor time of the check, in milliseconds. */
  readonly cost: number
}

/** Longest message, in characters: 8 KB and a few words on how much is missing. */
const LONGEST_MESSAGE = 8_192 + 40
const POINTER = /^(?:\/(?:[^~/]|~0|~1)*)*$/u
const KNOWN: ReadonlySet<string> = new Set(ERROR_CODES)

/**
 * Checks a document, and that the answer is one that a person can act on: known codes, pointers as in RFC 6901, messages
 * of a readable length, never an internal error, no trace on `Object.prototype`; and that the constructor says the same,
 * unless the document is another one each time it is looked at.
 */
export function answer(document: unknown, options?: unknown, answers: 'steady' | 'unsteady' = 'steady'): Answer {
  const { found: issues, cost } = untouched(() => Plumber.check(document, options as PlumberOptions))
  expectProper(issues)
  const { found } = untouched(() => built(document, options))
  expectProper(found)
  if (answers === 'steady') expect(placesOf(found)).toEqual(placesOf(issues))
  return { issues, cost }
}

function expectProper(issues: readonly Issue[]): void {
  for (const { code, pointer, message } of issues) {
    expect(KNOWN.has(code), `${code} is a known code`).toBe(true)
    expect(code, message).not.toBe('PLB_INTERNAL')
    expect(POINTER.test(pointer), `${pointer.slice(0, 200)} is a JSON pointer`).toBe(true)
    expect(message.length).toBeGreaterThan(0)
    expect(message.length).toBeLessThan(LONGEST_MESSAGE)
  }
}

/** Code and pointer of each issue. */
export const placesOf = (issues: readonly Issue[]): string[] =>
  issues.map(({ code, pointer }) => `${code.slice('PLB_'.length)} ${pointer}`)

/** What the constructor finds wrong. */
function built(document: unknown, options: unknown): readonly Issue[] {
  try {
    // What untyped code may do.
    new Plumber(document as string, options as PlumberOptions)
    return []
  } catch (error) {
    if (!isPipelineError(error) || error.code !== 'PLB_GRAPH_INVALID') throw error
    return (error.details as { readonly issues: readonly Issue[] }).issues
  }
}

/** Does something that must leave no trace on what all objects inherit from; and what it cost. */
export function untouched<T>(action: () => T): { readonly found: T; readonly cost: number } {
  const before = traces()
  const started = process.cpuUsage()
  const found = action()
  const { user, system } = process.cpuUsage(started)
  expect(traces()).toEqual(before)
  return { found, cost: (user + system) / 1000 }
}

const traces = (): unknown[] => [
  ...[Object, Array, Function, String].map(({ prototype }) => Reflect.ownKeys(prototype)),
  Reflect.get({}, 'x'),
  Reflect.get({}, 'polluted'),
]

function boom(): never {
  throw new Error('boom')
}

/** An object at which every operation fails. */
export function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

/** An object of which every trap throws. */
export const trapped = <T extends object>(target: T): T => new Proxy(target, new Proxy({}, { get: () => boom }))

/** A list that says of its length whatever it is told to. */
export const listOfLength = (length: unknown): unknown[] =>
  new Proxy([], { get: (target, key) => (key === 'length' ? length : Reflect.get(target, key)) })

/** An object with this key, reading which throws; `owner` gives it other keys. */
export const unreadable = (key: string, owner: object = {}): object =>
  Object.defineProperty({ ...owner }, key, { get: boom, enumerable: true, configurable: true })

/** A list whose entry throws. */
export const unreadableList = (): unknown[] => Object.defineProperty(['a'], 0, { get: boom, enumerable: true })

/** Values that are no JSON. */
export const FOREIGN: Readonly<Record<string, unknown>> = {
  'a symbol': Symbol('x'),
  'a BigInt': 10n,
  'a date': new Date(0),
  'a Map': new Map([['nodes', 1]]),
  'a Set': new Set([1]),
  'a promise': Promise.resolve({}),
  'a Buffer': Buffer.from('{}'),
  'a typed array': new Uint32Array(3),
  'a regular expression': /x/,
  'an error': new Error('x'),
  'a boxed string': Object('x'),
  'an instance': new (class Own {
    nodes = {}
  })(),
  'a WeakMap': new WeakMap(),
}

/**
 * Whatever a stranger gives as a document gets an answer within a second. The bound of the tests is processor time, with
 * room for a machine that is busy.
 */
const MOST_MS = 3_000

export const coro = (): number => 1
export const coroMap = { x: coro }

/** A document of one node with these keys. */
export const around = (node: object): object => ({ nodes: { a: { coro, ...node } }, graph: {} })

/** Objects, or lists, in each other. */
export function nested(depth: number, list = false): unknown {
  let inner: unknown = 1
  for (let level = 0; level < depth; level++) inner = list ? [inner] : { a: inner }
  return inner
}

/** The first issues of a document, as code and pointer: those that are given, and none if none are. */
export function expectIssues(document: unknown, expected: readonly string[], options: object = {}): void {
  const { issues, cost } = answer(document, { coroMap, ...options })
  expect(placesOf(issues).slice(0, Math.max(1, expected.length))).toEqual(expected)
  expect(cost).toBeLessThan(MOST_MS)
}

/** A document, with the issues that it must have. */
export type Row = readonly [name: string, make: () => unknown, expected: readonly string[], options?: object]

/** One test for each row. */
export function rows(list: readonly Row[]): void {
  for (const [name, make, expected, options] of list) test(name, () => expectIssues(make(), expected, options))
}

/** Counts operations on objects; the one of this number throws, or all from there on. */
export interface Fuse {
  count: number
  readonly at: number
  readonly stays: boolean
}

const TRAPS = ['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'isExtensible', 'apply'] as const

/** An object, and everything that is reached through it, of which one operation throws: which one, the fuse says. */
export function brittle<T>(value: T, fuse: Fuse): T {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value
  const trap =
    (name: (typeof TRAPS)[number]) =>
    (target: object, ...rest: unknown[]) => {
      fuse.count++
      if (fuse.count === fuse.at || (fuse.stays && fuse.count > fuse.at)) throw new Error(`broken at ${name}`)
      const found: unknown = Reflect.apply(Reflect[name], undefined, [target, ...rest])
      return name === 'get' && !isFixed(target, rest[0]) ? brittle(found, fuse) : found
    }
  return new Proxy(value, Object.fromEntries(TRAPS.map((name) => [name, trap(name)])))
}

/** Whether a proxy has to give what is really there. */
function isFixed(target: object, key: unknown): boolean {
  const { configurable = true, writable = true } = Reflect.getOwnPropertyDescriptor(target, key as string) ?? {}
  return !configurable && !writable
}

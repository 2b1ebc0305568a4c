import { isCoroDefinition, reasonOf, show } from '@pipelines/core'
import type { Findings } from './findings.js'
import { findJsonError } from './json.js'
import type { Limits } from './limits.js'
import { pointer } from './names.js'

/** A copy of what was given: objects without prototype, own keys only. `args` inside are ordinary, frozen objects. */
export type Clean = Readonly<Record<string, unknown>>

/** The copy, and where something could not be copied. */
export interface Parsed {
  readonly document: unknown
  /** JSON pointers of what an issue has been made for already. */
  readonly lost: ReadonlySet<string>
}

/**
 * Reads a document, given as an object or as JSON text, into a copy that nobody else holds. Plain objects and lists are
 * copied, in `args` also frozen; functions and other objects in `args` and at `coro` are kept by reference. Getters that
 * throw, cycles and too deep nesting become issues. `undefined` where nothing can be read at all. Never recursive.
 */
export function parse(given: unknown, limits: Limits, findings: Findings): Parsed | undefined {
  if (typeof given !== 'string') return copy(given, limits.depth, findings)
  // A text has at least as many bytes as UTF-16 units, so that most texts need no second look.
  const size = given.length > limits.bytes ? given.length : Buffer.byteLength(given)
  if (size > limits.bytes) {
    findings.add('GRAPH_LIMIT', '', { what: 'bytes of text', limit: limits.bytes, found: size, option: 'bytes' })
    return undefined
  }
  const text = given.startsWith('\uFEFF') ? given.slice(1) : given
  try {
    return copy(JSON.parse(text), limits.depth, findings)
  } catch (error) {
    const place = findJsonError(text)
    const where = place === undefined ? '' : ` at line ${place.line}, column ${place.column} (position ${place.offset})`
    const what = `The document is not JSON${where}: ${reasonOf(error)}.`
    findings.add('GRAPH_SCHEMA', '', { what })
    return undefined
  }
}

/** Where in a document a value stands, as far as copying cares: `args` and what is in it are for the coroutine. */
type Place = 'document' | 'nodes' | 'node' | 'coro' | 'args' | 'shape'

/** Longest key that is looked at, in characters; no name may be nearly as long. Pointers would repeat it everywhere. */
const KEY_LENGTH = 1024

/** An object that is being copied. */
interface Frame {
  readonly source: object
  readonly target: object
  readonly place: Place
  /** The keys of an object; a list has only its length. */
  readonly keys: readonly string[] | undefined
  readonly length: number
  /** The next key. */
  next: number
}

function copy(given: unknown, depth: number, findings: Findings): Parsed {
  const copier = new Copier(depth, findings)
  return { document: copier.copy(given), lost: copier.lost }
}

class Copier {
  readonly lost: Set<string> = new Set()
  readonly #depth: number
  readonly #findings: Findings
  /** The objects from the document down to the one that is being copied. */
  readonly #stack: Frame[] = []
  readonly #open: Set<object> = new Set()
  /** Copies by original, so that an object in many places is copied once: ten lists of the ten before are few objects. */
  readonly #copies: Map<Place, Map<object, object>> = new Map()

  constructor(depth: number, findings: Findings) {
    this.#depth = depth
    this.#findings = findings
  }

  copy(given: unknown): unknown {
    const root = this.#enter(given, 'document')
    for (let frame = this.#stack.at(-1); frame !== undefined; frame = this.#stack.at(-1)) {
      if (frame.next >= frame.length) this.#leave(frame)
      else this.#step(frame)
    }
    return root
  }

  /** Copies the next entry of the object on top of the stack. */
  #step(frame: Frame): void {
    const key = frame.keys === undefined ? String(frame.next) : (frame.keys[frame.next] ?? '')
    frame.next++
    try {
      if (frame.keys === undefined && !Object.hasOwn(frame.source, key)) {
        this.#lose('has a hole here', 'Lists in JSON have none.')
        frame.next = frame.length // one is enough: a list may consist of nothing else
        return
      }
      if (key.length > KEY_LENGTH && frame.place !== 'args') {
        this.#findings.add('GRAPH_NAME', pointer(...this.#path().slice(0, -1)), { name: key })
        return
      }
      const value = this.#enter(Reflect.get(frame.source, key), placeOf(frame.place, key))
      if (value !== undefined || frame.place === 'args' || frame.keys === undefined) define(frame.target, key, value)
    } catch (error) {
      this.#lose(`cannot be read: ${reasonOf(error)}`)
    }
  }

  /** The value for the copy; an object goes onto the stack to be filled. */
  #enter(value: unknown, place: Place): unknown {
    if (typeof value !== 'object' || value === null || place === 'coro') return value
    const list = Array.isArray(value)
    if (!list && !isPlain(value)) return place === 'args' ? value : foreign(value)
    if (this.#open.has(value)) return this.#lose('contains itself', 'Remove the cycle.')
    const known = this.#copies.get(place)?.get(value)
    if (known !== undefined) return known
    if (this.#stack.length >= this.#depth) return this.#loseDepth()
    const keys = list ? undefined : Object.keys(value)
    const target: object = list ? [] : place === 'args' ? {} : Object.create(null)
    this.#remember(place, value, target)
    this.#open.add(value)
    this.#stack.push({ source: value, target, place, keys, length: list ? value.length : (keys?.length ?? 0), next: 0 })
    return target
  }

  #leave(frame: Frame): void {
    if (frame.place === 'args') Object.freeze(frame.target)
    this.#open.delete(frame.source)
    this.#stack.pop()
  }

  #remember(place: Place, value: object, target: object): void {
    const copies = this.#copies.get(place) ?? new Map<object, object>()
    this.#copies.set(place, copies.set(value, target))
  }

  #lose(what: string, hint?: string): undefined {
    const path = this.#path()
    this.lost.add(pointer(...path))
    const subject = path.length === 0 ? 'The document' : JSON.stringify(path.join('.'))
    this.#findings.add('GRAPH_SCHEMA', pointer(...path), { what: `${subject} ${what}.`, hint })
  }

  #loseDepth(): undefined {
    this.lost.add(pointer(...this.#path()))
    const details = { what: 'levels of objects and lists', limit: this.#depth, option: 'depth' }
    this.#findings.add('GRAPH_LIMIT', pointer(...this.#path()), details)
  }

  /** Keys from the document to the entry that is being copied. */
  #path(): string[] {
    return this.#stack.map(({ keys, next }) => (keys === undefined ? String(next - 1) : (keys[next - 1] ?? '')))
  }
}

function placeOf(parent: Place, key: string): Place {
  switch (parent) {
    case 'document':
      return key === 'nodes' ? 'nodes' : 'shape'
    case 'nodes':
      return 'node'
    case 'node':
      return key === 'coro' || key === 'args' ? key : 'shape'
    default:
      return parent
  }
}

/** Sets an own property, whatever its name: `__proto__` is a key like any other. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}

/** Whether an object is a plain one, of this realm or another, or a module namespace. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null)
}

/** Stands for an object that cannot be part of a document: no schema accepts a symbol, and messages show its text. */
function foreign(value: object): symbol {
  return Symbol(isCoroDefinition(value) ? 'a coroutine' : show(value))
}

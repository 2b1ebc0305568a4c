import { type ErrorDetails, isCoroDefinition, isPlain, reasonOf, show } from '@pipelines/core'
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
 * throw, cycles and too deep nesting become issues. `undefined` where nothing can be read at all, or where there is too
 * much of it. Never recursive.
 */
export function parse(given: unknown, limits: Limits, findings: Findings): Parsed | undefined {
  if (typeof given !== 'string') return new Copier(limits, findings).copy(given)
  // A text has at least as many bytes as UTF-16 units, so that most texts need no second look.
  const size = given.length > limits.bytes ? given.length : Buffer.byteLength(given)
  if (size > limits.bytes) {
    findings.add('GRAPH_LIMIT', '', { what: 'bytes of text', limit: limits.bytes, found: size, option: 'bytes' })
    return undefined
  }
  const text = given.startsWith('\uFEFF') ? given.slice(1) : given
  try {
    return new Copier(limits, findings).copy(JSON.parse(text))
  } catch (error) {
    const place = findJsonError(text)
    const where = place === undefined ? '' : ` at line ${place.line}, column ${place.column} (position ${place.offset})`
    const what = `The document is not JSON${where}: ${reasonOf(error)}.`
    findings.add('GRAPH_SCHEMA', '', { what })
    return undefined
  }
}

/** Where in a document a value stands, as far as copying cares: `args` and what is in it are for the coroutine. */
type Place = 'document' | 'nodes' | 'node' | 'coro' | 'args' | 'graph' | 'successors' | 'shape'

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

class Copier {
  readonly #lost: Set<string> = new Set()
  readonly #limits: Limits
  readonly #findings: Findings
  /** The objects from the document down to the one that is being copied. */
  readonly #stack: Frame[] = []
  readonly #open: Set<object> = new Set()
  /** Copies by original, so that an object in many places is copied once: ten lists of the ten before are few objects. */
  readonly #copies: Map<Place, Map<object, object>> = new Map()
  #values = 0
  #edges = 0
  /** Whether the document is larger than allowed: the rest is counted, and not copied. */
  #tooLarge = false
  /** Whether so much could not be read that nobody would be told of more. */
  #hopeless = false

  constructor(limits: Limits, findings: Findings) {
    this.#limits = limits
    this.#findings = findings
  }

  copy(given: unknown): Parsed | undefined {
    const { values, edges } = this.#limits
    const document = this.#root(given)
    for (let frame = this.#stack.at(-1); frame !== undefined; frame = this.#stack.at(-1)) {
      if (this.#hopeless) return undefined
      if (frame.next >= frame.length) this.#leave(frame)
      else if (this.#values >= values) return this.#refuse('', { what: 'values', limit: values, option: 'values' })
      else this.#step(frame)
    }
    if (this.#edges > edges)
      return this.#refuse('/graph', { what: 'edges', limit: edges, found: this.#edges, option: 'edges' })
    return this.#tooLarge ? undefined : { document, lost: this.#lost }
  }

  /** Copies the next entry of the object on top of the stack. */
  #step(frame: Frame): void {
    const key = frame.keys === undefined ? String(frame.next) : (frame.keys[frame.next] ?? '')
    frame.next++
    this.#values++
    try {
      this.#entry(frame, key)
    } catch (error) {
      this.#lose(`cannot be read: ${reasonOf(error)}`)
    }
  }

  #entry(frame: Frame, key: string): void {
    if (frame.keys === undefined && !Object.hasOwn(frame.source, key)) {
      this.#lose('has a hole here', 'Lists in JSON have none.')
      frame.next = frame.length // one is enough: a list may consist of nothing else
      return
    }
    if (key.length > KEY_LENGTH && frame.place !== 'args') {
      this.#findings.add('GRAPH_NAME', pointer(...this.#path()), { name: key })
      return
    }
    const value = this.#enter(Reflect.get(frame.source, key), placeOf(frame.place, key))
    if (value !== undefined || frame.place === 'args' || frame.keys === undefined) define(frame, key, value)
  }

  #root(given: unknown): unknown {
    try {
      return this.#enter(given, 'document')
    } catch (error) {
      return this.#lose(`cannot be read: ${reasonOf(error)}`)
    }
  }

  /** The value for the copy; an object goes onto the stack to be filled. */
  #enter(value: unknown, place: Place): unknown {
    if (typeof value === 'symbol' && place !== 'args') return Symbol('a symbol')
    if (typeof value !== 'object' || value === null || place === 'coro') return value
    const list = Array.isArray(value)
    if (!list && !isPlain(value)) return place === 'args' ? value : foreign(value)
    if (this.#open.has(value)) return this.#lose('contains itself', 'Remove the cycle.')
    if (list && place === 'successors' && !this.#countEdges(lengthOf(value))) return undefined
    const known = this.#copies.get(place)?.get(value)
    if (known !== undefined) return known
    const keys = list ? undefined : Object.keys(value)
    const length = list ? lengthOf(value) : (keys?.length ?? 0)
    if (place === 'nodes' && !this.#countNodes(length)) return undefined
    if (this.#stack.length >= this.#limits.depth) return this.#loseDepth()
    const target: object = list ? [] : place === 'args' ? {} : Object.create(null)
    this.#remember(place, value, target)
    this.#open.add(value)
    this.#stack.push({ source: value, target, place, keys, length, next: 0 })
    return target
  }

  /** Whether so many nodes may be copied. */
  #countNodes(found: number): boolean {
    const { nodes: limit } = this.#limits
    if (found > limit) this.#refuse('/nodes', { what: 'nodes', limit, found, option: 'nodes' })
    return found <= limit
  }

  /** Whether so many more edges may be copied. */
  #countEdges(found: number): boolean {
    this.#edges += found
    return this.#edges <= this.#limits.edges && !this.#tooLarge
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

  #refuse(path: string, details: ErrorDetails<'GRAPH_LIMIT'>): undefined {
    this.#tooLarge = true
    this.#findings.add('GRAPH_LIMIT', path, details)
  }

  #lose(what: string, hint?: string): undefined {
    if (this.#findings.full) return this.#giveUp()
    const path = this.#path()
    this.#lost.add(pointer(...path))
    const subject = path.length === 0 ? 'The document' : JSON.stringify(path.join('.'))
    this.#findings.add('GRAPH_SCHEMA', pointer(...path), { what: `${subject} ${what}.`, hint })
  }

  #giveUp(): undefined {
    this.#findings.skip(1)
    this.#hopeless = true
  }

  #loseDepth(): undefined {
    if (this.#findings.full) return this.#giveUp()
    const path = pointer(...this.#path())
    this.#lost.add(path)
    const { depth } = this.#limits
    this.#findings.add('GRAPH_LIMIT', path, { what: 'levels of objects and lists', limit: depth, option: 'depth' })
  }

  /** Keys from the document to the entry that is being copied, or to the object that has it under a key far too long. */
  #path(): string[] {
    const path = this.#stack.map(({ keys, next }) => (keys === undefined ? String(next - 1) : (keys[next - 1] ?? '')))
    const tooLong = path.findIndex((key) => key.length > KEY_LENGTH)
    return tooLong === -1 ? path : path.slice(0, tooLong)
  }
}

/** A proxy may answer with anything. */
function lengthOf(list: readonly unknown[]): number {
  const { length } = list
  if (!Number.isSafeInteger(length) || length < 0) throw new TypeError(`it is a list of length ${show(length)}`)
  return length
}

function placeOf(parent: Place, key: string): Place {
  switch (parent) {
    case 'document':
      return key === 'nodes' || key === 'graph' ? key : 'shape'
    case 'nodes':
      return 'node'
    case 'graph':
      return 'successors'
    case 'node':
      return key === 'coro' || key === 'args' ? key : 'shape'
    case 'successors':
      return 'shape'
    default:
      return parent
  }
}

/** Sets an own property, whatever its name: `__proto__` is a key like any other. */
function define({ target, place, keys }: Frame, key: string, value: unknown): void {
  if (place === 'args' && keys !== undefined)
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  else (target as Record<string, unknown>)[key] = value // a list, or an object that inherits nothing
}

/** Stands for an object that cannot be part of a document: no schema accepts a symbol, and messages show its text. */
function foreign(value: object): symbol {
  return Symbol(isCoroDefinition(value) ? 'a coroutine' : show(value))
}

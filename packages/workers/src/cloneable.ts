import { deserialize, serialize } from 'node:v8'
import { isPlain, PipelineError, reasonOf } from '@pipelines/core/coro'

/** Makes a copy as a message would; throws where it could not. */
export type Copy = (value: unknown) => unknown

/** As messages to processes are copied: without memory that is shared. */
export const copyApart: Copy = (value) => deserialize(serialize(value))

/** Something in a value that cannot be copied. */
export interface Uncloneable {
  /** Where it is in the value, such as `.rows[3].open`; empty for the value itself. */
  readonly path: string
  /** Why, in the platform's words. */
  readonly why: string
}

/** How deep values are searched. */
const DEEPEST = 16
/** Most parts of a value that are searched. */
const MOST = 10_000

/** What keeps a value from being copied, as deep inside as it can be told; `undefined` where nothing does. Never throws. */
export function uncloneable(value: unknown, copy: Copy): Uncloneable | undefined {
  const why = refusal(value, copy)
  return why === undefined ? undefined : search(value, { path: '', why }, { copy, seen: new Set() })
}

interface Search {
  readonly copy: Copy
  readonly seen: Set<unknown>
}

function search(value: unknown, found: Uncloneable, { copy, seen }: Search): Uncloneable {
  if (typeof value !== 'object' || value === null || seen.has(value)) return found
  seen.add(value)
  try {
    for (const [step, read] of partsOf(value)) {
      const path = found.path + step
      const part = refusal(read, (reading) => copy((reading as () => unknown)()))
      if (part === undefined) continue
      const deeper = { path, why: part }
      if (seen.size > MOST || path.split(/[.[]/).length > DEEPEST) return deeper
      return search(read(), deeper, { copy, seen })
    }
  } catch {
    // A getter or a proxy threw: it is as deep as can be told.
  }
  return found
}

function refusal(value: unknown, copy: Copy): string | undefined {
  try {
    copy(value)
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}

function* partsOf(value: object): Generator<readonly [step: string, read: () => unknown]> {
  if (Array.isArray(value)) for (const place of value.keys()) yield [`[${place}]`, () => value[place]]
  else if (value instanceof Map) for (const [key, part] of value) yield [`.get(${textOf(key)})`, () => part]
  else if (value instanceof Set) for (const part of value) yield ['.values()', () => part]
  else for (const key of Object.keys(value)) yield [stepTo(key), () => Reflect.get(value, key)]
}

const stepTo = (key: string): string => (/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${textOf(key)}]`)
const textOf = (key: unknown): string => (typeof key === 'string' ? JSON.stringify(key) : reasonOf(key))

/** What cannot be copied, and where. */
interface Said extends Uncloneable {
  readonly node: string
  /** The whole value, in words. */
  readonly what: string
}

export function cloneError({ node, what, path, why }: Said): PipelineError<'WORKER_CLONE'> {
  return new PipelineError('WORKER_CLONE', {
    ...{ node, what, path, why },
    hint: 'Give only data: no functions, promises, symbols, or objects that hold such; open connections and files in "setup".',
  })
}

/**
 * A copy of all that can be copied of a value: plain objects and arrays without what cannot. `undefined` where nothing is
 * left of it. Never throws.
 */
export function cloneablePart(value: unknown, copy: Copy = copyApart): unknown {
  try {
    const kept = part(value, { copy, copies: new Map() }, 0)
    return kept === NOTHING ? undefined : kept
  } catch {
    return undefined // a proxy
  }
}

/** Nothing is left of a value. */
const NOTHING: unique symbol = Symbol('nothing')

interface Copying {
  readonly copy: Copy
  /** Of the objects that were met: a value may contain itself. */
  readonly copies: Map<object, unknown>
}

function part(value: unknown, copying: Copying, depth: number): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return NOTHING
  if (typeof value !== 'object' || value === null) return value
  const { copies, copy } = copying
  const known = copies.get(value)
  if (known !== undefined) return known
  if (!Array.isArray(value) && !isPlain(value)) {
    try {
      return copy(value)
    } catch {
      return NOTHING
    }
  }
  if (depth > DEEPEST) return NOTHING
  const whole: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {}
  copies.set(value, whole)
  for (const key of Object.keys(value)) {
    const kept = readable(value, key, (inner) => part(inner, copying, depth + 1))
    // Defined, not set: a key may be `__proto__`.
    if (kept !== NOTHING || Array.isArray(whole))
      Object.defineProperty(whole, key, {
        value: kept === NOTHING ? undefined : kept,
        writable: true,
        configurable: true,
        enumerable: true,
      })
  }
  return whole
}

function readable(value: object, key: string, use: (inner: unknown) => unknown): unknown {
  try {
    return use(Reflect.get(value, key))
  } catch {
    return NOTHING
  }
}

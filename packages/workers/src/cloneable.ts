import { isPlain, PipelineError, reasonOf } from '@pipelines/core'

/** Something in a value that cannot be copied. */
export interface Uncloneable {
  /** Where it is in the value, such as `.rows[3].open`; empty for the value itself. */
  readonly path: string
  /** Why, in the platform's words. */
  readonly why: string
}

/** How deep values are searched. */
const DEEPEST = 16

/** What keeps a value from being copied, as deep inside as it can be told; `undefined` where nothing does. */
export function uncloneable(
  value: unknown,
  copy: (value: unknown) => unknown = structuredClone,
): Uncloneable | undefined {
  const why = refusal(value, copy)
  return why === undefined ? undefined : search(value, { path: '', why }, { copy, seen: new Set() })
}

interface Search {
  readonly copy: (value: unknown) => unknown
  readonly seen: Set<unknown>
}

function search(value: unknown, found: Uncloneable, { copy, seen }: Search): Uncloneable {
  if (typeof value !== 'object' || value === null || seen.has(value) || seen.size > 10_000) return found
  seen.add(value)
  for (const [step, part] of partsOf(value)) {
    const path = found.path + step
    const why = refusal(part, copy)
    if (why === undefined) continue
    return path.split(/[.[]/).length > DEEPEST ? { path, why } : search(part, { path, why }, { copy, seen })
  }
  return found
}

function refusal(value: unknown, copy: (value: unknown) => unknown): string | undefined {
  try {
    copy(value)
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}

function* partsOf(value: object): Generator<readonly [step: string, part: unknown]> {
  if (Array.isArray(value)) for (const [place, part] of value.entries()) yield [`[${place}]`, part]
  else if (value instanceof Map) for (const [key, part] of value) yield [`.get(${textOf(key)})`, part]
  else if (value instanceof Set) for (const part of value) yield ['.values()', part]
  else for (const key of Object.keys(value)) yield [stepTo(key), Reflect.get(value, key)]
}

const stepTo = (key: string): string => (/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${textOf(key)}]`)
const textOf = (key: unknown): string => (typeof key === 'string' ? JSON.stringify(key) : String(key))

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
 * left of it.
 */
export function cloneablePart(value: unknown): unknown {
  return part(value, new Map(), 0)
}

function part(value: unknown, copies: Map<object, unknown>, depth: number): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  const known = copies.get(value)
  if (known !== undefined) return known
  if (Array.isArray(value) || isPlain(value)) {
    if (depth > DEEPEST) return undefined
    const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {}
    copies.set(value, copy)
    for (const key of Object.keys(value)) {
      const kept = readable(value, key, (inner) => part(inner, copies, depth + 1))
      // Defined, not set: a key may be `__proto__`.
      if (kept !== undefined)
        Object.defineProperty(copy, key, { value: kept, writable: true, configurable: true, enumerable: true })
    }
    return copy
  }
  try {
    return structuredClone(value)
  } catch {
    return undefined
  }
}

function readable(value: object, key: string, use: (inner: unknown) => unknown): unknown {
  try {
    return use(Reflect.get(value, key))
  } catch {
    return undefined
  }
}

import { type Coro, type CoroDefinition, isCoroDefinition } from './coro.js'

/** Whether a value is an object without a class, of this realm or another one. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null)
}

/** Whether names may lead through a value: a plain object, a module namespace or a Map. */
export function isGroup(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isCoroDefinition(value)) return false
  return value instanceof Map || isPlain(value)
}

/** What a group holds under a key of its own. */
export function entryOf(group: object, key: string): unknown {
  if (group instanceof Map) return group.get(key)
  return Object.hasOwn(group, key) ? Reflect.get(group, key) : undefined
}

/** Follows a name through groups; a key that contains dots itself is tried first. No deeper than the name has dots. */
export function lookUp(group: object, ref: string): unknown {
  const whole = entryOf(group, ref)
  if (whole !== undefined) return whole
  for (let dot = ref.indexOf('.'); dot !== -1; dot = ref.indexOf('.', dot + 1)) {
    const inner = entryOf(group, ref.slice(0, dot))
    const found = isGroup(inner) ? lookUp(inner, ref.slice(dot + 1)) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** A coroutine as a function that others can call. */
export function functionOf(coro: Coro | CoroDefinition): (...parameters: readonly unknown[]) => unknown {
  // What a coroutine is called with is up to whoever calls it.
  if (typeof coro === 'function') return coro as () => unknown
  const { run } = coro
  // A definition may use its own keys by `this`.
  return isCoroDefinition(coro) ? (...parameters) => Reflect.apply(run, coro, parameters) : (run as () => unknown)
}

/** Most names that are listed. */
const MOST_NAMES = 10_000

/** The names of all coroutines in a group, level by level. A group that contains itself is visited once. */
export function namesIn(table: object): string[] {
  const names: string[] = []
  const seen = new Set([table])
  const queue: { readonly group: object; readonly prefix: string }[] = [{ group: table, prefix: '' }]
  for (const { group, prefix } of queue) {
    for (const key of group instanceof Map ? group.keys() : Object.keys(group)) {
      if (names.length >= MOST_NAMES) return names
      const value = typeof key === 'string' ? readable(group, key) : undefined
      if (isCoro(value)) names.push(prefix + key)
      else if (isGroup(value) && !seen.has(value)) {
        seen.add(value)
        queue.push({ group: value, prefix: `${prefix}${key}.` })
      }
    }
  }
  return names
}

function readable(group: object, key: string): unknown {
  try {
    return entryOf(group, key)
  } catch {
    return undefined
  }
}

/** Whether a value can be used as a coroutine. */
export function isCoro(value: unknown): value is Coro | CoroDefinition {
  return (typeof value === 'function' && !isClass(value)) || isCoroDefinition(value)
}

/** Whether a function is a class, which cannot be called. */
export function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value).slice(0, 6))
}

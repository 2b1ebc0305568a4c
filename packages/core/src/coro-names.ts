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

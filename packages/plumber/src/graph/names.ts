export { suggester } from './suggest.js'

/** The longest name, in characters. */
export const NAME_LENGTH = 128
/** What nodes and ports may be called, as the source of a regular expression. */
export const NAME_PATTERN = '^[A-Za-z_][A-Za-z0-9_.:/-]{0,127}$'
/** Names that objects of the language react to. */
export const RESERVED_NAMES: readonly string[] = ['__proto__', 'constructor', 'prototype']

const NAME = new RegExp(NAME_PATTERN)

/** Whether a node or port may be called so. */
export function isName(text: string): boolean {
  return text.length <= NAME_LENGTH && NAME.test(text) && !RESERVED_NAMES.includes(text)
}

/** {@link isName} for texts that are mostly the same few, such as ports. */
export function nameChecker(): (text: string) => boolean {
  const known = new Map<string, boolean>()
  return (text) => {
    const found = known.get(text) ?? isName(text)
    known.set(text, found)
    return found
  }
}

/** An RFC 6901 JSON pointer: `pointer('nodes', 'a/b')` is `/nodes/a~1b`. */
export function pointer(...segments: readonly (string | number)[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** The segments of a JSON pointer. */
export function segmentsOf(path: string): string[] {
  const parts = path.split('/').slice(1)
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** What stands at a key of the object itself, never of its prototype. */
export function own(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? Reflect.get(object, key) : undefined
}

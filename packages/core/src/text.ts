/** Longest piece of a foreign value in one of our messages, in characters. */
const PIECE = 80

/** Cuts `text` to `limit` characters and says how much is missing. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length - limit} more characters)`
}

/** A name in quotes, cut to a readable length. */
export function quote(name: string): string {
  return JSON.stringify(cut(name, PIECE))
}

/** Names of a cycle as people read them; a long one is cut in the middle to 20 names. */
export function cyclePath(path: readonly string[]): string {
  const names = path.length <= 21 ? path : [...path.slice(0, 10), `… ${path.length - 20} more …`, ...path.slice(-10)]
  return names.map((name) => cut(name, PIECE)).join(' → ')
}

/**
 * What a thrown or rejected value says about itself: an error's message, or the value as text. Never throws, whatever
 * getters or `toString` the value has, and never long.
 */
export function reasonOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return cut(trimStop(thrown.message === '' ? thrown.name : thrown.message), 500)
    if (typeof thrown === 'string') return cut(trimStop(thrown), 500)
    return show(thrown)
  } catch {
    return 'a value that cannot be shown'
  }
}

/** A foreign value in a few characters, for messages. Never throws. */
export function show(value: unknown): string {
  try {
    if (typeof value === 'string') return quote(value)
    if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${quote(value.name)}`
    if (Array.isArray(value)) return `an array of ${value.length}`
    if (typeof value === 'object' && value !== null) return cut(Object.prototype.toString.call(value), PIECE)
    return cut(String(value), PIECE)
  } catch {
    return 'a value that cannot be shown'
  }
}

const trimStop = (text: string): string => (text.endsWith('.') ? text.slice(0, -1) : text)

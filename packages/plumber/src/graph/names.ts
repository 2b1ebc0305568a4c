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

/** Most edits between what was written and what we suggest. */
const MOST_EDITS = 3
/** Longest text that we look for a suggestion for, in characters. */
const LONGEST = 256

/**
 * Makes a "did you mean" over some names: the nearest one within a few edits, letter case and `_` or `-` not counted; or
 * the one of which the text is the part behind a dot. Ties go to the earlier name.
 *
 * The names are prepared at the first question. Ten thousand names of 128 letters, asked a hundred times, take about
 * 0.3 s; `fastest-levenshtein`, which knows no cut-off, takes 3.6 s.
 */
export function suggester(names: Iterable<string>): (text: string) => string | undefined {
  let folded: { readonly name: string; readonly key: string }[] | undefined
  return (text) => {
    if (text.length > LONGEST) return undefined
    folded ??= Array.from(names, (name) => ({ name, key: fold(name) }))
    const key = fold(text)
    let best: string | undefined
    let edits = MOST_EDITS + 1
    for (const candidate of folded) {
      if (edits === 0) break
      const most = Math.min(edits - 1, allowed(key, candidate.key))
      const found = isTail(key, candidate.key) ? 0 : editsBetween(key, candidate.key, most)
      if (found > most) continue
      best = candidate.name
      edits = found
    }
    return best
  }
}

const fold = (name: string): string => name.toLowerCase().replace(/[_-]/g, '')
const isTail = (key: string, candidate: string): boolean => key !== '' && candidate.endsWith(`.${key}`)
/** Two edits in five letters make another word. */
const allowed = (a: string, b: string): number => Math.floor(Math.max(a.length, b.length) * 0.4)

/** Edits that turn `a` into `b` (a swap of neighbours is one), or more than `most`. */
function editsBetween(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let start = 0
  while (start < a.length && a.charCodeAt(start) === b.charCodeAt(start)) start++
  let endA = a.length
  let endB = b.length
  while (endA > start && endB > start && a.charCodeAt(endA - 1) === b.charCodeAt(endB - 1)) {
    endA--
    endB--
  }
  return bandedEdits(a.slice(start, endA), b.slice(start, endB), most)
}

/**
 * Looks only at the cells within `most` of the diagonal, and stops where no cell of a row is. Cells beside the band are
 * set to "too many" and nothing further out is ever read, so that a long row costs no more than a short one.
 *
 * @see E. Ukkonen, "Algorithms for approximate string matching" (1985)
 */
function bandedEdits(a: string, b: string, most: number): number {
  const tooMany = most + 1
  let beforeLast: number[] = []
  let last = Array.from({ length: Math.min(b.length, most) + 2 }, (_, j) => j)
  let row: number[] = []
  for (let i = 1; i <= a.length; i++) {
    const from = Math.max(1, i - most)
    const to = Math.min(b.length, i + most)
    let least = i <= most ? i : tooMany
    row[from - 1] = least
    for (let j = from; j <= to; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1)
      const swapped = a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1)
      const step = Math.min(cellOf(last, j), cellOf(row, j - 1)) + 1
      const cell = Math.min(step, cellOf(last, j - 1) + (same ? 0 : 1), swapped ? cellOf(beforeLast, j - 2) + 1 : step)
      row[j] = cell
      if (cell < least) least = cell
    }
    row[to + 1] = tooMany
    if (least > most) return tooMany
    ;[beforeLast, last, row] = [last, row, beforeLast]
  }
  return cellOf(last, b.length)
}

const cellOf = (row: readonly number[], column: number): number => row[column] ?? MOST_EDITS + 1

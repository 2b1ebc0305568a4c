/** Most edits between what was written and what we suggest. */
const MOST_EDITS = 3
/** Longest text that we look for a suggestion for, in characters. */
const LONGEST = 256
/** Cells of edit tables that one suggester fills in all, about 0.1 s; beyond them it finds equal names only. */
const MOST_CELLS = 10_000_000

/** A name, prepared for comparing. */
interface Candidate {
  readonly name: string
  readonly key: string
  readonly letters: number
}

/**
 * Makes a "did you mean" over some names: the nearest one within a few edits, letter case and `_` or `-` not counted; or
 * the one of which the text is the part behind a dot. Ties go to the earlier name.
 *
 * Nothing is made, and no name is prepared, before the first question. The work is bounded whatever the names are: where ten thousand names and a
 * hundred questions are made to be expensive, `fastest-levenshtein`, which knows no cut-off, takes 3.6 s.
 */
export function suggester(names: Iterable<string>): (text: string) => string | undefined {
  let candidates: Candidate[] | undefined
  let table: EditTable | undefined
  return (text) => {
    if (text.length > LONGEST) return undefined
    candidates ??= Array.from(names, prepare)
    table ??= new EditTable()
    const asked = prepare(text)
    let best: string | undefined
    let edits = MOST_EDITS + 1
    for (const candidate of candidates) {
      const found = distance(asked, candidate, { most: edits - 1, table })
      if (found >= edits) continue
      best = candidate.name
      edits = found
      if (edits === 0) break
    }
    return best
  }
}

function prepare(name: string): Candidate {
  const key = name.toLowerCase().replace(/[_-]/g, '')
  let letters = 0
  for (let i = 0; i < key.length; i++) letters |= 1 << (key.charCodeAt(i) & 31)
  return { name, key, letters }
}

/** Edits between two names, or `Infinity` if there are more than `most` or more than their length allows. */
function distance(a: Candidate, b: Candidate, { most, table }: { most: number; table: EditTable }): number {
  if (a.key === b.key || (a.key !== '' && b.key.endsWith(`.${a.key}`))) return 0
  // Two edits in four letters make another word.
  const limit = Math.min(most, Math.floor(Math.max(a.key.length, b.key.length) * 0.4))
  if (limit < 1 || Math.abs(a.key.length - b.key.length) > limit) return Infinity
  // An edit changes at most two of the letters that occur.
  if (bitsIn(a.letters ^ b.letters) > 2 * limit) return Infinity
  const edits = table.edits(a.key, b.key, limit)
  return edits > limit ? Infinity : edits
}

function bitsIn(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}

/**
 * Counts the edits that turn one text into another; a swap of neighbours is one. Looks only at the cells within `most`
 * of the diagonal, and stops where no cell of a row is. Cells beside the band are set to "too many" and nothing further
 * out is ever read, so that the rows need no clearing.
 *
 * @see E. Ukkonen, "Algorithms for approximate string matching" (1985)
 */
class EditTable {
  #cells = 0
  #beforeLast = new Uint16Array(LONGEST + 2)
  #last = new Uint16Array(LONGEST + 2)
  #row = new Uint16Array(LONGEST + 2)

  /** The number of edits, or something greater than `most`. */
  edits(a: string, b: string, most: number): number {
    let start = 0
    while (start < a.length && a.charCodeAt(start) === b.charCodeAt(start)) start++
    let end = 0
    const shorter = Math.min(a.length, b.length) - start
    while (end < shorter && a.charCodeAt(a.length - 1 - end) === b.charCodeAt(b.length - 1 - end)) end++
    return this.#count(a.slice(start, a.length - end), b.slice(start, b.length - end), most)
  }

  #count(a: string, b: string, most: number): number {
    if (b.length > LONGEST || this.#cells > MOST_CELLS) return Infinity
    for (let j = 0; j <= Math.min(b.length, most + 1); j++) this.#last[j] = j
    for (let i = 1; i <= a.length; i++) {
      if (this.#fill(a, b, { i, most }) > most) return Infinity
      const spare = this.#beforeLast
      this.#beforeLast = this.#last
      this.#last = this.#row
      this.#row = spare
    }
    return cell(this.#last, b.length)
  }

  /** Fills one row of the table; returns its smallest cell. */
  #fill(a: string, b: string, { i, most }: { i: number; most: number }): number {
    const [beforeLast, last, row] = [this.#beforeLast, this.#last, this.#row]
    const from = Math.max(1, i - most)
    const to = Math.min(b.length, i + most)
    const [here, before] = [a.charCodeAt(i - 1), a.charCodeAt(i - 2)]
    let least = i <= most ? i : most + 1
    row[from - 1] = least
    for (let j = from; j <= to; j++) {
      const other = b.charCodeAt(j - 1)
      let edits = Math.min(cell(last, j), cell(row, j - 1)) + 1
      edits = Math.min(edits, cell(last, j - 1) + (here === other ? 0 : 1))
      if (here === b.charCodeAt(j - 2) && before === other) edits = Math.min(edits, cell(beforeLast, j - 2) + 1)
      row[j] = edits
      if (edits < least) least = edits
    }
    row[to + 1] = most + 1
    this.#cells += to - from + 1
    return least
  }
}

const cell = (row: Uint16Array, column: number): number => row[column] ?? MOST_EDITS + 1

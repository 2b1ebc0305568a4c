/** How items are written in a file. */
export type Format = 'lines' | 'ndjson' | 'csv' | 'text' | 'bytes'

/** Every format. */
export const FORMATS: readonly Format[] = ['lines', 'ndjson', 'csv', 'text', 'bytes']

const BY_ENDING: ReadonlyMap<string, Format> = new Map([
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['csv', 'csv'],
  ['tsv', 'csv'],
])

const endingOf = (path: string): string => /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? ''

/** The format that the end of a path tells: `lines` where it tells none. */
export function formatOf(path: string): Format {
  return BY_ENDING.get(endingOf(path)) ?? 'lines'
}

/** What stands between two fields of CSV, as the end of a path tells. */
export function delimiterOf(path: string): string {
  return endingOf(path) === 'tsv' ? '\t' : ','
}

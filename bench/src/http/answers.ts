import type { Bill } from './order.js'

/** The text of an answer, and the bills in it. */
export interface Answered {
  readonly text: string
  readonly bills: readonly Bill[]
}

/** By the first word of the content type, how bills are found in a text. */
const READERS: ReadonlyMap<string, (text: string) => readonly Bill[]> = new Map<string, (text: string) => Bill[]>([
  ['application/json', (text) => [JSON.parse(text)].flat()],
  ['application/x-ndjson', (text) => recordsOf(text.split('\n'))],
  ['text/event-stream', (text) => recordsOf(text.split('\n').filter(isData).map(withoutName))],
])

/** Sends one request and reads what it is answered with, whatever the form. @throws when that is no success */
export async function ask(url: string, body: string): Promise<Answered> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const text = await response.text()
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
  const read = READERS.get(type)
  if (!response.ok || read === undefined) throw new Error(`${url}: ${response.status} ${type} ${text}`)
  return { text, bills: read(text) }
}

function recordsOf(lines: readonly string[]): Bill[] {
  return lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .flatMap((record) => ('value' in record ? [record.value] : []))
}

const isData = (line: string): boolean => line.startsWith('data:')
const withoutName = (line: string): string => line.slice('data:'.length)

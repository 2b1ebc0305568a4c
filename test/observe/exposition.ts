/** A sample of Prometheus' text format. */
export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What a text in Prometheus' format says. */
export interface Exposition {
  /** Of each metric, by its name. */
  readonly types: ReadonlyMap<string, string>
  readonly samples: readonly ParsedSample[]
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\\\', '\\'],
  ['\\"', '"'],
  ['\\n', '\n'],
])

/** Reads Prometheus' text format, version 0.0.4, as its specification has it; fails on a line that is none. */
export function parseExposition(text: string): Exposition {
  const types = new Map<string, string>()
  const samples: ParsedSample[] = []
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line)
    if (type !== null) types.set(type[1] ?? '', type[2] ?? '')
    else if (line !== '' && !line.startsWith('#')) samples.push(parseSample(line))
  }
  return { types, samples }
}

function parseSample(line: string): ParsedSample {
  const [, name, labels = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/s.exec(line) ?? []
  if (name === undefined) throw new Error(`no sample: ${JSON.stringify(line)}`)
  const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"(,|$)/gsy)]
  if (pairs.map(([whole]) => whole).join('') !== labels) throw new Error(`no labels: ${JSON.stringify(labels)}`)
  const unescaped = pairs.map(([, label = '', text = '']) => [label, text.replace(/\\./gs, (c) => ESCAPES.get(c) ?? c)])
  return { name, labels: Object.fromEntries(unescaped), value: Number(value) }
}

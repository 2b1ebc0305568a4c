import { FIGURES, show } from './figures.js'
import type { ResultBlock, Results } from './results.js'

const WIDTH = 960
const LABELS = 280
const BARS = 480
const ROW = 16
const GROUP_HEAD = 34
const TOP = 84
const FONT = 'font-family="ui-sans-serif, system-ui, sans-serif"'
const COLOURS = { ours: '#0969da', bounded: '#8c959f', unbounded: '#d8b4a0', text: '#1f2328', faint: '#d0d7de' }

type Row = ResultBlock['rows'][number]

/** Where a ratio is drawn: a bar twice as long is not twice the time, but each line is ten times the one before. */
interface Scale {
  readonly decades: readonly number[]
  readonly x: (ratio: number) => number
}

/** All races as horizontal bars: the time of each row by ours, so that ours always ends at the same line. */
export function renderChart(results: Results): string {
  const races = results.blocks.filter(({ columns }) => columns.includes('ofOurs'))
  const scale = logScale(races.flatMap(({ rows }) => rows.map(ratioOf)))
  const groups: string[] = []
  let top = TOP
  for (const race of races) {
    groups.push(...group(race, top, scale))
    top += GROUP_HEAD + race.rows.length * ROW
  }
  const title = 'Time of each library by the time of Pipelines'
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 24}" role="img" aria-labelledby="title desc" ${FONT} font-size="11" fill="${COLOURS.text}">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="desc">${escaped(described(races))}</desc>`,
    // A ground of its own, so that it reads the same on light pages and dark ones.
    `<rect width="${WIDTH}" height="${top + 24}" rx="8" fill="#ffffff" stroke="${COLOURS.faint}"/>`,
    text({ x: 20, y: 28, size: 16, weight: 600 }, title),
    text(
      { x: 20, y: 46 },
      `Shorter is faster; each vertical line is ten times the one before. Node ${results.node}, ${results.machine}, ${results.date}.`,
    ),
    ...legend(),
    ...scale.decades.flatMap((ratio) => gridLine(ratio, scale, top)),
    ...groups,
    '</svg>',
    '',
  ].join('\n')
}

function group({ title, columns, rows }: ResultBlock, top: number, scale: Scale): string[] {
  const [first] = columns
  const bars = rows.flatMap((row, place) => {
    const y = top + GROUP_HEAD + place * ROW
    const end = scale.x(ratioOf(row))
    const value = first === undefined ? '' : `${show(first, row.figures[first])} ${FIGURES[first].head}`
    return [
      text({ x: LABELS - 8, y: y + 11, anchor: 'end', weight: row.ours ? 600 : 400 }, row.name),
      `<rect x="${LABELS}" y="${y + 2}" width="${round(end - LABELS)}" height="${ROW - 4}" rx="2" fill="${colour(row)}"/>`,
      text({ x: end + 6, y: y + 11, halo: true }, `${show('ofOurs', ratioOf(row))}   ${value}`),
    ]
  })
  return [text({ x: 20, y: top + 24, size: 12, weight: 600, halo: true }, title), ...bars]
}

function gridLine(ratio: number, scale: Scale, bottom: number): string[] {
  const x = scale.x(ratio)
  const label = ratio === 1 ? 'Pipelines' : ratio < 1 ? `${round(1 / ratio)} × faster` : `${ratio} × slower`
  const stroke = ratio === 1 ? COLOURS.ours : COLOURS.faint
  return [
    `<line x1="${x}" x2="${x}" y1="${TOP + 4}" y2="${bottom}" stroke="${stroke}" stroke-dasharray="2 3"/>`,
    text({ x, y: TOP - 2, anchor: 'middle' }, label),
  ]
}

function legend(): string[] {
  const entries = [
    [620, COLOURS.ours, 'Pipelines'],
    [705, COLOURS.bounded, 'bounds what it holds'],
    [850, COLOURS.unbounded, 'does not'],
  ] as const
  return entries.flatMap(([x, fill, label]) => [
    `<rect x="${x}" y="19" width="10" height="10" rx="2" fill="${fill}"/>`,
    text({ x: x + 15, y: 28 }, label),
  ])
}

function logScale(ratios: readonly number[]): Scale {
  const exponents = ratios.filter((ratio) => ratio > 0 && Number.isFinite(ratio)).map(Math.log10)
  const low = Math.floor(Math.min(-1, ...exponents))
  const high = Math.ceil(Math.max(1, ...exponents))
  const x = (ratio: number): number => {
    const exponent = ratio > 0 ? Math.log10(ratio) : low
    return round(LABELS + (BARS * (exponent - low)) / (high - low))
  }
  return { decades: Array.from({ length: high - low }, (_, place) => 10 ** (low + place + 1)), x }
}

function colour({ ours, bounds }: Row): string {
  if (ours) return COLOURS.ours
  return bounds === false ? COLOURS.unbounded : COLOURS.bounded
}

function ratioOf({ figures }: Row): number {
  return figures.ofOurs ?? Number.NaN
}

/** The same in words, for those who do not see it. */
function described(races: readonly ResultBlock[]): string {
  return races
    .map(
      ({ title, rows }) => `${title}: ${rows.map((row) => `${row.name} ${show('ofOurs', ratioOf(row))}`).join(', ')}.`,
    )
    .join(' ')
}

interface TextStyle {
  readonly x: number
  readonly y: number
  readonly size?: number
  readonly weight?: number
  readonly anchor?: 'start' | 'middle' | 'end'
  /** Keeps a line behind it from crossing the letters. */
  readonly halo?: boolean
}

function text({ x, y, size, weight, anchor, halo = false }: TextStyle, content: string): string {
  const style = [
    size === undefined ? '' : ` font-size="${size}"`,
    weight === undefined ? '' : ` font-weight="${weight}"`,
    anchor === undefined ? '' : ` text-anchor="${anchor}"`,
    halo ? ' stroke="#ffffff" stroke-width="3" paint-order="stroke"' : '',
  ]
  return `<text x="${x}" y="${y}"${style.join('')} xml:space="preserve">${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

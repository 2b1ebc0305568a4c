import type { Table } from './workload.js'

/** A table as text: names to the left, numbers to the right. */
export function print({ title, columns, rows }: Table): string {
  const head = ['', ...columns.map((column) => column.head)]
  const body = rows.map((row) => [String(row.name), ...columns.map(({ key, show }) => show(Number(row[key])))])
  const widths = head.map((_, place) => Math.max(...[head, ...body].map((cells) => cells[place]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, place) => pad(cell, place, widths[place] ?? 0))
      .join('  ')
      .trimEnd()
  return [title, line(head), line(widths.map((width) => '─'.repeat(width))), ...body.map(line)].join('\n')
}

function pad(cell: string, place: number, width: number): string {
  return place === 0 ? cell.padEnd(width) : cell.padStart(width)
}

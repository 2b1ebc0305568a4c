import type { RunReport } from '@pipelines/plumber'
import type { Totals } from './coros.js'

type Row = readonly (string | number)[]

/** The totals, the most lines first, and their sum. */
export function totalsTable(totals: Totals): string {
  const rows = [...totals].map(([language, t]) => [language, t.files, t.lines, t.bytes, t.duplicates] as const)
  const sum = (column: 1 | 2 | 3 | 4): number => rows.reduce((total, row) => total + row[column], 0)
  rows.sort((a, b) => b[2] - a[2] || b[1] - a[1])
  const last = ['total', sum(1), sum(2), sum(3), sum(4)]
  return table(['language', 'files', 'lines', 'bytes', 'duplicates'], [...rows, last])
}

/** The books of a run: what went into every node and edge, and what became of it. */
export function books({ nodes, edges }: RunReport): { readonly text: string; readonly balanced: boolean } {
  const taken = (node: string): number => edges.reduce((sum, { to, left }) => sum + (to === node ? left : 0), 0)
  const nodeRows = Object.entries(nodes).map(([name, { received, completed, failed, unprocessed, emitted }]) => {
    const balanced = received === completed + failed + unprocessed && received === taken(name)
    return [name, received, completed, failed, unprocessed, mark(balanced), emitted]
  })
  const edgeRows = edges.map(({ from, to, entered, left, unprocessed }) => {
    return [`${from} → ${to}`, entered, left, unprocessed, mark(entered === left + unprocessed)]
  })
  const nodeTable = table(['node', 'received', '= completed', '+ failed', '+ unprocessed', '', 'emitted'], nodeRows)
  const edgeTable = table(['edge', 'entered', '= left', '+ unprocessed', ''], edgeRows)
  const balanced = ![...nodeRows, ...edgeRows].some((row) => row.includes(mark(false)))
  return { text: `${nodeTable}\n\n${edgeTable}`, balanced }
}

const mark = (balanced: boolean): string => (balanced ? '✓' : '✗')

/** Aligns columns: the first to the left, the others to the right, thousands grouped. */
function table(head: Row, rows: readonly Row[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.toLocaleString('en')))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const align = (cell: string, column: number): string =>
    cell[column === 0 ? 'padEnd' : 'padStart'](widths[column] ?? 0)
  const lines = cells.map((row) => row.map(align).join('  '))
  return lines.toSpliced(1, 0, '─'.repeat(lines[0]?.length ?? 0)).join('\n')
}

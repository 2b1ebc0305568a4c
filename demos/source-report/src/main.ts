import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Plumber, type RunReport } from '@pipelines/plumber'
import * as coros from './coros.js'
import { print, run } from './run.js'
import { books, totalsTable } from './table.js'

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url))
const GRAPH = new URL('../graph.json', import.meta.url)

/** Reports on a folder; gives the exit code. */
async function main(root: string): Promise<number> {
  const unreadable = await readdir(root).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  )
  if (unreadable !== undefined) return complain(`"${root}" is not a folder that can be read (${unreadable}).`, 2)
  const printTotals = (totals: coros.Totals): void => print(process.stdout, `${totalsTable(totals)}\n\n`)
  const plumber = new Plumber(readFileSync(GRAPH, 'utf8'), { coroMap: [coros, { print: printTotals }] })
  console.log(`Source files in ${root}\n`)
  const report = await run(plumber, root, process.stdout)
  const { text, balanced } = books(report)
  console.log(`${summary(report)}\n\n${text}\n\n${plumber.toMermaid()}`)
  const problem = balanced ? report.error?.message : 'The books do not balance.'
  return problem === undefined ? 0 : complain(problem, 1)
}

function summary({ outcome, durationMs, nodes: { walk, read }, errors }: RunReport): string {
  const reasons = errors
    .slice(0, 5)
    .map(({ message, cause }) => `  ${cause instanceof Error ? cause.message : message}`)
  const counts = `${walk?.emitted} files found, ${read?.dropped} binary, ${read?.failed} skipped`
  return [`${outcome} in ${(durationMs / 1000).toFixed(2)} s: ${counts}`, ...reasons].join('\n')
}

function complain(problem: string, exitCode: number): number {
  console.error(`source-report: ${problem}`)
  return exitCode
}

process.exitCode = await main(resolve(process.argv[2] ?? REPOSITORY)).catch((error: Error) =>
  complain(error.message, 1),
)

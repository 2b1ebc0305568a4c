import { readFileSync } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Plumber, type RunReport } from '@pipelines/plumber'
import * as coros from './coros.js'
import { print, run } from './run.js'
import { books, totalsTable } from './table.js'

const repository = fileURLToPath(new URL('../../..', import.meta.url))

/** Reports on a folder; gives the exit code. */
async function main(root: string): Promise<number> {
  const unreadable = await opendir(root).then(
    (folder) => folder.close(),
    (error: NodeJS.ErrnoException) => error.code,
  )
  if (unreadable !== undefined) {
    console.error(`source-report: "${root}" is not a folder that can be read (${unreadable}).`)
    return 2
  }
  const graph = readFileSync(new URL('../graph.json', import.meta.url), 'utf8')
  const printTotals = (totals: coros.Totals): void => print(process.stdout, `${totalsTable(totals)}\n\n`)
  const plumber = new Plumber(graph, { coroMap: [coros, { print: printTotals }] })
  console.log(`Source files in ${root}\n`)
  const report = await run(plumber, root, process.stdout)
  const { text, balanced } = books(report)
  console.log(`${summary(report)}\n\n${text}\n\n${plumber.toMermaid()}`)
  if (report.outcome === 'completed' && balanced) return 0
  console.error(`source-report: ${report.error?.message ?? `stopped by ${report.reason}`}`)
  return 1
}

function summary({ outcome, durationMs, nodes, errors }: RunReport): string {
  const { walk, read } = nodes
  const counted = `${walk?.emitted} files found, ${read?.dropped} binary, ${read?.failed} skipped`
  const reasons = errors
    .slice(0, 5)
    .map(({ message, cause }) => `\n  ${cause instanceof Error ? cause.message : message}`)
  return `${outcome} in ${(durationMs / 1000).toFixed(2)} s: ${counted}${reasons.join('')}`
}

process.exitCode = await main(resolve(process.argv[2] ?? repository)).catch((error: unknown) => {
  console.error(`source-report: ${error instanceof Error ? error.message : error}`)
  return 1
})

import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Baseline, nameOf, PAIRS } from './baseline.js'
import { checkPairs, describeComparison, measurePairs } from './checking.js'
import { inChild } from './child.js'
import { toJson } from './results.js'
import type { Block, Row, Scale } from './workload.js'

const FILE = new URL('../baseline.json', import.meta.url)
const USAGE = 'Usage: npm run bench:check [-- --update]'

/** Exit code 1 if a ratio became much worse, 2 for wrong arguments. */
async function main(): Promise<void> {
  const update = readArguments()
  if (update === undefined) return
  if (update) {
    const ratios = await measurePairs(PAIRS, rowsOf(9))
    const baseline: Baseline = Object.fromEntries([...ratios].map(([pair, ratio]) => [nameOf(pair), ratio]))
    await writeFile(FILE, toJson(baseline))
    console.log(toJson(baseline))
    return
  }
  const comparisons = await checkPairs(PAIRS, await readBaseline(), rowsOf(5))
  for (const comparison of comparisons) console.log(describeComparison(comparison))
  if (comparisons.every(({ passed }) => passed)) return
  console.error('Pipelines became slower, measured twice. If that is meant to be: npm run bench:check -- --update')
  process.exitCode = 1
}

function rowsOf(rounds: number): (workload: string, only: readonly string[]) => Promise<readonly Row[]> {
  return async (workload, only) => {
    const scale: Scale = { size: 'short', rounds, only }
    const blocks = await inChild<Block[]>('./children/workload.js', [workload, JSON.stringify(scale)])
    return blocks.flatMap(({ rows }) => rows)
  }
}

async function readBaseline(): Promise<Baseline> {
  const text = await readFile(FILE, 'utf8').catch((cause: unknown) => {
    throw new Error('There is no bench/baseline.json. Write it with: npm run bench:check -- --update', { cause })
  })
  return JSON.parse(text) as Baseline
}

/** Whether the baseline is to be written; `undefined` after a complaint. */
function readArguments(): boolean | undefined {
  try {
    return parseArgs({ options: { update: { type: 'boolean', default: false } } }).values.update
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`)
    process.exitCode = 2
    return undefined
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

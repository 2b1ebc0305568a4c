import { writeFile } from 'node:fs/promises'
import { type Request, readArguments, UsageError } from './arguments.js'
import { inChild } from './child.js'
import { printBlock, printSummary } from './print.js'
import { collectResults, machine, saveResults, toJson } from './results.js'
import type { Block } from './workload.js'

/** Wrong results are exit code 1, wrong arguments 2. A target that is not met is a result like any other. */
async function main(): Promise<void> {
  const request = readArguments(process.argv.slice(2))
  const { rounds, size } = request.scale
  console.log(`Node ${process.versions.node}, ${machine()}; ${rounds} interleaved rounds, medians; processor time`)
  const measured = await measureAll(request)
  if (size === 'quick') console.log('\nEverybody came to the right result. Amounts this small say nothing about time.')
  else console.log(`\n${printSummary(measured)}`)
  const results = collectResults(rounds, measured)
  if (request.json !== undefined) await writeFile(request.json, toJson(results))
  if (request.save) await saveResults(results)
}

async function measureAll({ workloads, scale }: Request): Promise<Map<string, readonly Block[]>> {
  const measured = new Map<string, readonly Block[]>()
  for (const name of workloads) {
    const blocks = await inChild<Block[]>('./children/workload.js', [name, JSON.stringify(scale)])
    for (const block of blocks) console.log(`\n${printBlock(block)}`)
    measured.set(name, blocks)
  }
  return measured
}

main().catch((error: unknown) => {
  console.error(error instanceof UsageError ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
})

import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { print } from './print.js'
import type { Scale, Table, Workload } from './workload.js'
import { asyncChain } from './workloads/async-chain.js'
import { bursts } from './workloads/bursts.js'
import { diamond } from './workloads/diamond.js'
import { startUp } from './workloads/start-up.js'
import { syncChain } from './workloads/sync-chain.js'

const WORKLOADS: readonly Workload[] = [syncChain, asyncChain, diamond, bursts, startUp]
const USAGE = `Usage: npm run bench -- [workload …] [--quick] [--rounds n] [--json]
Workloads: ${WORKLOADS.map(({ name }) => name).join(', ')}; all of them if none is named.`

/** Wrong results are exit code 1, wrong arguments 2. */
async function main(): Promise<void> {
  const { chosen, scale, json } = readArguments()
  const machine = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim()}`
  const gc = globalThis.gc === undefined ? 'no gc between runs: start node with --expose-gc' : 'gc before every run'
  if (!json) console.log(`${machine}; ${scale.rounds} interleaved rounds, medians; ${gc}`)
  const results: { readonly workload: string; readonly tables: readonly Table[] }[] = []
  for (const { name, measure } of chosen) {
    const tables = await measure(scale)
    results.push({ workload: name, tables })
    if (!json) for (const table of tables) console.log(`\n${print(table)}`)
  }
  if (json)
    console.log(JSON.stringify({ machine, ...scale, gc: globalThis.gc !== undefined, results: results.map(plain) }))
}

function readArguments(): { readonly chosen: readonly Workload[]; readonly scale: Scale; readonly json: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
    },
  })
  const unknown = positionals.filter((name) => WORKLOADS.every((workload) => workload.name !== name))
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 9))
  if (unknown.length > 0) throw new UsageError(`No workload "${unknown.join('", "')}".`)
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new UsageError('--rounds must be a whole number from 1.')
  const chosen = positionals.length === 0 ? WORKLOADS : WORKLOADS.filter(({ name }) => positionals.includes(name))
  return { chosen, scale: { quick: values.quick, rounds }, json: values.json }
}

class UsageError extends Error {}

function plain({ workload, tables }: { workload: string; tables: readonly Table[] }): object {
  return { workload, tables: tables.map(({ title, rows }) => ({ title, rows })) }
}

function isUsage(error: unknown): boolean {
  return (
    error instanceof UsageError ||
    (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
  )
}

main().catch((error: unknown) => {
  console.error(isUsage(error) ? `${(error as Error).message}\n${USAGE}` : error)
  process.exitCode = isUsage(error) ? 2 : 1
})

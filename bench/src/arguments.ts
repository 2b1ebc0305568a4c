import { parseArgs } from 'node:util'
import { WORKLOADS } from './catalogue.js'
import type { Scale } from './workload.js'

const USAGE = `Usage: npm run bench -- [workload …] [--rounds n] [--quick] [--json file] [--no-save]
Workloads: ${[...WORKLOADS.keys()].join(', ')}; all of them if none is named.`

export class UsageError extends Error {}

/** What the command was asked for. */
export interface Request {
  readonly workloads: readonly string[]
  readonly scale: Scale
  /** Where the results go as well, whatever was measured. */
  readonly json?: string
  /** Whether `results/` is written: only by a run of everything, in full. */
  readonly save: boolean
}

/** @throws UsageError */
export function readArguments(args: readonly string[]): Request {
  const { values, positionals } = parsed(args)
  const named = positionals.map((name) => (/^w\d/.test(name) ? name.toUpperCase() : name))
  const unknown = named.filter((name) => !WORKLOADS.has(name))
  if (unknown.length > 0) throw new UsageError(`No workload "${unknown.join('", "')}".\n${USAGE}`)
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 9))
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new UsageError(`--rounds must be a whole number from 1.\n${USAGE}`)
  }
  const all = named.length === 0
  return {
    workloads: [...WORKLOADS.keys()].filter((name) => all || named.includes(name)),
    scale: { size: values.quick ? 'quick' : 'full', rounds },
    ...(values.json === undefined ? {} : { json: values.json }),
    save: all && !values.quick && !values['no-save'],
  }
}

function parsed(args: readonly string[]): ReturnType<typeof parse> {
  try {
    return parse(args)
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n${USAGE}`)
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      'no-save': { type: 'boolean', default: false },
    },
  })
}

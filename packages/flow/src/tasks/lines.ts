import { type Issue, issue } from '@pipelines/core'
import { pointer } from '@pipelines/plumber'
import type { Entry } from './entry.js'
import type { Parallelism } from './task.js'

/** Tasks that are one node. */
export interface Line {
  /** Of the node. */
  readonly name: string
  readonly entries: readonly Entry[]
}

/** Longest name that a node may have. */
const LONGEST = 128

/**
 * Tasks that are called at once, each with the generator of the one before it: generators without `async`, from the first
 * of the list on, and a plain function at its end. Every other task is a node of its own.
 */
export function linesOf(entries: readonly Entry[], parallelism: Parallelism | undefined): readonly Line[] {
  const isApart = (entry: Entry): boolean => {
    const { run, isLast, workers, given } = entry
    const place = given.parallelism ?? parallelism ?? 'coroutine'
    const isDirect = isLast && !entry.isFirst ? kindOf(run) === 'Function' : kindOf(run) === 'GeneratorFunction'
    return !isDirect || workers !== 1 || place !== 'coroutine'
  }
  const end = entries.findIndex(isApart)
  const direct = entries.slice(0, end === -1 ? entries.length : end)
  // What tasks of one node give each other is not checked item by item: they are apart where they can be.
  const canPart = direct.every(({ isFirst, isLast }) => isFirst || isLast) && direct.some(hasSchema)
  return direct.length < 2 || canPart
    ? entries.map(lineOf)
    : [{ name: nameOf(direct), entries: direct }, ...entries.slice(direct.length).map(lineOf)]
}

/** Generators without `async` that are behind others: nothing can give them their items at once. */
export function lineIssues(lines: readonly Line[]): readonly Issue[] {
  return lines
    .slice(1)
    .flatMap(({ entries }) => entries)
    .filter(({ run, isLast }) => !isLast && kindOf(run) === 'GeneratorFunction')
    .map(({ place, name }) =>
      issue('CORO_TYPE', pointer(place, 'run'), {
        node: name,
        what: 'is a generator without "async", which takes its items at once, but what is before it gives them one by one',
        hint: 'Make it an async function*; or make all before it generators without "async", each with one worker, in this program.',
      }),
    )
}

/** Where something is in the graph that has a node for each task. */
export function inOwnNode(found: string, lines: readonly Line[]): string {
  const [, nodes, encoded = '', ...rest] = found.split('/')
  const line = lines.find(({ name, entries }) => entries.length > 1 && encoded === pointer(name).slice(1))
  if (nodes !== 'nodes' || line === undefined) return found
  const [args, list, number = '0', ...more] = rest
  const isOne = args === 'args' && (list === 'fns' || list === 'constants')
  const entry = line.entries[isOne ? Number(number) : 0]
  const inside = isOne ? ['args', list === 'fns' ? 'fn' : list, ...more] : rest
  return `${pointer('nodes', entry?.name ?? '')}/${inside.join('/')}`
}

const hasSchema = ({ input, output }: Entry): boolean => input !== undefined || output !== undefined

const lineOf = (entry: Entry): Line => ({ name: entry.name, entries: [entry] })

/** What kind of function it is: `GeneratorFunction`, `AsyncFunction`, … */
const kindOf = (run: unknown): string => Object.prototype.toString.call(run).slice('[object '.length, -1)

function nameOf(entries: readonly Entry[]): string {
  const whole = entries.map(({ name }) => name).join('/')
  return whole.length <= LONGEST ? whole : `${whole.slice(0, LONGEST - 12)}/${entries.length}-tasks`
}

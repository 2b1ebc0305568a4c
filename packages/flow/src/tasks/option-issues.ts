import { type Issue, isClass, issue, quote, show } from '@pipelines/core'
import { pointer } from '@pipelines/plumber'
import { type Entry, isCount, isObject, isRun, isSchema, titleOf } from './entry.js'

/** Most workers of a task. */
const MOST_WORKERS = 128

/** What an option must be, in words, and whether it is. */
type Rule = readonly [what: string, allows: (value: unknown) => boolean]

const PLACES: readonly unknown[] = ['coroutine', 'thread', 'process']
const SCHEMA: Rule = ['must be a schema', isSchema]
const PARALLELISM: Rule = ['must be "coroutine", "thread" or "process"', (value) => PLACES.includes(value)]

const RULES: ReadonlyMap<string, Rule> = new Map([
  ['run', ['must be a function', isRun]],
  ['name', ['must be a text', (value) => typeof value === 'string']],
  ['constants', ['must be an object', isObject]],
  [
    'workers',
    [`must be an integer from 1 to ${MOST_WORKERS}`, (value) => isCount(value) && Number(value) <= MOST_WORKERS],
  ],
  ['packetsInFlight', ['must be an integer ≥ 1', isCount]],
  ['input', SCHEMA],
  ['output', SCHEMA],
  ['constantsSchema', SCHEMA],
  ['parallelism', PARALLELISM],
])

/** What is said of an option, and what to do. */
type Advice = readonly [what: string, hint: string]

const SIZE: Advice = ['has no meaning here: an item may be of any size', 'Leave it out.']
const BUFFER: Advice = [
  'has no meaning here',
  'Put the data into a SharedArrayBuffer, which threads are given without a copy, or let buffers move: executors: [threads({ transfer: true })].',
]
/** Options of pipeline-lib that there are not. */
const ELSEWHERE: ReadonlyMap<string, Advice> = new Map([
  ['maxMessageSize', SIZE],
  ['max_message_size', SIZE],
  ['sharedBuffer', BUFFER],
  ['shared_buffer', BUFFER],
])
/** Those that are called otherwise. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['generator', 'run'],
  ['num_workers', 'workers'],
  ['packets_in_flight', 'packetsInFlight'],
  ['type_check_pipeline', 'typeCheck'],
  ['inactivity_timeout', 'inactivityMs'],
])

const FRESH = 'Use "process": a process begins afresh here, as one that was spawned.'

/** What is wrong with the options of a task, each by itself and together. */
export function optionIssues(entry: Entry): readonly Issue[] {
  const { place, given, name } = entry
  const title = titleOf(entry)
  const found = Object.entries({ run: undefined, ...given }).flatMap(([option, value]) => {
    const rule = RULES.get(option)
    if (rule === undefined) return [unknownOption(option, title, pointer(place, option))]
    if ((value === undefined && option !== 'run') || rule[1](value)) return []
    const what = `of ${title} ${rule[0]}, got ${isClass(value) ? 'a class' : show(value)}`
    const hint = option === 'parallelism' ? hintFor(value) : undefined
    return [issue('OPTION_INVALID', pointer(place, option), { option, what, hint })]
  })
  if (typeof given.name === 'string' && given.name !== name) {
    const what = `of task ${place + 1} is ${quote(given.name)}, as that of another one`
    const hint = 'Give each a name of its own.'
    found.push(issue('OPTION_INVALID', pointer(place, 'name'), { option: 'name', what, hint }))
  }
  return [...found, ...workerIssues(entry)]
}

/** What is wrong with the options of a list. */
export function listOptionIssues(options: Readonly<Record<string, unknown>>): readonly Issue[] {
  const { parallelism } = options
  const renamed = Object.keys(options).filter((option) => RENAMED.has(option))
  const found = renamed.map((option) => unknownOption(option, 'a list of tasks', ''))
  if (parallelism === undefined || PARALLELISM[1](parallelism)) return found
  const what = `${PARALLELISM[0]}, got ${show(parallelism)}`
  return [...found, issue('OPTION_INVALID', '', { option: 'parallelism', what, hint: hintFor(parallelism) })]
}

function unknownOption(option: string, title: string, path: string): Issue {
  const [what, hint] = ELSEWHERE.get(option) ?? [
    'does not exist',
    `There are ${[...RULES.keys()].map(quote).join(', ')}.`,
  ]
  const suggestion = RENAMED.get(option)
  return issue('OPTION_INVALID', path, { option, what: `of ${title} ${what}`, suggestion, hint })
}

const hintFor = (parallelism: unknown): string | undefined =>
  parallelism === 'process-fork' || parallelism === 'process-spawn' ? FRESH : undefined

function workerIssues({ place, name, isFirst, isLast, workers, packetsInFlight }: Entry): readonly Issue[] {
  const path = pointer(place, 'workers')
  if (isFirst && workers > 1) {
    const what = `has "workers": ${workers}, but it is the first task, and each worker would give all items again`
    const hint = 'Let it give parts, such as names of files, and let the next task read them with several workers.'
    return [issue('OPTION_CONFLICT', path, { node: name, what, hint })]
  }
  if (isLast || workers <= packetsInFlight) return []
  const what = `has "workers": ${workers}, but only ${packetsInFlight} of its items may be made at a time`
  const hint = `Set "packetsInFlight" to ${workers} or more.`
  return [issue('OPTION_CONFLICT', path, { node: name, what, hint })]
}

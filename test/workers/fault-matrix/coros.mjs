import { appendFileSync, existsSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { DROP, defineCoro } from '@pipelines/core/coro'
import { strikes } from './strikes.mjs'

/*
 * The coroutines of the graphs. What each call gives, and which of them goes wrong, is in the args of its node.
 */

const facts = { isThread: !isMainThread }
/** Set by the options of an executor: what goes wrong at the start, once a file is there, and where starts are noted. */
const { START_DOES: atStart, START_IF: condition, STARTS: starts } = process.env

if (starts !== undefined) appendFileSync(starts, 'started\n')
if (atStart !== undefined && (condition === undefined || existsSync(condition))) await strikes[atStart](facts)

const listed = (part) => (part === undefined ? [] : Array.isArray(part) ? part : [part])

/** An input as one text: by this a call is known. */
function textOf(input, joins) {
  const slots = joins ? input.map(listed) : [[input]]
  return slots
    .map((slot) =>
      slot
        .map(({ text }) => text)
        .sort()
        .join(' '),
    )
    .join('+')
}

/** What a call gives; or what it does instead. */
function begin(input, { args, attempt, log }) {
  const text = textOf(input, args.joins)
  const { strike } = args
  const isStruck = strike?.at === 'call' && strike.text === text && attempt <= strike.attempts
  if (isStruck && strike.leaves !== undefined) appendFileSync(strike.leaves, text)
  if (isStruck) log.info({}, 'strikes')
  return { results: args.results[text], instead: isStruck ? strikes[strike.does](facts) : undefined }
}

function plain(input, context) {
  const { results, instead } = begin(input, context)
  if (instead !== undefined) return instead
  const [only, ...others] = results
  if (only !== undefined && others.length === 0) return only
  for (const result of results) context.emit('out', result)
  return DROP
}

function emitting(input, context) {
  const { results, instead } = begin(input, context)
  if (instead !== undefined) return instead
  for (const result of results) context.emit('out', result)
  return DROP
}

function* generator(input, context) {
  const { results, instead } = begin(input, context)
  if (instead !== undefined) yield instead
  yield* results
}

async function* asyncGenerator(input, context) {
  const { results, instead } = begin(input, context)
  await instead
  for (const result of results) {
    yield result
    await undefined
  }
}

const hooks = {
  setup({ args: { strike } }) {
    return strike?.at === 'setup' ? strikes[strike.does](facts) : {}
  },
  teardown() {},
}

export const bare = { plain, emitting, generator, asyncGenerator }
export const watched = Object.fromEntries(Object.entries(bare).map(([style, run]) => [style, defineWatched(run)]))

export const source = {
  *generator(_, { args }) {
    yield* args.items
  },
  async *asyncGenerator(_, { args }) {
    yield* args.items
  },
  list: (_, { args }) => args.items,
  async put(output, { args }) {
    for (const item of args.items) await output.put(item)
  },
}

function defineWatched(run) {
  return defineCoro({ ...hooks, run })
}

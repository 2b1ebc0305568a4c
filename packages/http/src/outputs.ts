import { type Output, PipelineError } from '@pipelines/core'
import type { Input, ProcessOptions } from '@pipelines/plumber'
import type { Body, Item } from './body.js'
import { toHttpError } from './http-error.js'
import type { ResolvedHandler } from './options.js'
import type { ServedGraph } from './served-graph.js'
import type { Visit } from './visit.js'

/** Outputs that may wait for a client to read, per request, before their leaves wait. */
const READ_AHEAD = 64

/** A request that is to be answered. */
export interface Task {
  readonly graph: ServedGraph
  readonly options: ResolvedHandler
  readonly visit: Visit
  /** What its requests are made with besides. */
  readonly given: ProcessOptions
}

/** The same, with what it brings. */
export interface Work extends Task {
  readonly body: Body
}

/** All outputs of a request. Rejects with `PLB_HTTP_OUTPUT` where there are more than allowed. */
export async function gather(work: Work): Promise<readonly Output[]> {
  const { graph, options, visit, body } = work
  if (graph.mode === 'shared' && 'value' in body) return gatherOne(work, body.value, visit.requestOptions(work.given))
  const outputs: Output[] = []
  for await (const output of stream(work)) {
    if (outputs.length >= options.maxOutputs) throw tooMany(options)
    outputs.push(output)
  }
  return outputs
}

/** The outputs of a request as they are made, no faster than they are taken. Leaving the loop cancels the rest. */
export function stream(work: Work): AsyncGenerator<Output, void, void> {
  const { graph, body } = work
  if (graph.mode === 'perRequest') return ownRun(work)
  return 'value' in body ? streamOne(work, body.value) : inOrder(work, body.items)
}

/** What comes of one value, without a signal: making one would cost more than the request. */
async function gatherOne(
  { graph, options, visit }: Work,
  value: unknown,
  given: ProcessOptions,
): Promise<readonly Output[]> {
  const outputs: Output[] = []
  let isExcess = false
  const onOutput = (output: Output): void => {
    if (outputs.length < options.maxOutputs) outputs.push(output)
    else {
      isExcess = true
      request.cancel()
    }
  }
  const request = graph.pipeline.request(value, { ...target(options), ...given, ...time(visit), onOutput })
  const unlisten = visit.onCancel((reason) => request.cancel(reason))
  try {
    await request.answer
    return outputs
  } catch (error) {
    throw isExcess ? tooMany(options) : error
  } finally {
    unlisten()
  }
}

async function* streamOne(work: Work, value: unknown): AsyncGenerator<Output, void, void> {
  const { graph, options, visit } = work
  const given = { ...target(options), ...visit.requestOptions(work.given), ...time(visit) }
  yield* graph.pipeline.processStream(value, { ...given, signal: visit.signal, queueSize: READ_AHEAD })
}

/**
 * What comes of several values, some of which are inside at once: in the order of the values, and as soon as it is there,
 * since a client may wait for an answer before it sends the next one.
 */
async function* inOrder(work: Work, items: AsyncGenerator<Item, void, void>): AsyncGenerator<Output, void, void> {
  const { options, visit } = work
  const given = visit.requestOptions(work.given)
  const inside: Promise<readonly Output[]>[] = []
  let reading: Promise<IteratorResult<Item, void>> | undefined = items.next()
  try {
    while (reading !== undefined || inside.length > 0) {
      const [oldest] = inside
      const mayRead = inside.length < options.itemsInFlight
      const step = mayRead && reading !== undefined ? await firstOf(reading, oldest) : undefined
      if (step === undefined) {
        yield* (await oldest) ?? []
        inside.shift()
      } else if (step.done === true) reading = undefined
      else {
        inside.push(begin(work, step.value, given))
        reading = items.next()
        reading.catch(() => {}) // it is looked at later, if at all
      }
    }
  } finally {
    items.return().catch(() => {}) // not waited for: it may be reading
  }
}

/** What was read, unless the oldest answer is there before. */
function firstOf<T>(reading: Promise<T>, oldest: Promise<unknown> | undefined): Promise<T | undefined> {
  return oldest === undefined ? reading : Promise.race([oldest.then(() => undefined), reading])
}

function begin(work: Work, { value, place }: Item, given: ProcessOptions): Promise<readonly Output[]> {
  const { closing } = work.graph
  const outputs = closing ? Promise.reject(new PipelineError('HTTP_CLOSING', {})) : gatherOne(work, value, given)
  const found = outputs.catch((error) => Promise.reject(toHttpError(error).of(place)))
  found.catch(() => {}) // the first error is enough
  return found
}

/** A pipeline of its own, which takes the whole body as a stream. */
async function* ownRun({ graph, options, visit, given, body }: Work): AsyncGenerator<Output, void, void> {
  const { plumber } = graph
  const { env, logger } = visit.requestOptions(given)
  const { leftMs } = visit
  yield* plumber.stream(inputOf(graph, options, body), {
    signal: visit.signal,
    ...(env && { env }),
    ...(logger && { logger }),
    ...(leftMs !== undefined && { deadlineMs: leftMs }),
  })
}

/** What a run is fed with: the body, by the inlet that takes it. */
function inputOf({ plumber }: ServedGraph, { inlet }: ResolvedHandler, body: Body): Input | undefined {
  const { inlets } = plumber.contract
  if (inlets.length === 0) return undefined
  const values = 'value' in body ? [body.value] : valuesOf(body.items)
  if (inlet === undefined) return values
  return Object.fromEntries(inlets.map((name) => [name, name === inlet ? values : []]))
}

async function* valuesOf(items: AsyncGenerator<Item, void, void>): AsyncGenerator<unknown, void, void> {
  for await (const { value } of items) yield value
}

const target = ({ inlet }: ResolvedHandler): ProcessOptions => (inlet === undefined ? {} : { node: inlet })

function time({ leftMs }: Visit): ProcessOptions {
  return leftMs === undefined ? {} : { timeoutMs: leftMs }
}

function tooMany({ maxOutputs }: ResolvedHandler): PipelineError {
  return new PipelineError('HTTP_OUTPUT', {
    what: `has more than ${maxOutputs} outputs`,
    hint: 'Use a reply that is a stream.',
  })
}

import { type Answer, isPipelineError, type Output, PipelineError } from '@pipelines/core'
import type { Input, ProcessOptions, ProcessStreamOptions } from '@pipelines/plumber'
import type { Body, Item } from './body.js'
import { type HttpError, toHttpError } from './http-error.js'
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
  body: Body
}

type Gathered = Pick<Answer, 'outputs'>

/** All outputs of a request. Rejects with `PLB_RUN_CARDINALITY` where there are more than `most`. */
export function gather(work: Work, most: number): Promise<Gathered> {
  const { graph, body } = work
  return graph.mode === 'shared' && 'value' in body ? gatherOne(work, body.value, most).answer : gatherAll(work, most)
}

async function gatherAll(work: Work, most: number): Promise<Gathered> {
  const outputs: Output[] = []
  for await (const output of stream(work)) {
    if (outputs.length >= most) throw new PipelineError('RUN_CARDINALITY', { count: outputs.length + 1, most })
    outputs.push(output)
  }
  return { outputs }
}

/** The outputs of a request as they are made, no faster than they are taken. Leaving the loop cancels the rest. */
export function stream(work: Work): AsyncGenerator<Output, void, void> {
  const { graph, body } = work
  if (graph.mode === 'perRequest') return ownRun(work)
  return 'value' in body ? streamOne(work, body.value) : inOrder(work, body.items)
}

/** What comes of one value, without a signal: making one would cost more than the request. */
function gatherOne(
  work: Work,
  value: unknown,
  maxOutputs: number,
): { readonly answer: Promise<Gathered>; readonly unlisten: () => void } {
  const request = work.graph.pipeline.request(value, requestOptions(work, { maxOutputs }))
  const unlisten = work.visit.onCancel((reason) => request.cancel(reason))
  return { answer: request.answer, unlisten }
}

/** With what a value of it is sent through. */
function requestOptions(
  { options, visit, given }: Task,
  { maxOutputs, queueSize }: Pick<ProcessStreamOptions, 'maxOutputs' | 'queueSize'>,
): ProcessStreamOptions {
  const { env, meta, node = options.inlet, overload = 'wait', signal, trace, logger = visit.logger } = given
  // Only what there is: each of them is checked for every request.
  const made: { -readonly [Name in keyof ProcessStreamOptions]: ProcessStreamOptions[Name] } = {
    overload, // it was let in; its parts need not be
    env: visit.env(env),
  }
  const facts = visit.meta(meta)
  const { leftMs } = visit
  if (leftMs !== undefined) made.timeoutMs = leftMs
  if (maxOutputs !== undefined) made.maxOutputs = maxOutputs
  if (queueSize !== undefined) made.queueSize = queueSize
  if (logger !== undefined) made.logger = logger
  if (facts !== undefined) made.meta = facts
  if (node !== undefined) made.node = node
  if (signal !== undefined) made.signal = signal
  if (trace !== undefined) made.trace = trace
  return made
}

function streamOne(work: Work, value: unknown): AsyncGenerator<Output, void, void> {
  const outputs = work.graph.pipeline.processStream(value, requestOptions(work, { queueSize: READ_AHEAD }))
  work.visit.onCancel((reason) => outputs.cancel(reason))
  return outputs
}

/**
 * What comes of several values, some of which are inside at once: in the order of the values, and as soon as it is there,
 * since a client may wait for an answer before it sends the next one.
 */
async function* inOrder(work: Work, items: AsyncGenerator<Item, void, void>): AsyncGenerator<Output, void, void> {
  const { options } = work
  const inside: Promise<readonly Output[]>[] = []
  let reading: Promise<Read> | undefined = read(items)
  try {
    while (reading !== undefined || inside.length > 0) {
      const [oldest] = inside
      const mayRead = inside.length < options.itemsInFlight
      const found: Read | undefined = mayRead && reading !== undefined ? await firstOf(reading, oldest) : undefined
      if (found === undefined) {
        yield* (await oldest) ?? []
        inside.shift()
      } else if (found === 'all') reading = undefined
      else {
        const begun = 'error' in found ? Promise.reject(found.error) : begin(work, found)
        begun.catch(() => {}) // the first error is enough
        inside.push(begun)
        reading = 'error' in found ? undefined : read(items)
      }
    }
  } finally {
    items.return().catch(() => {}) // not waited for: it may be reading
  }
}

/** An item; or what is wrong with it, which is told in its turn; or that there are no more. */
type Read = Item | { readonly error: HttpError } | 'all'

async function read(items: AsyncGenerator<Item, void, void>): Promise<Read> {
  try {
    const step = await items.next()
    return step.done === true ? 'all' : step.value
  } catch (cause) {
    const error = toHttpError(cause)
    const { line } = { ...(isPipelineError(cause) && cause.details) } as { readonly line?: number }
    return { error: line === undefined ? error : error.of(line) }
  }
}

/** What was read, unless the oldest answer is there before. */
function firstOf<T>(reading: Promise<T>, oldest: Promise<unknown> | undefined): Promise<T | undefined> {
  return oldest === undefined ? reading : Promise.race([oldest.then(() => undefined), reading])
}

async function begin(work: Work, { value, place }: Item): Promise<readonly Output[]> {
  try {
    if (work.graph.closing) throw new PipelineError('HTTP_CLOSING', {})
    const { answer, unlisten } = gatherOne(work, value, work.options.maxOutputs)
    return (await answer.finally(unlisten)).outputs
  } catch (error) {
    throw toHttpError(error).of(place)
  }
}

/** A pipeline of its own, which takes the whole body as a stream. */
async function* ownRun({ graph, options, visit, given, body }: Work): AsyncGenerator<Output, void, void> {
  const { plumber } = graph
  const { leftMs, logger } = visit
  yield* plumber.stream(inputOf(graph, options, body), {
    ...graph.runOptions,
    signal: visit.signal,
    env: visit.env(given.env),
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

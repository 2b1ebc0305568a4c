import { getEventListeners } from 'node:events'
import { type PipelineError, pacer } from '@pipelines/core'
import { Plumber, type Successor } from '@pipelines/plumber'
import { Scheduler, type VirtualClock } from '@pipelines/testkit'
import { expect } from 'vitest'
import { build } from '../../packages/plumber/src/build.js'
import { failureOf, type Pipeline, type Report, range, type Stage, turns } from './blackbox.js'
import { expectBalancedBooks } from './books.js'

/** Helpers of the tests of requests: `process` and `processAll`. */

/** Options of a request. */
export type Options = NonNullable<Parameters<Pipeline['process']>[1]>

/** A request that can be cancelled. */
export interface Asked {
  readonly value: unknown
  readonly answer: Promise<unknown>
  readonly signal: AbortSignal
  cancel(reason?: unknown): void
}

/** Makes a request; that it may reject is somebody else's care. */
export function ask(pipeline: Pipeline, value: unknown, options: Omit<Options, 'signal'> = {}): Asked {
  return asked(value, (signal) => pipeline.process(value, { ...options, signal }))
}

/** As above, for all outputs. */
export function askAll(pipeline: Pipeline, value: unknown, options: Omit<Options, 'signal'> = {}): Asked {
  return asked(value, (signal) => pipeline.processAll(value, { ...options, signal }))
}

function asked(value: unknown, start: (signal: AbortSignal) => Promise<unknown>): Asked {
  const controller = new AbortController()
  const answer = start(controller.signal)
  answer.catch(() => {})
  return { value, answer, signal: controller.signal, cancel: (reason) => controller.abort(reason) }
}

/** Asserts that a request was cancelled for that reason, and has let go of its signal. */
export async function expectCancelled({ answer, signal }: Asked, reason: unknown): Promise<void> {
  const error = await failureOf(() => answer)
  expect(error).toMatchObject({ name: 'AbortError', code: 'PLB_RUN_CANCELLED' })
  expect(error.cause).toBe(reason)
  expect(getEventListeners(signal, 'abort')).toEqual([])
}

/** Waits, turn by turn, until the condition holds; looks at no clock. */
export async function soon(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 2_000) throw new Error(`Still not true: ${String(condition)}`)
    await turns(1)
  }
}

/** Asserts that there is no packet anywhere in a pipeline that goes on, and that its books balance as they are. */
export function expectNothingInside(pipeline: Pipeline): void {
  const { nodes, edges } = pipeline.snapshot()
  const full = edges.filter(({ depth }) => depth > 0).map(({ from, to, depth }) => `${depth} from ${from} to ${to}`)
  const busy = Object.entries(nodes).flatMap(([name, node]) => (node.inProgress > 0 ? [name] : []))
  expect({ full, busy }).toEqual({ full: [], busy: [] })
  expectBalancedBooks({ nodes, edges })
}

/** A number of requests at which no window of frames is left that has one frame too few. */
export const MANY = 40

/**
 * Asserts that a pipeline is as good as new: nothing is inside, many more requests at once all get their answers, and it
 * drains to a report in which nothing is missing.
 */
export async function expectAsNew(
  pipeline: Pipeline,
  answer: (n: number) => unknown,
  { flow = (work) => work, inlets = ['in'] }: { readonly flow?: Flow; readonly inlets?: readonly string[] } = {},
): Promise<Report> {
  await turns()
  expectNothingInside(pipeline)
  const more = range(MANY).map((n) => n + 1_000)
  const options = inlets.length > 1 ? { node: inlets[0] as string } : {}
  const answers = await flow(Promise.all(more.map((n) => pipeline.process(n, options))))
  expect(answers).toEqual(more.map(answer))
  await turns()
  expectNothingInside(pipeline)
  const report = await flow(pipeline.drain())
  expect([report.outcome, report.error?.message]).toEqual(['completed', undefined])
  expect(report).toMatchObject({ unprocessed: [], abandoned: [] })
  expectBalancedBooks(report, inlets)
  return report
}

/** Lets work come to its end. */
export type Flow = <T>(work: Promise<T>) => Promise<T>

/** A clock that stands still until a test says so. */
export interface Time {
  readonly clock: VirtualClock
  /** Lets so much time go by, timer after timer. */
  pass(ms: number): Promise<void>
  /** Lets time go by, from timer to timer, whenever nothing else moves. */
  readonly flow: Flow
}

/** Runs `work` while the whole process has such a clock; no timer must be left in the end. */
export async function withTime<T>(work: (time: Time) => Promise<T>): Promise<T> {
  const scheduler = new Scheduler(1, { synchronous: 1, wakeUps: 0 })
  const restore = scheduler.install()
  try {
    const result = await work(timeOf(scheduler.clock))
    expect(scheduler.clock.timers.map(({ label }) => label)).toEqual([])
    return result
  } finally {
    restore()
  }
}

function timeOf(clock: VirtualClock): Time {
  const pass = async (ms: number): Promise<void> => {
    const end = clock.now + ms
    await turns()
    for (let [next] = clock.timers; next !== undefined && next.due <= end; [next] = clock.timers) {
      clock.advance()
      await turns()
    }
    clock.now = end
    await turns()
  }
  const flow: Flow = async (work) => {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    work.then(settle, settle)
    for (let idle = 0; ; ) {
      await turns()
      if (settled) return work
      if (clock.advance()) idle = 0
      else if (++idle > 20) throw new Error('Nothing moves any more, and the work has not settled.')
    }
  }
  return { clock, pass, flow }
}

/** A Plumber whose forks may have so many frames open. */
export function windowed(
  window: number,
  nodes: Readonly<Record<string, Stage>>,
  graph: Readonly<Record<string, readonly Successor[] | null>>,
): Plumber {
  const written = Object.entries(nodes).map(([name, stage]) => [name, asNode(stage)] as const)
  return withWindow(window, { nodes: Object.fromEntries(written), graph })
}

/** As above, of a document with its coroutines in place. */
export function withWindow(window: number, document: object): Plumber {
  const written = document as ConstructorParameters<typeof Plumber>[0]
  const built = build(written)
  if (built.plan === undefined) return new Plumber(written, {}, built)
  const { plan } = built
  const forks = new Map([...plan.regions.forks].map(([node, fork]) => [node, { ...fork, window }]))
  return new Plumber(written, {}, { ...built, plan: { ...plan, regions: { ...plan.regions, forks } } })
}

const asNode = (stage: Stage): object => (typeof stage === 'object' && 'coro' in stage ? stage : { coro: stage })

/** What became of a request: its value, or its error. */
export type Answer = { readonly value: unknown } | { readonly error: PipelineError }

/** The answers of requests, whether good or bad. */
export async function answersOf(requests: readonly Promise<unknown>[]): Promise<Answer[]> {
  const settled = await Promise.allSettled(requests)
  return settled.map((one) => (one.status === 'fulfilled' ? { value: one.value } : { error: one.reason }))
}

/** Runs `work` while the engine lets the event loop go round at every second opportunity, or never. */
export async function breathing<T>(breathes: boolean, work: () => Promise<T>): Promise<T> {
  const restore = Object.getOwnPropertyDescriptor(pacer, 'due')
  let last = false
  const due = (): boolean => {
    last = breathes && !last
    return last
  }
  Object.defineProperty(pacer, 'due', { configurable: true, value: due })
  try {
    return await work()
  } finally {
    if (restore === undefined) Reflect.deleteProperty(pacer, 'due')
    else Object.defineProperty(pacer, 'due', restore)
  }
}

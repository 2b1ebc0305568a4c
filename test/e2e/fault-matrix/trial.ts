import { type Context, type CoroDefinition, defineCoro, type Output, type RunReport } from '@pipelines/core'
import { type Pipeline, Plumber, type RunOptions } from '@pipelines/plumber'
import { type Choices, hashOf, Scheduler, StalledError, seededChoices } from '@pipelines/testkit'
import { itemsOf, type Member, membersOf, type Value } from './calls.js'
import type { Strike } from './fault.js'
import { isSource, type MatrixGraph, type MatrixNode, wiringOf } from './graphs.js'
import { sourceOf, taking } from './sources.js'
import { work } from './work.js'

/** One call of a coroutine. */
export interface Call {
  readonly node: MatrixNode
  /** What it is to work on: several in a batch, else one. */
  readonly members: readonly Member[]
  /** Which try it is, from 1. */
  readonly attempt: number
  readonly context: Context
}

/** Something that user code threw, and what it was working on. */
export interface Thrown {
  readonly node: MatrixNode
  readonly error: unknown
  readonly members: readonly Member[]
}

/** A worker slot that was set up, and what its teardown was told each time. */
export interface Slot {
  readonly name: string
  readonly reasons: unknown[]
}

/** The hooks that watch the slots of a node. */
export interface Watches {
  setup(): Slot | Promise<Slot>
  teardown(context: Context<Slot>, reason: unknown): Promise<void> | undefined
}

/** How far a run has come: it is over, there is more to do, or nothing can move any more. */
export type Progress = 'over' | 'under way' | 'stuck'

/** The share of calls that do not wait, unless something else is asked for. */
const SYNCHRONOUS = 0.25

export interface TrialOptions {
  readonly seed: number
  readonly options: RunOptions
  /** The share of calls that do not wait. @defaultValue 0.25 */
  readonly synchronous?: number
}

/** Milliseconds that calls get to obey, on a clock that goes on only when nothing else does. */
export const GRACE_MS = 50
/** Releases after which a run is taken for one that never ends. */
const ENDLESS = 20_000

/**
 * One run of a graph that a fault strikes, in an order drawn from a seed, and everything that can be seen of it from
 * outside. Time passes when nothing else can go on: so a grace is never too short for what obeys.
 */
export class Trial {
  readonly graph: MatrixGraph
  readonly scheduler: Scheduler
  /** Values that sources gave, by source. */
  readonly made = new Map<string, Value[]>()
  /** What leaves gave, by leaf. */
  readonly outputs = new Map<string, Value[]>()
  /** Failures that count: of several attempts, the last. */
  readonly thrown: Thrown[] = []
  /** Items that failed and came to a node which buries them, by epitaph. */
  readonly buried = new Set<string>()
  /** Calls that were not the first for their items, by node. */
  readonly retried = new Map<string, number>()
  /** The batches that items were in, by node and item. */
  readonly batches = new Map<string, readonly Member[]>()
  readonly slots: Slot[] = []
  /** Sources in the middle of their generator. */
  readonly open = new Set<string>()
  /** Signals that coroutines listened to. */
  readonly signals = new Set<AbortSignal>()
  /** How often a call or a source did something else than its work. */
  strikes = 0
  /** When the run was doomed and when it settled, on its clock. */
  doomedAt: number | undefined
  settledAt: number | undefined
  /** What leaves gave after the run was doomed. */
  readonly tooLate: Value[] = []
  /** Aborts when nobody wants the run any more. */
  readonly caller = new AbortController()
  /** What could be seen when it had settled, and when everything was over that it had given up. */
  readonly seen: string[] = []
  readonly #strike: Strike
  readonly #options: RunOptions
  /** How many calls wait, compared with the usual number. */
  readonly #waiting: number
  #pipeline: Pipeline | undefined
  #fed: Promise<unknown> = Promise.resolve()
  #restore = (): void => {}

  constructor(graph: MatrixGraph, strike: Strike, { seed, options, synchronous = SYNCHRONOUS }: TrialOptions) {
    this.graph = graph
    this.#strike = strike
    this.#options = { ledger: true, ...options }
    this.#waiting = (1 - synchronous) / (1 - SYNCHRONOUS)
    const choices = patient(seed, () => this.scheduler.clock.timers.length > 0)
    this.scheduler = new Scheduler(choices, { synchronous })
  }

  /** Whether the report has verdicts. */
  get keepsLedger(): boolean {
    return this.#options.ledger === true
  }

  get pipeline(): Pipeline {
    if (this.#pipeline === undefined) throw new Error('The run has not begun.')
    return this.#pipeline
  }

  get doomed(): boolean {
    return this.doomedAt !== undefined
  }

  /** Runs to the end, whatever happens on the way. */
  async run(): Promise<RunReport> {
    this.#restore = this.scheduler.install()
    try {
      if (this.#strike.act === undefined) this.start()
      else await this.#strike.act(this)
      if ((await this.drive(this.pipeline.settled)) !== 'over') throw new StalledError(this.scheduler)
      const report = await this.pipeline.settled
      this.#look(report)
      await this.scheduler.releaseAll()
      this.#look(report)
      return report
    } finally {
      void this.#pipeline?.doomsday('the test is over')
      await this.scheduler.releaseAll()
      await this.#fed
      this.restore()
    }
  }

  /** Puts the clock back, also where the run hangs. */
  restore(): void {
    this.#restore()
  }

  /** Begins to run. Outputs are noted, unless somebody else takes them. */
  start(onOutput: (output: Output) => unknown = (output) => this.note(output)): Pipeline {
    const { nodes } = this.graph
    const document = {
      nodes: Object.fromEntries(
        nodes.map((node) => [node.name, { coro: this.#coro(node), properties: node.properties }]),
      ),
      graph: wiringOf(this.graph),
    }
    const pipeline = new Plumber(document).createPipeline({
      graceMs: GRACE_MS,
      signal: this.caller.signal,
      onOutput,
      ...this.#options,
    })
    this.#pipeline = pipeline
    pipeline.on('state', ({ to }) => {
      if (to === 'doomed') this.doomedAt = this.scheduler.clock.now
      if (to === 'settled') this.settledAt = this.scheduler.clock.now
    })
    this.#fed = Promise.all(nodes.filter(({ style }) => style === 'inlet').map((node) => this.#feed(node)))
    return pipeline
  }

  /** Lets so many calls go, or as many as it takes; fewer where fewer of them wait. */
  async drive(work: PromiseLike<unknown>, calls = ENDLESS): Promise<Progress> {
    const releases = calls === ENDLESS ? calls : Math.floor(calls * this.#waiting)
    try {
      return (await this.scheduler.drive(work, { releases })) ? 'over' : 'under way'
    } catch (error) {
      if (error instanceof StalledError) return 'stuck'
      throw error
    }
  }

  /** Notes an output; it waits now and then, as a slow consumer does. */
  note({ node, value }: Output): Promise<void> | undefined {
    push(this.outputs, node, value as Value)
    if (this.doomed) this.tooLate.push(value as Value)
    return this.scheduler.step(`${node} hands over ${(value as Value).text}`)
  }

  /** The signal of a call that obeys it. */
  signalOf({ node, context }: Pick<Call, 'node' | 'context'>): AbortSignal | undefined {
    if (!node.obeys) return undefined
    this.signals.add(context.signal)
    return context.signal
  }

  /** Notes a failure that is to be reported and counted. */
  fails<T>(error: T, node: MatrixNode, members: readonly Member[] = []): T {
    this.thrown.push({ error, node, members })
    return error
  }

  /** Notes a value that a source gives. */
  make({ name }: MatrixNode, item: Value): Value {
    push(this.made, name, item)
    return item
  }

  #coro(node: MatrixNode): CoroDefinition<never, Slot> | string {
    if (node.style === 'inlet') return 'std.inlet'
    const { hooks } = this.#strike
    const definition = {
      run: isSource(node)
        ? sourceOf(node, this, this.#strike)
        : node.work === 'take'
          ? taking(node.items)
          : this.#processor(node),
      ...(node.work === 'take' && { kind: 'stream' }),
      ...(node.watched && !isSource(node) && this.watches(node.name)),
      ...hooks?.(node, this),
    }
    return defineCoro<never, Slot>(definition as CoroDefinition<never, Slot>)
  }

  #processor(node: MatrixNode) {
    return (input: unknown, context: Context): unknown => {
      const call = { node, members: membersOf(this.graph, node, input), attempt: context.attempt, context }
      if (call.attempt > 1) this.retried.set(node.name, (this.retried.get(node.name) ?? 0) + 1)
      if (node.properties.batch !== undefined)
        for (const { text } of call.members) this.batches.set(`${node.name} ${text}`, call.members)
      if (node.work === 'bury') for (const { text } of call.members) this.buried.add(text)
      const instead = this.#strike.call?.(call, this)
      if (instead === undefined) return work(call, this)
      this.strikes++
      return instead()
    }
  }

  /** Hooks that note the life of a worker slot. */
  watches(name: string): Watches {
    const late = hashOf(`${this.scheduler.seed} ${name}`) % 2 === 0
    const wait = (what: string) => (late ? this.scheduler.step(`${name} ${what}`) : undefined)
    const setUp = (): Slot => {
      const slot = { name, reasons: [] }
      this.slots.push(slot)
      return slot
    }
    return {
      setup: () => wait('setup')?.then(setUp) ?? setUp(),
      teardown: ({ state }: Context<Slot>, reason: unknown) => {
        state.reasons.push(reason)
        return wait('teardown')
      },
    }
  }

  #look({ nodes, edges, roots, unprocessed, errors }: RunReport): void {
    const lists = [unprocessed, errors, [...this.outputs.values()].flat()].map(({ length }) => length)
    this.seen.push(JSON.stringify({ nodes, edges, roots, lists }))
  }

  async #feed(node: MatrixNode): Promise<void> {
    for (const item of itemsOf(node)) {
      await this.scheduler.step(`feeder ${item.text}`)
      try {
        await this.pipeline.put(item, { node: node.name })
      } catch {
        return // ended, or doomed
      }
      this.make(node, item)
    }
    this.pipeline.end({ node: node.name })
  }
}

/** Decisions drawn from a seed, of which none lets time pass while something else can go on. */
function patient(seed: number, timersWait: () => boolean): Choices {
  const choices = seededChoices(seed)
  return { ...choices, choose: (ways) => choices.choose(ways > 1 && timersWait() ? ways - 1 : ways) }
}

function push<T>(lists: Map<string, T[]>, key: string, value: T): void {
  lists.set(key, [...(lists.get(key) ?? []), value])
}

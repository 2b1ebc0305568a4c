import { at } from './arrays.js'
import { type Logger, SILENT } from './context.js'
import { Deadlines } from './deadlines.js'
import { DRAIN_MS, GRACE_MS } from './defaults.js'
import { Delivery } from './delivery.js'
import { addFurther, asPipelineError, PipelineError } from './errors.js'
import { Events } from './events.js'
import { Feed, type PutOptions } from './feed.js'
import { connect } from './fitter.js'
import { Ledger } from './frames.js'
import type { Host } from './host.js'
import { Lifecycle, type NodeState, RUN_MOVES, type RunState } from './lifecycle.js'
import type { NetworkOptions } from './network-options.js'
import { type Packet, Scope } from './packet.js'
import type { Pipework } from './pipework.js'
import type { Plan } from './plan.js'
import { type End, Records } from './records.js'
import type { Load, RunReport, Snapshot } from './report.js'
import type { RequestHost } from './request.js'
import { type RequestHandle, Requests, refused, type Way } from './requests.js'
import { RootLedger } from './roots.js'
import { type StallHost, StallWatch } from './stall.js'
import type { TapSettings } from './taps.js'

/**
 * A plan at work. It starts once, and it settles: when all nodes have ended by themselves, or after `drain` or
 * `doomsday`. Afterwards nothing of it is left: no timer, no listener, no handle.
 */
export class Network implements Host, RequestHost, StallHost {
  readonly scope: Scope = new Scope()
  readonly env: Readonly<Record<string, unknown>>
  readonly logger: Logger
  #graceMs: number
  #run: string | undefined
  readonly ledger: Ledger = new Ledger()
  readonly roots: RootLedger = new RootLedger()
  readonly countsRoots: boolean
  waiting = 0
  readonly events: Events
  /** Settles with the report, whatever happens; never rejects. */
  readonly settled: Promise<RunReport>
  readonly #options: NetworkOptions
  readonly #pipework: Pipework
  readonly #delivery: Delivery | undefined
  readonly #lifecycle: Lifecycle<RunState>
  readonly #records = new Records()
  #living: number
  #resolve: (report: RunReport) => void = () => {}
  #drainOnStart: number | undefined // of a drain that was asked for while executors warmed up
  readonly #deadlines: Deadlines
  readonly #watch: StallWatch
  #paused = false
  #requests: Requests | undefined // absent while nobody has asked for anything

  constructor(plan: Plan, options: NetworkOptions = {}) {
    this.#options = options
    this.env = options.env ?? Object.freeze({})
    this.logger = options.logger ?? SILENT
    this.#graceMs = options.graceMs ?? GRACE_MS
    this.countsRoots = options.ledger === true
    this.events = new Events(this.logger)
    this.#lifecycle = new Lifecycle<RunState>(RUN_MOVES, 'idle', (from, to) => this.events.emit('state', { from, to }))
    this.settled = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#living = plan.nodes.length
    const owner = { isOver: () => this.doomed, fail: (error: PipelineError) => this.fail(error) }
    this.#delivery = options.onOutput && new Delivery(options.onOutput, owner)
    this.#pipework = connect(plan, {
      host: this,
      inputs: options.inputs,
      deliver: this.#delivery?.deliver,
      fuse: options.fuse !== false,
    })
    this.#deadlines = new Deadlines(options, (end, graceMs) => this.#doom(end, graceMs))
    this.#watch = new StallWatch(this, this.#pipework, options.inactivityMs)
  }

  get state(): RunState {
    return this.#lifecycle.state
  }

  get run(): string {
    this.#run ??= crypto.randomUUID() // few ask
    return this.#run
  }

  get graceMs(): number {
    return this.#graceMs
  }

  get doomed(): boolean {
    return this.state === 'doomed' || this.state === 'settled'
  }

  get atWork(): boolean {
    return !this.#paused && (this.state === 'running' || this.state === 'draining')
  }

  get expecting(): boolean {
    return this.#delivery?.busy === true || this.#requests?.expecting === true
  }

  /** Starts every node, from the leaves to the sources. May be called once. */
  start(): void {
    if (this.state !== 'idle') throw new PipelineError('STATE_ALREADY_STARTED', { what: 'The network' })
    this.#records.begin()
    this.#lifecycle.move('starting')
    if (!this.#deadlines.start()) return
    try {
      const started = (): void => this.#started()
      const warming = this.#pipework.start()
      if (warming === undefined) started()
      else void warming.then(started, (error) => this.#notStarted(error))
    } catch (error) {
      this.#notStarted(error)
    }
  }

  /** Puts a value into an inlet: see {@link Feed.put}. */
  put(node: number, value: unknown, options?: PutOptions): Promise<void> {
    return this.#feed(node).put(value, options)
  }

  /** Sends a value through: see {@link Requests.send}. */
  request<T>(node: number, value: unknown, way: Omit<Way<T>, 'feed'>): RequestHandle<T> {
    const feed = this.#feed(node)
    this.#requests ??= new Requests(this, this.#options)
    return feed.takes ? this.#requests.send(value, { feed, ...way }) : refused(feed.refusal)
  }

  cancel(scope: Scope, reason: unknown): readonly string[] {
    return this.doomed ? [] : this.#pipework.cancel(scope, reason)
  }

  stalled(error: PipelineError<'RUN_STALLED'>): void {
    this.events.emit('stall', { waits: error.details.waits })
    this.fail(error)
  }

  rested(): void {
    this.#watch.rested()
  }

  stirred(): void {
    this.#watch.stirred()
  }

  /** No more values for an inlet. */
  end(node: number): void {
    this.#feed(node).end()
  }

  /** Stops taking items; calls in progress go on. Without effect once the run is on its way to its end. */
  pause(): void {
    if (this.state === 'draining' || this.doomed) return
    this.#paused = true
    for (const node of this.#pipework.nodes) node.pause()
  }

  resume(): void {
    this.#paused = false
    for (const node of this.#pipework.nodes) node.resume()
    this.#watch.resumed()
  }

  setWorkers(node: number, count: number): void {
    at(this.#pipework.nodes, node).setWorkers(count)
  }

  /** Closes the sources and lets everything inside flow out; what is left after most of the deadline is doomed. */
  drain(deadlineMs: number = DRAIN_MS): Promise<RunReport> {
    if (this.state === 'idle') this.start()
    if (this.state === 'starting') this.#drainOnStart = deadlineMs
    if (this.#lifecycle.may('draining')) {
      this.#lifecycle.move('draining')
      if (this.doomed) return this.settled // by a listener, just now
      this.#deadlines.drain(deadlineMs)
      this.resume()
      for (const node of this.#pipework.sources) {
        if (node instanceof Feed) node.end()
        else node.stop()
      }
      this.#check()
    }
    return this.settled
  }

  /** Cancels everything now. Idempotent, from any state. */
  doomsday(reason?: unknown): Promise<RunReport> {
    this.#doom({ outcome: 'doomed', error: new PipelineError('RUN_DOOMED', { reason }, reason), reason })
    return this.settled
  }

  /** Shows samples of what a node hands on: see {@link Taps}. The function that comes back ends that. */
  tap(node: number, settings: TapSettings): () => void {
    return at(this.#pipework.outlets, node).tap(settings)
  }

  snapshot(): Snapshot {
    return { state: this.state, durationMs: this.#records.durationMs, ...this.#pipework.snapshot() }
  }

  /** How busy it is behind an inlet. */
  load(node: number): Load {
    const { waiting } = this.#feed(node)
    return { inFlight: this.#requests?.inFlight ?? 0, waiting, ...this.#pipework.fullest(node) }
  }

  /** Nobody wants the outputs of leaves any more: ends the run as a success (S10). */
  closeOutputs(): void {
    for (const outlet of this.#pipework.outlets) outlet.closeLeaf()
  }

  fail(error: PipelineError): void {
    this.#note(error)
    this.#doom({ outcome: 'failed', error })
  }

  failAtEnd(error: PipelineError): void {
    if (this.doomed) return // which ends one side before the other
    this.#note(error)
    this.#records.end ??= { outcome: 'failed', error }
  }

  skip(error: PipelineError): void {
    this.#note(error)
  }

  lost(node: string, packet: Packet): void {
    this.#records.lost(node, packet)
  }

  nodeMoved(node: string, from: NodeState, to: NodeState): void {
    this.events.emit('node:state', { node, from, to })
  }

  nodeEnded(node: string, abandoned: boolean): void {
    this.#living--
    if (abandoned) {
      this.#records.abandoned(node)
      const message = `Node "${node}" did not stop within ${this.graceMs} ms and was abandoned.`
      this.events.emit('warning', { message, node })
    }
    this.rested()
    this.#check()
  }

  /** Lists an error and tells of it, as long as the list has room; the counts go on. */
  #note(error: PipelineError): void {
    if (this.state === 'settled') this.logger.error({ err: error }, 'Failed after the run had settled')
    else if (this.#records.error(error)) this.events.emit('error', error)
  }

  #started(): void {
    if (this.state !== 'starting') return
    this.#lifecycle.move('running')
    this.#watch.stirred()
    if (this.#drainOnStart !== undefined) void this.drain(this.#drainOnStart)
    this.#check()
  }

  #notStarted(error: unknown): void {
    this.fail(asPipelineError(error, 'Starting the network'))
  }

  #feed(node: number): Feed {
    const found = at(this.#pipework.nodes, node)
    if (found instanceof Feed) return found
    throw new PipelineError('OPTION_INVALID', { option: 'node', what: `names "${found.name}", which is no open inlet` })
  }

  #doom(end: End, graceMs = this.#graceMs): void {
    if (!this.#lifecycle.may('doomed')) return
    this.#records.end = end.outcome === 'failed' && this.#records.end ? this.#records.end : end
    this.#lifecycle.move('doomed')
    this.#graceMs = Math.min(this.#graceMs, graceMs)
    this.#delivery?.clear()
    this.#watch.end()
    if (end.error !== undefined) this.#requests?.doom(end.error)
    this.#pipework.clear()
    for (const node of this.#pipework.nodes) node.doom(end.reason ?? end.error)
    this.#check()
  }

  /** Settles once every node has ended. */
  #check(): void {
    if (this.#living > 0 || !this.#lifecycle.may('settled')) return
    this.#deadlines.clear()
    this.#watch.end()
    this.#requests?.end()
    this.#lifecycle.move('settled')
    const roots = (this.countsRoots || this.#requests !== undefined) && { roots: this.roots.close() }
    const report = { ...this.#records.close(), ...this.#pipework.counts(), ...roots }
    if (report.error !== undefined) addFurther(report.error, report.errors)
    this.#resolve(report)
    if (report.outcome === 'failed' && this.events.count('error') === 0)
      this.logger.error({ err: report.error }, 'The run failed')
  }
}

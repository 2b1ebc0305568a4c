import { at } from './arrays.js'
import { type Logger, SILENT } from './context.js'
import type { Coro, CoroDefinition } from './coro.js'
import { Counters } from './counters.js'
import { GRACE_MS, NODE_PROPERTIES, type NodeProperties } from './defaults.js'
import type { PipelineError } from './errors.js'
import { inline } from './executor.js'
import { Ledger } from './frames.js'
import type { Host } from './host.js'
import { type Inlet, MergeInlet, SingleInlet, type Wake } from './inlet.js'
import type { NodeState } from './lifecycle.js'
import { Outlet } from './outlet.js'
import { Scope } from './packet.js'
import { OUT, type PlanNode } from './plan.js'
import { Processor } from './processor.js'
import type { Queue } from './queue.js'
import { Records } from './records.js'
import type { NodeCounts, UnprocessedItem } from './report.js'
import { RootLedger } from './roots.js'
import { ZipInlet } from './zip.js'

export interface ProcessorSettings {
  readonly name: string
  readonly coro: Coro | CoroDefinition
  /** At least one. Two or more are joined by position, or merged with `aggregateInputs: false`. */
  readonly inputs: readonly Queue[]
  /** Every output goes to each of them. */
  readonly outputs: readonly Queue[]
  readonly args?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, unknown>>
  readonly properties?: Partial<NodeProperties>
  readonly logger?: Logger
}

/** How a processor without a network ended. */
export interface ProcessorReport {
  readonly outcome: 'completed' | 'failed' | 'doomed'
  readonly error?: PipelineError
  readonly counts: NodeCounts
  readonly unprocessed: readonly UnprocessedItem[]
}

/** A processor at work between queues that somebody else made. */
export interface StandaloneProcessor {
  readonly name: string
  readonly state: NodeState
  readonly counters: NodeCounts
  /** Settles when it has ended, by the end of its inputs, by `stop`, or by an error; never rejects. */
  readonly settled: Promise<ProcessorReport>
  /** Takes nothing more; its inputs are closed. */
  stop(): void
}

/**
 * Starts one processor between queues, without a graph: the building block, for tests and for programs that do their
 * own wiring. It ends when its inputs have ended, and then ends its outputs.
 */
export function startProcessor(settings: ProcessorSettings): StandaloneProcessor {
  const host = new LonelyHost(settings)
  const counters = new Counters()
  const node = new Processor({
    plan: planOf(settings),
    host,
    counters,
    holds: [],
    tells: false,
    inlet: ({ wake }) => inletOf(settings, { host, counters, wake }),
    outlet: (onUnwanted) =>
      new Outlet({
        node: settings.name,
        leaf: settings.outputs.length === 0,
        edges: settings.outputs.map((edge) => ({ edge, port: OUT, regions: undefined })),
        deliver: undefined,
        counters,
        logger: host.logger,
        ledger: host.ledger,
        regions: undefined,
        window: undefined,
        scope: host.scope,
        isDoomed: () => host.doomed,
        onUnwanted,
      }),
  })
  const settled = host.watch(node)
  node.start()
  return {
    name: settings.name,
    get state() {
      return node.state
    },
    counters,
    settled,
    stop: () => node.stop(),
  }
}

function planOf({ name, coro, args, properties }: ProcessorSettings): PlanNode {
  const defaults = Object.entries(NODE_PROPERTIES).flatMap(([key, spec]) =>
    spec.default === undefined ? [] : [[key, spec.default] as const],
  )
  return {
    name,
    kind: 'map',
    coro: typeof coro === 'function' ? { run: coro } : coro,
    args: args ?? Object.freeze({}),
    // The table has a default for every key that NodeProperties must have.
    properties: { ...(Object.fromEntries(defaults) as unknown as NodeProperties), ...properties },
    executor: inline,
    inputs: [],
    outputs: [],
  }
}

function inletOf(
  { name, inputs, properties }: ProcessorSettings,
  { host, counters, wake }: { host: LonelyHost; counters: Counters; wake: Wake },
): Inlet {
  for (const queue of inputs) queue.onLost = (packet) => host.lost(name, packet)
  if (inputs.length === 1) return new SingleInlet(at(inputs, 0), counters, wake)
  if (properties?.aggregateInputs === false) return new MergeInlet(inputs, counters, wake)
  return new ZipInlet(inputs, {
    node: name,
    inputs: inputs.map((_, place) => `input ${place}`),
    unequal: properties?.unequal ?? NODE_PROPERTIES.unequal.default,
    counters,
    scope: host.scope,
    wake,
    onUnequal: (error) => host.failAtEnd(error),
  })
}

/** The network of a processor that has none. */
class LonelyHost implements Host {
  readonly scope: Scope = new Scope()
  readonly env: Readonly<Record<string, unknown>>
  readonly logger: Logger
  readonly graceMs: number = GRACE_MS
  readonly ledger: Ledger = new Ledger()
  readonly roots: RootLedger = new RootLedger()
  readonly countsRoots: boolean = false
  readonly run: string = crypto.randomUUID()
  waiting = 0
  doomed = false
  readonly #records = new Records()
  readonly #outputs: readonly Queue[]
  #node: Processor | undefined
  #ended: () => void = () => {}

  constructor({ env, logger, outputs }: ProcessorSettings) {
    this.#outputs = outputs
    this.env = env ?? Object.freeze({})
    this.logger = logger ?? SILENT
  }

  watch(node: Processor): Promise<ProcessorReport> {
    this.#node = node
    return new Promise((resolve) => {
      this.#ended = () => {
        const { abandoned: _, errors: __, ...end } = this.#records.close()
        resolve({ ...end, counts: { ...node.counters } })
      }
    })
  }

  fail(error: PipelineError): void {
    this.#records.error(error)
    if (this.doomed) return
    this.doomed = true
    this.#records.end = { outcome: 'failed', error }
    for (const queue of this.#outputs) queue.letGo()
    this.#node?.doom(error)
  }

  failAtEnd(error: PipelineError): void {
    this.#records.error(error)
    this.#records.end ??= { outcome: 'failed', error }
  }

  skip(error: PipelineError): void {
    this.#records.error(error)
  }

  lost(...item: Parameters<Records['lost']>): void {
    this.#records.lost(...item)
  }

  nodeMoved(): void {}

  rested(): void {}

  stirred(): void {}

  nodeEnded(): void {
    this.#ended()
  }
}

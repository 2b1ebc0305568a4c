import { type Issue, issue, PipelineError } from '@pipelines/core'
import { checkOptions, type GraphDocument, isCount, type Limits, pointer, type Rule } from '@pipelines/plumber'

/** How much a graph that a client sends may be, and do. */
export interface SubmitLimits {
  /** Bytes of the whole body. @defaultValue 262144 */
  readonly bytes: number
  /** @defaultValue 100 */
  readonly nodes: number
  /** @defaultValue 400 */
  readonly edges: number
  /** Input edges of one node. @defaultValue 64 */
  readonly inputs: number
  /** `workers` of one node. @defaultValue 16 */
  readonly workers: number
  /** `queueSize` of one node or edge, and the size of a batch or window. @defaultValue 256 */
  readonly queueSize: number
  /** Bytes of the `args` of all nodes together, as JSON. @defaultValue 65536 */
  readonly argsBytes: number
  /** Milliseconds that a run may take. @defaultValue 30000 */
  readonly runMs: number
  /** Outputs of a run. @defaultValue 10000 */
  readonly outputs: number
  /** Packets that all edges of a run together may carry. It is looked at every 20 ms, so some more may be. @defaultValue 100000 */
  readonly packets: number
  /** Runs of one client at once. @defaultValue 2 */
  readonly runsPerClient: number
  /** Runs at once. @defaultValue 32 */
  readonly runs: number
}

const LIMITS: SubmitLimits = Object.freeze({
  bytes: 262_144,
  nodes: 100,
  edges: 400,
  inputs: 64,
  workers: 16,
  queueSize: 256,
  argsBytes: 65_536,
  runMs: 30_000,
  outputs: 10_000,
  packets: 100_000,
  runsPerClient: 2,
  runs: 32,
})

const RULES: Readonly<Record<string, Rule>> = Object.fromEntries(Object.keys(LIMITS).map((name) => [name, isCount]))

/** Fills in the limits that are not given. Throws `PLB_OPTION_INVALID` for wrong ones. */
export function resolveSubmitLimits(given: Partial<SubmitLimits> = {}): SubmitLimits {
  checkOptions(given, RULES)
  return { ...LIMITS, ...given }
}

/** Those of them that concern the document alone. */
export function documentLimits({ bytes, nodes, edges, inputs, workers, queueSize }: SubmitLimits): Partial<Limits> {
  return { bytes, nodes, edges, inputs, workers, queueSize, depth: 32, values: bytes }
}

/** What a stranger may set of a node: nothing that holds more than a queue does, or that runs elsewhere. */
const REFUSED: Readonly<Record<string, string>> = {
  emit: 'Outputs that are held until a call ends have no bound.',
  executor: 'Graphs that are sent run here.',
}

/**
 * Throws `PLB_GRAPH_INVALID` for what a graph that is sent may not have, though it is a graph.
 *
 * @param document one that has been checked as a graph
 */
export function assertModest({ nodes }: GraphDocument, limits: SubmitLimits): void {
  const issues: Issue[] = []
  let bytes = 0
  for (const [name, node] of Object.entries(nodes)) {
    bytes += Buffer.byteLength(JSON.stringify(node.args ?? {}))
    issues.push(...immodest(name, { ...node.properties }, limits))
  }
  if (bytes > limits.argsBytes)
    issues.push(
      issue('GRAPH_LIMIT', '/nodes', {
        what: 'bytes of args',
        found: bytes,
        limit: limits.argsBytes,
        option: 'argsBytes',
        hint: 'Send less.',
      }),
    )
  if (issues.length > 0) throw new PipelineError('GRAPH_INVALID', { issues })
}

function immodest(name: string, properties: Readonly<Record<string, unknown>>, limits: SubmitLimits): readonly Issue[] {
  const issues: Issue[] = []
  for (const [property, hint] of Object.entries(REFUSED)) {
    const value = properties[property]
    if (value === undefined || value === 'inline') continue
    const what = `Property "${property}" is not allowed here.`
    issues.push(issue('GRAPH_SCHEMA', pointer('nodes', name, 'properties', property), { what, hint }))
  }
  for (const property of ['batch', 'window', 'stateful']) {
    const found = sizeOf(properties[property])
    if (found === undefined || found <= limits.queueSize) continue
    const details = {
      what: `items in one "${property}"`,
      found,
      limit: limits.queueSize,
      option: 'queueSize',
      hint: 'Make it smaller.',
    }
    issues.push(issue('GRAPH_LIMIT', pointer('nodes', name, 'properties', property), details))
  }
  return issues
}

function sizeOf(property: unknown): number | undefined {
  if (typeof property === 'number') return property
  if (typeof property !== 'object' || property === null || !('size' in property)) return undefined
  return Number(property.size)
}

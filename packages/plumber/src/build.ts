import { type Executor, type Issue, inline, isLeaf, issue, type Plan, type Regions, reasonOf } from '@pipelines/core'
import { checkArgs, type ResolvedArgs, readArgs, refLookups, resolveRefs } from './args.js'
import { type BuildOptions, resolveBuild } from './build-options.js'
import type { Coros } from './coro-map.js'
import { type Answer, askLater, askNow, Binder, type Lookup } from './graph/bind.js'
import {
  checkCycles,
  checkEdges,
  checkExecutors,
  checkLimits,
  checkNames,
  checkSources,
  type Wiring,
} from './graph/check.js'
import { compile, kindOf, type Ready } from './graph/compile.js'
import { type BoundNode, checkKind, checkPorts, checkSetup, type Surroundings } from './graph/definitions.js'
import type { Graph } from './graph/document.js'
import { Findings } from './graph/findings.js'
import { windowOf } from './graph/groups.js'
import { checkFlush, checkGroups, checkJoins, checkTokens, regionsOf } from './graph/joins.js'
import type { Limits } from './graph/limits.js'
import { pointer } from './graph/names.js'
import { type Draft, draftOf, graphOf } from './graph/normalize.js'
import { parse } from './graph/parse.js'
import { checkCalls, checkPolicies } from './graph/policies.js'
import { checkShape } from './graph/shape.js'
import { checkTies } from './graph/ties.js'
import { bindKey, type KeyOf, keyLookups } from './keys.js'
import { checkPortability } from './portability.js'
import { type CheckedNode, checkedExecutor, validated } from './validate.js'

export type { BuildOptions } from './build-options.js'

/** What came of a document: issues, or a graph and its plan. */
export interface Built {
  /** Empty exactly if there is a plan. In the order of the checks, and of the document within each. */
  readonly issues: readonly Issue[]
  readonly graph?: Graph
  readonly plan?: Plan
  /** Names of the nodes in topological order; without issues, all of them. */
  readonly order: readonly string[]
}

/** Checks a document and makes its plan, with a coroMap that answers at once. Never throws. */
export function build(document: unknown, options: BuildOptions = {}): Built {
  return runNow({ document, options, lenient: false })
}

/** Checks a document and makes its plan, with a coroMap that may answer with promises. Never rejects. */
export async function buildAsync(document: unknown, options: BuildOptions = {}): Promise<Built> {
  try {
    const steps = stages({ document, options, lenient: false })
    let step = steps.next()
    while (step.done !== true) {
      const { coros, lookups } = step.value
      step = steps.next(await Promise.all(lookups.map((lookup) => askLater(coros, lookup))))
    }
    return step.value
  } catch (error) {
    return broken(error)
  }
}

/**
 * Lists what is wrong with a document, all at once. Never throws. Without a coroMap nothing is said of the coroutines
 * that the document names.
 */
export function check(document: unknown, options: BuildOptions = {}): Issue[] {
  return [...runNow({ document, options, lenient: true }).issues]
}

function runNow(commission: Commission): Built {
  try {
    const steps = stages(commission)
    let step = steps.next()
    while (step.done !== true) {
      const { coros, lookups } = step.value
      step = steps.next(lookups.map((lookup) => askNow(coros, lookup)))
    }
    return step.value
  } catch (error) {
    return broken(error)
  }
}

/** The last resort behind "never throws": a bug. */
const broken = (error: unknown): Built => ({ issues: [issue('INTERNAL', '', { what: reasonOf(error) })], order: [] })

interface Commission {
  readonly document: unknown
  readonly options: BuildOptions
  /** Whether only issues are wanted, and coroutines may be unknown. */
  readonly lenient: boolean
}

/** A question that only the caller can answer, because it may have to wait for it. */
interface Question {
  readonly coros: Coros
  readonly lookups: readonly Lookup[]
}
type Stage<T> = Generator<Question, T, readonly Answer[]>

/** What the stages share. */
interface Work extends Surroundings {
  readonly limits: Limits
  readonly coros: Coros
  readonly binder: Binder
  readonly regions: Regions
  readonly executors: ReadonlyMap<string, Executor>
}

/** All stages, in order. Each goes on with the part that the ones before have found valid. */
function* stages({ document, options, lenient }: Commission): Stage<Built> {
  const { limits, executors, coros, mapped, validate, problems } = resolveBuild(options)
  const findings = new Findings(limits.issues)
  for (const problem of problems) findings.add('OPTION_INVALID', '', problem)

  const draft = read(document, limits, findings)
  if (draft === undefined) return { issues: findings.list(), order: [] }
  const { wiring, regions } = checkStructure(draft, limits, findings)
  checkExecutors(draft, executors.keys(), findings)

  const binder = new Binder(coros, findings)
  const work: Work = { draft, wiring, regions, limits, coros, binder, findings, executors }
  const nodes = yield* bindNodes(work, lenient && !mapped)
  for (const node of nodes) checkNode(node, work)
  checkTies({ ...work, nodes })
  const args = yield* bindArgs(nodes, work)
  for (const node of nodes) checkPortability(node, args.get(node.node), work)
  const keys = yield* bindKeys(work, lenient && !mapped)
  const ready = readyNodes({ nodes, args, keys, validate }, work)

  const order = wiring.order.map((number) => wiring.names[number] ?? '')
  if (!findings.none || lenient) return { issues: findings.list(), order }
  const graph = graphOf(draft)
  return { issues: [], graph, plan: compile({ graph, ready, regions, order: wiring.order, limits }), order }
}

/** Size, depth and shape; `undefined` where there is nothing to go on with. */
function read(document: unknown, limits: Limits, findings: Findings): Draft | undefined {
  const parsed = parse(document, limits, findings)
  if (parsed === undefined) return undefined
  return draftOf(parsed.document, checkShape(parsed, findings), findings)
}

/** Names, edges, cycles, joins and policies: all that can be said without coroutines. */
function checkStructure(draft: Draft, limits: Limits, findings: Findings): { wiring: Wiring; regions: Regions } {
  const wiring = checkEdges(draft, checkNames(draft, findings), findings)
  checkCycles(wiring, findings)
  checkSources(draft, wiring, findings)
  const regions = regionsOf(draft, wiring, limits)
  checkTokens(wiring, regions, { limits, findings })
  checkJoins({ draft, wiring, findings }, regions)
  checkGroups({ draft, wiring, findings }, regions)
  checkLimits(draft, wiring, { limits, findings })
  checkPolicies(draft, wiring, findings)
  return { wiring, regions }
}

/** Finds the coroutines of the nodes. `knownOnly` leaves out those that only a coroMap could know. */
function* bindNodes({ draft, wiring, coros, binder }: Work, knownOnly: boolean): Stage<BoundNode[]> {
  const lookups: (Lookup | undefined)[] = wiring.names.map((node) => {
    const ref = draft.nodes.get(node)?.coro
    const asked = typeof ref === 'string' && (!knownOnly || coros.isKnown(ref))
    return asked ? { node, ref, pointer: pointer('nodes', node, 'coro') } : undefined
  })
  const asked = lookups.filter((lookup) => lookup !== undefined)
  // One for each question, in their order.
  const answers = (yield { coros, lookups: asked }).values()
  return wiring.names.flatMap((node, number) => {
    const [lookup, ref] = [lookups[number], draft.nodes.get(node)?.coro]
    const answer = lookup && answers.next().value
    const inCode = ref !== undefined && typeof ref !== 'string'
    const binding = inCode
      ? binder.bindValue(ref, node, pointer('nodes', node, 'coro'))
      : lookup && answer && binder.bind(lookup, answer)
    return binding === undefined ? [] : [{ ...binding, number }]
  })
}

/** The rules that a coroutine and its place have for each other. */
function checkNode(node: BoundNode, work: Work): void {
  checkKind(node, work)
  checkPorts(node, work)
  checkSetup(node, work)
  checkCalls(node, work)
  if (node.coro !== undefined)
    checkFlush({ name: node.node, number: node.number, coro: node.coro }, work.regions, work.findings)
}

/** Checks the args of the nodes and puts functions where they name coroutines. */
function* bindArgs(
  nodes: readonly BoundNode[],
  { draft, coros, binder, findings }: Work,
): Stage<Map<string, ResolvedArgs>> {
  const checked = nodes.flatMap((node) => {
    const args = checkArgs(node, draft.nodes.get(node.node)?.args ?? {}, findings)
    const lookups = args && readArgs(node, () => refLookups(node, args), findings)
    return lookups === undefined ? [] : [{ node, args, lookups }]
  })
  const lookups = checked.flatMap(({ lookups }) => lookups)
  const answers = lookups.length === 0 ? [] : yield { coros, lookups }
  const byPointer = new Map(
    lookups.flatMap(({ pointer }, place) => (answers[place] === undefined ? [] : [[pointer, answers[place]]])),
  )
  const context = { answers: byPointer, binder, findings }
  const resolve = ({ node, args = {} }: (typeof checked)[number]): ResolvedArgs =>
    readArgs(node, () => resolveRefs(node, args, context), findings) ?? { args: {}, references: [] }
  return new Map(checked.map((one) => [one.node.node, resolve(one)]))
}

/** Finds what the nodes partition by; by node. `knownOnly` as for {@link bindNodes}. */
function* bindKeys(work: Work, knownOnly: boolean): Stage<Map<string, KeyOf>> {
  const { draft, wiring, coros } = work
  const lookups = keyLookups(draft, wiring.names).filter(({ ref }) => !knownOnly || coros.isKnown(ref))
  const answers = lookups.length === 0 ? [] : yield { coros, lookups }
  const keys = lookups.flatMap((lookup, place) => {
    const answer = answers[place]
    const key = answer && bindKey(lookup, answer, work)
    return key === undefined ? [] : [[lookup.node, key] as const]
  })
  return new Map(keys)
}

interface Finished {
  readonly nodes: readonly BoundNode[]
  readonly args: ReadonlyMap<string, ResolvedArgs>
  readonly keys: ReadonlyMap<string, KeyOf>
  readonly validate: boolean
}

/** Puts the checks per item around the coroutines, where asked for. */
function readyNodes(
  { nodes, args, keys, validate }: Finished,
  { draft, wiring, findings, executors }: Work,
): Map<string, Ready> {
  const ready = new Map<string, Ready>()
  const checkedAt = ({ node, number, coro }: BoundNode): CheckedNode | undefined => {
    const kind = kindOf(coro, wiring.inputs[number]?.length ?? 0)
    const properties = draft.nodes.get(node)?.properties
    if (!validate || kind === 'inlet' || properties === undefined) return undefined
    const { batch } = properties
    const several = (batch ?? windowOf(properties)) !== undefined
    const leaf = isLeaf({ outputs: wiring.outputs[number] ?? [], properties }, wiring.edges)
    return { node, kind, leaf, several, each: batch?.returns === 'each' }
  }
  for (const bound of nodes) {
    const { node, coro, origin } = bound
    const named = draft.nodes.get(node)?.properties.executor ?? inline.name
    const executor = executors.get(named) ?? inline
    const given = { ...(args.get(node) ?? { args: {} }), origin, partitionBy: keys.get(node) }
    try {
      const at = checkedAt(bound)
      if (coro === undefined || at === undefined) ready.set(node, { ...given, coro, executor })
      // Where values are copies, they are checked on this side: the coroutine over there is another one.
      else if (executor.copies) ready.set(node, { ...given, coro, executor: checkedExecutor(executor, at) })
      else ready.set(node, { ...given, coro: validated(coro, at), executor })
    } catch (error) {
      const what = `has a coroutine whose schema for items cannot be used: ${reasonOf(error)}`
      findings.add('CORO_TYPE', pointer('nodes', node, 'coro'), { node, what })
    }
  }
  return ready
}

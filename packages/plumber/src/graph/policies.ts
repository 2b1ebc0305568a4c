import { isGeneratorFunction } from 'node:util/types'
import { type CoroDefinition, ERROR, NODE_PROPERTIES, type NodeProperties, quote, show } from '@pipelines/core'
import { isSource, type Wiring } from './check.js'
import type { BoundNode, Surroundings } from './definitions.js'
import type { Findings } from './findings.js'
import { mergesBy, windowOf } from './groups.js'
import { pointer } from './names.js'
import type { Draft } from './normalize.js'

/** What is said of a node: its name, and where. */
interface Said {
  readonly node: string
  readonly findings: Findings
}

/** A contradiction of a node's properties. */
interface Conflict {
  /** The property that is named. */
  readonly at: keyof NodeProperties
  /** Without a full stop. */
  readonly what: string
  readonly hint: string
}

function refuse({ node, findings }: Said, { at, what, hint }: Conflict): void {
  findings.add('OPTION_CONFLICT', pointer('nodes', node, 'properties', at), { node, what, hint })
}

/** Properties that contradict each other or the place of the node: all that can be said without coroutines. */
export function checkPolicies(draft: Draft, wiring: Wiring, findings: Findings): void {
  const routes = new Set(draft.edges.flatMap(({ from, port }) => (port === ERROR ? [from] : [])))
  wiring.names.forEach((node, number) => {
    const properties = draft.nodes.get(node)?.properties
    if (properties === undefined) return
    const said = { node, findings }
    if (isSource(draft, wiring, number)) {
      checkSource(said, properties)
      return
    }
    checkExecutor(said, properties)
    for (const conflict of conflictsIn(properties)) refuse(said, conflict)
    if (routes.has(node) || draft.unread.has(node) || !draft.wired) return
    for (const at of ['onError', 'onTimeout'] as const) if (properties[at] === 'route') refuse(said, noRoute(at))
  })
}

const noRoute = (at: 'onError' | 'onTimeout'): Conflict => ({
  at,
  what: `has "${at}": "route", but no edge from its port ${quote(ERROR)}, by which items leave that fail`,
  hint: `Add a successor { "to": …, "port": ${quote(ERROR)} } in "graph", or use "skip".`,
})

/** Properties that are about calls per item, so that they say nothing where there is only one call. */
const PER_CALL = [
  ...(['partitionBy', 'timeoutMs', 'retry', 'onError', 'onTimeout', 'maxErrors', 'rateLimit'] as const),
  ...(['batch', 'window', 'stateful', 'emit'] as const),
]

/** Those that are set to something that says more than the default. */
function perCall(properties: NodeProperties): (typeof PER_CALL)[number][] {
  return PER_CALL.filter((name) => {
    const value = properties[name]
    return value !== undefined && value !== false && value !== NODE_PROPERTIES[name].default
  })
}

/** A property and its value, as messages show it. */
function shown(properties: NodeProperties, name: keyof NodeProperties): string {
  const value = properties[name]
  return typeof value === 'object' ? `"${name}"` : `"${name}": ${show(value)}`
}

function checkSource(said: Said, properties: NodeProperties): void {
  const { workers } = properties
  if (workers !== NODE_PROPERTIES.workers.default)
    refuse(said, {
      at: 'workers',
      what: `has no incoming edges, so it is a source, and a source has one worker, not ${workers}`,
      hint: 'Remove "workers", or use one node per source.',
    })
  for (const name of perCall(properties)) {
    // Documents that say "skip" of every node have always been allowed: it changes nothing here.
    if (name === 'onError' && properties[name] === 'skip') continue
    const why = name === 'onError' ? 'ends the run with its first error' : 'is called once for all its items'
    refuse(said, {
      at: name,
      what: `has ${shown(properties, name)}, but no incoming edges, so it is a source, which ${why}`,
      hint:
        name === 'onError'
          ? 'Handle errors inside the source.'
          : `Remove "${name}", or set it at the node that follows.`,
    })
  }
}

function checkExecutor(said: Said, { workers, executor }: NodeProperties): void {
  if (workers !== 0 || executor === 'inline') return
  refuse(said, {
    at: 'workers',
    what: `has "workers": 0, which the executor ${quote(executor)} cannot do`,
    hint: 'Say how many workers, or run it inline.',
  })
}

/** What a node's properties say against each other, wherever the node is. */
function conflictsIn(properties: NodeProperties): readonly Conflict[] {
  const { batch, window, stateful, partitionBy, workers, ordered, maxErrors, timeoutMs } = properties
  const { onError, onTimeout = onError } = properties
  const found: Conflict[] = []
  const both = (at: keyof NodeProperties, other: keyof NodeProperties, why: string): void => {
    const what = `has ${shown(properties, at)} beside ${shown(properties, other)}, ${why}`
    found.push({ at, what, hint: 'Keep one of the two.' })
  }
  const groups = (['batch', 'window'] as const).filter((name) => properties[name] !== undefined)
  if (batch && window) both('window', 'batch', TWO_GROUPS)
  if (typeof stateful === 'number') for (const other of groups) both('stateful', other, TWO_GROUPS)
  if (partitionBy !== undefined && (batch || windowOf(properties)))
    both('partitionBy', groups[0] ?? 'stateful', 'which puts items of different keys together')
  if (stateful === true && workers !== 1) both('workers', 'stateful', 'which means one worker')
  if (stateful === true && !ordered) both('ordered', 'stateful', 'which means that items stay in order')
  if (properties.onTimeout !== undefined && timeoutMs === undefined)
    found.push({
      at: 'onTimeout',
      what: `has ${shown(properties, 'onTimeout')}, but no "timeoutMs", so that nothing runs out of time`,
      hint: 'Set "timeoutMs", or remove "onTimeout".',
    })
  if (maxErrors && onError === 'fail' && onTimeout === 'fail')
    found.push({
      at: 'maxErrors',
      what: 'has "maxErrors", but its first error ends the run',
      hint: 'Set "onError" to "skip" or "route", or remove "maxErrors".',
    })
  return found
}

const TWO_GROUPS = 'and both say which items a call gets together'

/** What the properties of a node and its coroutine say against each other. */
export function checkCalls(bound: BoundNode, { draft, wiring, findings }: Surroundings): void {
  const { node, number, coro } = bound
  const properties = draft.nodes.get(node)?.properties
  if (properties === undefined || coro === undefined || isSource(draft, wiring, number)) return
  const said = { node, findings }
  if (coro.kind === 'stream') checkStream(said, properties)
  else if (coro.kind !== 'source') {
    checkRetry(said, properties, coro)
    checkDeclared(said, properties, bound)
  }
}

/** A stream coroutine is one call for all items; when it fails it has lost its state, and the items it may have held. */
function checkStream(said: Said, properties: NodeProperties): void {
  for (const name of perCall(properties)) {
    const why = name === 'onError' ? 'ends with its first error' : 'is called once for all items'
    refuse(said, {
      at: name,
      what: `has ${shown(properties, name)}, but its coroutine is of kind "stream", which ${why}`,
      hint: `${name === 'onError' ? 'Handle errors' : 'Do it'} inside the coroutine, or use one that is called per item.`,
    })
  }
}

/** What a generator has yielded is gone when it fails: another attempt would give it again. */
function checkRetry(said: Said, { retry, emit }: NodeProperties, { run }: CoroDefinition): void {
  if (retry === undefined || retry.attempts < 2 || emit === 'atomic' || !isGeneratorFunction(run)) return
  refuse(said, {
    at: 'retry',
    what: 'has "retry", but its coroutine is a generator, whose first outputs have left when it fails',
    hint: 'Set "emit": "atomic", so that they leave when it has ended.',
  })
}

/** Declarations of what one item gives, where a call gets several. */
function checkDeclared(said: Said, properties: NodeProperties, { ref, coro }: BoundNode): void {
  const { emits = [], oneToOne } = coro ?? {}
  const name = JSON.stringify(ref)
  if (properties.batch?.returns === 'each' && emits.length > 0)
    refuse(said, {
      at: 'batch',
      what: `has "batch", but its coroutine ${name} emits to ${emits.map(quote).join(', ')}, and nobody could say to which item of a batch that belongs`,
      hint: 'Set "returns": "one" in "batch", or use a coroutine that only returns.',
    })
  const at = mergesBy(properties)
  if (oneToOne !== true || at === undefined) return
  refuse(said, {
    at,
    what: `has ${shown(properties, at)}, which gives one output for several items, but its coroutine ${name} is declared one-to-one`,
    hint: 'Remove "oneToOne" from the coroutine, or use another one.',
  })
}

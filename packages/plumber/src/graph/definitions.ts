import { type CoroDefinition, ERROR, OUT, quote, routes } from '@pipelines/core'
import type { Binding } from './bind.js'
import { isSource, type Wiring } from './check.js'
import type { Findings } from './findings.js'
import { pointer } from './names.js'
import type { Draft } from './normalize.js'
import { suggester } from './suggest.js'

/** A node with its coroutine, as the rules below look at it. */
export interface BoundNode extends Binding {
  readonly number: number
}

/** What the rules look at besides the node. */
export interface Surroundings {
  readonly draft: Draft
  readonly wiring: Wiring
  readonly findings: Findings
}

/**
 * Edges from ports that the coroutine does not have. Where `emits` is not given, it may emit to any port but `error`: an
 * edge from that one mostly means that "onError" was forgotten.
 */
export function checkPorts({ node, number, coro }: BoundNode, { draft, wiring, findings }: Surroundings): void {
  const emits = coro === undefined ? [] : coro.emits
  const properties = draft.nodes.get(node)?.properties
  const isRouting = properties !== undefined && routes(properties)
  const ports = [...new Set([OUT, ...(emits ?? []), ...(isRouting ? [ERROR] : [])])]
  for (const edge of wiring.outputs[number] ?? []) {
    const { port = OUT, pointer: path = '' } = wiring.edges[edge] ?? {}
    if (ports.includes(port)) continue
    if (emits !== undefined)
      findings.add('GRAPH_PORT', `${path}/port`, () => ({ node, port, ports, suggestion: suggester(ports)(port) }))
    else if (port === ERROR) {
      const declare = `eclare what the coroutine emits: defineCoro({ emits: [${quote(ERROR)}], … }).`
      findings.add('OPTION_CONFLICT', `${path}/port`, {
        node,
        what: `has an edge from port ${quote(ERROR)}, but its "onError" is not "route"`,
        hint:
          coro?.kind === 'stream' || isSource(draft, wiring, number)
            ? `D${declare}`
            : `Set "onError": "route", or d${declare}`,
      })
    }
  }
}

/** Coroutines at a place that does not fit their kind. */
export function checkKind({ node, number, ref, coro }: BoundNode, { draft, wiring, findings }: Surroundings): void {
  const kind = coro === undefined ? 'inlet' : coro.kind
  const path = pointer('nodes', node, 'coro')
  const name = JSON.stringify(ref)
  const hasInputs = (wiring.inputs[number]?.length ?? 0) > 0
  if ((kind === 'source' || kind === 'inlet') && hasInputs) {
    const what = `has incoming edges, but its coroutine ${name} is ${kind === 'inlet' ? 'an inlet' : 'a source'}, which takes none`
    findings.add('CORO_TYPE', path, { node, what, hint: 'Remove the edges to it, or use another coroutine.' })
  }
  if (kind === undefined && coro?.oneToOne && isSource(draft, wiring, number)) {
    const what = `has no incoming edges, but its coroutine ${name} is declared one-to-one, so it takes items`
    findings.add('CORO_TYPE', path, { node, what, hint: 'Add an edge to it, or remove "oneToOne".' })
  }
  if ((kind === 'map' || kind === 'stream') && isSource(draft, wiring, number)) {
    const what = `has no incoming edges, but its coroutine ${name} is of kind "${kind}", which takes items`
    findings.add('CORO_TYPE', path, { node, what, hint: 'Add an edge to it, or use a source, such as "std.inlet".' })
  }
}

/** Hooks that need a number of workers, where the number is open. */
export function checkSetup({ node, coro }: BoundNode, { draft, findings }: Surroundings): void {
  const workers = draft.nodes.get(node)?.properties.workers
  if (workers !== 0 || !hasSlots(coro)) return
  const what = 'has "workers": 0, but its coroutine has "setup", which runs once per worker'
  findings.add('OPTION_CONFLICT', pointer('nodes', node, 'properties', 'workers'), {
    node,
    what,
    hint: 'Say how many workers.',
  })
}

const hasSlots = (coro: CoroDefinition | undefined): boolean => coro?.setup !== undefined

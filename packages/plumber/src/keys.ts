import { isGeneratorFunction } from 'node:util/types'
import { type CoroDefinition, functionOf, type PlanNode } from '@pipelines/core'
import { type Answer, type Binder, HOOKS, type Lookup } from './graph/bind.js'
import type { Findings } from './graph/findings.js'
import { pointer } from './graph/names.js'
import type { Draft } from './graph/normalize.js'

/** Gives the key of an item. */
export type KeyOf = NonNullable<PlanNode['partitionBy']>

/** The coroutines that the nodes partition by, one question each. */
export function keyLookups(draft: Draft, names: readonly string[]): Lookup[] {
  return names.flatMap((node) => {
    const ref = draft.nodes.get(node)?.properties.partitionBy
    return ref === undefined ? [] : [{ node, ref, pointer: pointer('nodes', node, 'properties', 'partitionBy') }]
  })
}

/** The function behind the answer to such a question; `undefined` after an issue. */
export function bindKey(
  lookup: Lookup,
  answer: Answer,
  { binder, findings }: { readonly binder: Binder; readonly findings: Findings },
): KeyOf | undefined {
  const binding = binder.bind(lookup, answer)
  if (binding === undefined) return undefined
  const { coro } = binding
  const why = coro === undefined ? 'is an inlet' : whyNoKey(coro)
  if (coro !== undefined && why === undefined) return functionOf(coro)
  const what = `takes its keys from the coroutine ${JSON.stringify(lookup.ref)}, which ${why}`
  const hint = 'Use a function that gives the key of a value, at once and without args.'
  findings.add('CORO_TYPE', lookup.pointer, { node: lookup.node, what, hint })
  return undefined
}

/** Why a coroutine cannot give keys, for all that can be known before it is called. */
function whyNoKey(coro: CoroDefinition): string | undefined {
  if (coro.kind !== undefined && coro.kind !== 'map') return `is of kind "${coro.kind}"`
  const hook = [...HOOKS, 'args' as const, 'refs' as const].find((name) => coro[name] !== undefined)
  if (hook !== undefined) return `has "${hook}"`
  return isGeneratorFunction(coro.run) ? 'is a generator' : undefined
}

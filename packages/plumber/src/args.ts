import { type CoroDefinition, type CoroOrigin, type CoroReference, functionOf, reasonOf } from '@pipelines/core'
import type { Answer, Binder, Binding, Lookup } from './graph/bind.js'
import type { Findings } from './graph/findings.js'
import { own, pointer } from './graph/names.js'
import { type Verdict, validatorOf } from './schemas.js'

export type Args = Readonly<Record<string, unknown>>

/**
 * Checks a node's args against the schema of its coroutine. Returns the args for the coroutine: the same ones, or what a
 * Standard Schema has made of them; a JSON Schema changes nothing. `undefined` after an issue.
 */
export function checkArgs({ node, ref, coro }: Binding, args: Args, findings: Findings): Args | undefined {
  if (coro?.args === undefined) return args
  const path = pointer('nodes', node, 'args')
  const verdict = judge(coro.args, args)
  if (typeof verdict === 'string') {
    const what = `has the coroutine ${JSON.stringify(ref)}, whose schema for args cannot be used: ${verdict}`
    findings.add('CORO_TYPE', pointer('nodes', node, 'coro'), { node, what })
    return undefined
  }
  if (verdict.ok) {
    if (typeof verdict.value === 'object' && verdict.value !== null) return verdict.value as Args
    findings.add('CORO_ARGS', path, { node, ref, what: 'the schema made something else than an object of them' })
    return undefined
  }
  for (const { pointer: place, what, suggestion } of verdict.problems) {
    findings.add('CORO_ARGS', path + place, { node, ref, what, suggestion })
  }
  return undefined
}

/** The verdict, or why there is none. */
function judge(schema: NonNullable<CoroDefinition['args']>, args: Args): Verdict | string {
  try {
    return validatorOf(schema)(args, '"args"')
  } catch (error) {
    return reasonOf(error)
  }
}

/** Does what a proxy in the args may interrupt; `undefined` after an issue. */
export function readArgs<T>({ node, ref }: Binding, read: () => T, findings: Findings): T | undefined {
  try {
    return read()
  } catch (error) {
    findings.add('CORO_ARGS', pointer('nodes', node, 'args'), {
      node,
      ref,
      what: `reading them threw: ${reasonOf(error)}`,
    })
    return undefined
  }
}

/** The coroutines that a node's args name, one question each. What is not a name is left to {@link resolveRefs}. */
export function refLookups({ node, coro }: Binding, args: Args): Lookup[] {
  return (coro?.refs ?? []).flatMap((arg) => {
    const value = own(args, arg)
    const list = Array.isArray(value) ? value : [value]
    return list.flatMap((ref: unknown, place) => {
      const path = Array.isArray(value)
        ? pointer('nodes', node, 'args', arg, place)
        : pointer('nodes', node, 'args', arg)
      return typeof ref === 'string' ? [{ node, ref, pointer: path }] : []
    })
  })
}

/** What {@link resolveRefs} needs beside the node and its args. */
export interface RefContext {
  /** Answers to the questions of {@link refLookups}, by pointer. */
  readonly answers: ReadonlyMap<string, Answer>
  readonly binder: Binder
  readonly findings: Findings
}

/** Args whose names of coroutines have been resolved. */
export interface ResolvedArgs {
  readonly args: Args
  /** What was put in the place of names. */
  readonly references?: readonly CoroReference[] | undefined
}

/** Args in which the names at `refs` are replaced by functions: a name by one, a list of names by a list. */
export function resolveRefs(binding: Binding, args: Args, context: RefContext): ResolvedArgs {
  const refs = binding.coro?.refs ?? []
  const references: CoroReference[] = []
  if (refs.length === 0) return { args, references }
  const resolved: Record<string, unknown> = { ...args }
  for (const arg of refs) {
    const value = own(args, arg)
    if (value === undefined) continue
    const path = pointer('nodes', binding.node, 'args', arg)
    if (Array.isArray(value))
      resolved[arg] = Object.freeze(
        value.map((item: unknown, place) => {
          const found = functionFor(binding, { value: item, path: `${path}/${place}` }, context)
          references.push({ arg, place, origin: found?.origin })
          return found?.value
        }),
      )
    else {
      const found = functionFor(binding, { value, path }, context)
      references.push({ arg, origin: found?.origin })
      resolved[arg] = found?.value
    }
  }
  return { args: Object.freeze(resolved), references }
}

interface Named {
  readonly value: unknown
  readonly path: string
}

interface FoundFunction {
  readonly value: unknown
  readonly origin?: CoroOrigin | undefined
}

function functionFor(
  { node, ref }: Binding,
  { value, path }: Named,
  { answers, binder, findings }: RefContext,
): FoundFunction | undefined {
  if (typeof value === 'function') return { value }
  const answer = answers.get(path)
  if (typeof value !== 'string' || answer === undefined) {
    findings.add('CORO_ARGS', path, {
      node,
      ref,
      what: `${JSON.stringify(path.split('/').slice(4).join('.'))} must name a coroutine`,
    })
    return undefined
  }
  const found = binder.bind({ node, ref: value, pointer: path }, answer)
  return found?.coro && { value: functionOf(found.coro), origin: found.origin }
}

import {
  type Coro,
  type CoroDefinition,
  type CoroOrigin,
  defineCoro,
  isClass,
  isCoroDefinition,
  reasonOf,
  show,
} from '@pipelines/core'
import { type CoroEntry, type Coros, INLET, isPromise } from '../coro-map.js'
import type { CoroRef } from './document.js'
import type { Findings } from './findings.js'
import { suggester } from './suggest.js'

/** A question to the coroMap: the coroutine that a place in the document names. */
export interface Lookup {
  readonly node: string
  readonly ref: string
  /** The place, as a JSON pointer. */
  readonly pointer: string
}

/** What the coroMap says. */
export type Answer =
  | { readonly status: 'found'; readonly entry: CoroEntry }
  | { readonly status: 'missing' }
  | { readonly status: 'async' }
  | { readonly status: 'threw'; readonly cause: unknown }

/** A coroutine that was found for a node. */
export interface Binding {
  readonly node: string
  /** The name of the coroutine, for messages. */
  readonly ref: string
  /** Absent for an inlet, which has no code of its own. */
  readonly coro: CoroDefinition | undefined
  readonly origin: CoroOrigin | undefined
}

/** Asks without waiting: a promise is an answer of its own. */
export function askNow(coros: Coros, { ref, node }: Lookup): Answer {
  try {
    const found = coros.find(ref, node)
    if (!isPromise(found)) return answerOf(found)
    // Nobody waits for it; a rejection must not end the process.
    found.then(undefined, () => {})
    return { status: 'async' }
  } catch (cause) {
    return { status: 'threw', cause }
  }
}

/** Asks and waits. Never rejects. */
export async function askLater(coros: Coros, { ref, node }: Lookup): Promise<Answer> {
  try {
    return answerOf(await coros.find(ref, node))
  } catch (cause) {
    return { status: 'threw', cause }
  }
}

const answerOf = (entry: CoroEntry | undefined): Answer =>
  entry === undefined ? { status: 'missing' } : { status: 'found', entry }

/** Turns answers into coroutines, and what is wrong with them into issues. */
export class Binder {
  readonly #coros: Coros
  readonly #findings: Findings
  readonly #suggest: (text: string) => string | undefined

  constructor(coros: Coros, findings: Findings) {
    this.#coros = coros
    this.#findings = findings
    let suggest: ((text: string) => string | undefined) | undefined
    this.#suggest = (text) => {
      suggest ??= suggester(coros.names())
      return suggest(text)
    }
  }

  #advice(ref: string): { readonly hint?: string | undefined; readonly suggestion?: string | undefined } {
    try {
      const hint = this.#coros.hint(ref)
      if (hint !== undefined) return { hint }
      const suggestion = this.#suggest(ref)
      return suggestion === undefined ? { hint: this.#coros.missing(ref) } : { suggestion }
    } catch {
      return {} // a getter or a proxy in the coroMap threw
    }
  }

  /** The coroutine behind an answer; `undefined` after an issue. */
  bind(lookup: Lookup, answer: Answer): Binding | undefined {
    const { node, ref, pointer } = lookup
    switch (answer.status) {
      case 'found':
        return this.#use(lookup, answer.entry)
      case 'missing':
        this.#findings.add('CORO_NOT_FOUND', pointer, () => ({ node, ref, ...this.#advice(ref) }))
        return undefined
      case 'async':
        this.#findings.add('CORO_ASYNC', pointer, { node, ref })
        return undefined
      case 'threw':
        this.#findings.add('CORO_LOAD', pointer, { node, ref, cause: answer.cause })
        return undefined
      default:
        return answer satisfies never
    }
  }

  /** The coroutine that the document itself holds. */
  bindValue(value: Exclude<CoroRef, string>, node: string, pointer: string): Binding | undefined {
    return this.#use({ node, ref: nameOf(value) ?? '(in code)', pointer }, { value })
  }

  #use({ node, ref, pointer }: Lookup, { value, origin }: CoroEntry): Binding | undefined {
    if (value === INLET) return { node, ref, coro: undefined, origin }
    try {
      const coro = definitionOf(value)
      if (coro === undefined) {
        this.#findings.add('CORO_NOT_FUNCTION', pointer, { node, ref, found: describe(value) })
        return undefined
      }
      const problem = problemOf(coro)
      if (problem === undefined) return { node, ref, coro, origin }
      const hint = 'Correct it in defineCoro().'
      this.#findings.add('CORO_TYPE', pointer, { node, what: `has a coroutine ${problem}`, hint })
    } catch (error) {
      this.#findings.add('CORO_TYPE', pointer, {
        node,
        what: `has a coroutine that cannot be read: ${reasonOf(error)}`,
      })
    }
    return undefined
  }
}

function nameOf(value: Exclude<CoroRef, string>): string | undefined {
  try {
    const name: unknown = typeof value === 'function' ? value.name : undefined
    return typeof name === 'string' && name !== '' ? name : undefined
  } catch {
    return undefined
  }
}

/** A definition is copied, so that what is checked is what runs; a function becomes one that has nothing else. */
function definitionOf(value: unknown): CoroDefinition | undefined {
  if (isCoroDefinition(value)) {
    const { emits, refs, ...others } = value
    return defineCoro<never>({ ...others, ...(emits && { emits: listOf(emits) }), ...(refs && { refs: listOf(refs) }) })
  }
  // Any function may be a coroutine; that is all that can be known before it is called.
  return typeof value === 'function' && !isClass(value) ? Object.freeze({ run: value as Coro }) : undefined
}

/** A list is copied; anything else is left for {@link problemOf} to refuse. */
const listOf = <T>(value: T): T => (Array.isArray(value) ? Object.freeze([...value]) : value) as T

function describe(value: unknown): string {
  if (isClass(value)) return 'a class'
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return 'an object'
  return show(value)
}

const KINDS: readonly unknown[] = ['map', 'source', 'stream', undefined]
/** What a coroutine may have that runs beside its items. */
export const HOOKS = ['setup', 'flush', 'teardown'] as const
const LISTS = ['emits', 'refs'] as const

/** What is wrong with a definition that was not checked by a compiler. */
function problemOf(coro: CoroDefinition): string | undefined {
  if (typeof coro.run !== 'function') return 'without "run"'
  if (!KINDS.includes(coro.kind)) return `of the unknown kind ${show(coro.kind)}`
  const hook = HOOKS.find((name) => coro[name] !== undefined && typeof coro[name] !== 'function')
  if (hook !== undefined) return `whose "${hook}" is not a function`
  const list = LISTS.find((name) => coro[name] !== undefined && !isTexts(coro[name]))
  if (list !== undefined) return `whose "${list}" is not a list of names`
  if (coro.oneToOne !== undefined && typeof coro.oneToOne !== 'boolean') return 'whose "oneToOne" is not true or false'
  if (!coro.oneToOne) return undefined
  if (coro.flush !== undefined) return 'declared one-to-one that has "flush", which gives more'
  return coro.kind === undefined || coro.kind === 'map' ? undefined : `declared one-to-one, but of kind "${coro.kind}"`
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string')

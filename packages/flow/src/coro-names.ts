import { type Coro, type CoroDefinition, type ModuleCoros, moduleCoros } from '@pipelines/core'
import type { CoroMap } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { originOf, type PortableOrigin } from './portable.js'
import { Unique } from './unique.js'

/** A name that a function may give to a coroutine, and to its node: one without dots. */
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,99}$/
const RESERVED: ReadonlySet<string> = new Set(['constructor', 'prototype', '__proto__'])

/** Gives names to coroutines that are there as functions: JSON can name them then, and the coroMap has them. */
export class CoroNames {
  readonly #names = new Map<Coro | CoroDefinition, string>()
  readonly #closures = new Map<string, Coro | CoroDefinition>()
  /** By URL, the first part of the names of a module. */
  readonly #modules = new Map<string, { readonly group: string; readonly namespace: object }>()
  /** Ready coroutines of a notation, beside the standard ones. */
  readonly #ready: readonly ModuleCoros[]
  readonly #taken: Unique

  constructor(ready: readonly ModuleCoros[] = []) {
    this.#ready = ready
    this.#taken = new Unique(['std', ...ready.flatMap(({ group }) => group ?? [])])
  }

  /** The name of a coroutine: `work.resize` of a module, or that of the function, or else `label`. */
  nameOf(coro: Coro | CoroDefinition, label: string): string {
    const known = this.#names.get(coro)
    if (known !== undefined) return known
    const origin = originOf(coro)
    const name = origin === undefined ? this.#closure(coro, label) : `${this.#group(origin)}.${origin.export}`
    this.#names.set(coro, name)
    return name
  }

  /** Where all of them are found. */
  get coroMap(): CoroMap {
    const modules = [...this.#modules].map(([url, { group, namespace }]) =>
      moduleCoros(url, { group, loaded: namespace }),
    )
    return [std, ...this.#ready, new Map(this.#closures), ...modules]
  }

  #closure(coro: Coro | CoroDefinition, label: string): string {
    const name = this.#taken.name(wordOf(coro) ?? label)
    this.#closures.set(name, coro)
    return name
  }

  #group({ module, namespace }: PortableOrigin): string {
    const known = this.#modules.get(module)
    if (known !== undefined) return known.group
    const [file = ''] = (module.split('/').at(-1) ?? '').split('.')
    const group = this.#taken.name(isName(file) ? file : 'module')
    this.#modules.set(module, { group, namespace })
    return group
  }
}

/** The name of a function, if it has one that can be read, and can be one here. */
export function wordOf(coro: Coro | CoroDefinition): string | undefined {
  try {
    const name: unknown = typeof coro === 'function' ? coro.name : undefined
    return typeof name === 'string' && isName(name) ? name : undefined
  } catch {
    return undefined
  }
}

const isName = (text: string): boolean => NAME.test(text) && !RESERVED.has(text)

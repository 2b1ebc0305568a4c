import { lookUp, namesIn } from './coro-names.js'
import type { CoroOrigin } from './executor.js'

const MODULE = Symbol.for('@pipelines/module-coros')

export interface ModuleCorosOptions {
  /** A word that all names begin with, and a dot: `{ group: 'text' }` makes `text.trim` of the export `trim`. */
  readonly group?: string | undefined
  /** The namespace of the module, where it is loaded already: then names are answered without a promise. */
  readonly loaded?: object | undefined
}

/** A coroutine of a module, and where others can load it. */
interface ModuleEntry {
  readonly value: unknown
  readonly origin: CoroOrigin
}

/** The coroutines that a module exports. Threads and processes can load them too. @see {@link moduleCoros} */
export class ModuleCoros {
  /** URL of the module. */
  readonly url: string
  readonly group: string | undefined
  #loading: Promise<object> | undefined
  #namespace: object | undefined

  constructor(url: string, { group, loaded }: ModuleCorosOptions = {}) {
    this.url = url
    this.group = group
    this.#namespace = loaded
    Object.defineProperty(this, MODULE, { value: true })
  }

  /** Synchronous once the module is loaded. Rejects with the error of the import. */
  find(ref: string): ModuleEntry | undefined | Promise<ModuleEntry | undefined> {
    if (!ref.startsWith(this.#prefix)) return undefined
    const name = ref.slice(this.#prefix.length)
    if (this.#namespace !== undefined) return this.#entry(this.#namespace, name)
    return this.#load().then((namespace) => this.#entry(namespace, name))
  }

  /** Empty until the module is loaded. */
  names(): Iterable<string> {
    return this.#namespace === undefined ? [] : namesIn(this.#namespace).map((name) => this.#prefix + name)
  }

  get #prefix(): string {
    return this.group === undefined ? '' : `${this.group}.`
  }

  #load(): Promise<object> {
    this.#loading ??= import(/* @vite-ignore */ this.url).then((namespace: object) => {
      this.#namespace = namespace
      return namespace
    })
    return this.#loading
  }

  #entry(namespace: object, name: string): ModuleEntry | undefined {
    const value = lookUp(namespace, name)
    return value === undefined || value === null ? undefined : { value, origin: { module: this.url, export: name } }
  }
}

/**
 * Takes coroutines from the exports of a module, which is imported when the first of them is needed. Such a coroMap
 * answers with promises, unless the module is given too: use `await Plumber.create()`.
 *
 * @example
 * const plumber = await Plumber.create(graph, { coroMap: moduleCoros(new URL('./coros.js', import.meta.url)) })
 */
export function moduleCoros(url: URL | string, options: ModuleCorosOptions = {}): ModuleCoros {
  return new ModuleCoros(String(url), options)
}

/** Whether a value was made by {@link moduleCoros}; also true across duplicate installs. */
export function isModuleCoros(value: unknown): value is ModuleCoros {
  return typeof value === 'object' && value !== null && MODULE in value
}

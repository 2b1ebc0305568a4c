import { type ErrorCode, type ErrorDetails, type Issue, issue } from '@pipelines/core'

/** The issues of one document: lists the first ones, counts the rest. */
export class Findings {
  readonly #limit: number
  readonly #listed: Issue[] = []
  #more = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether nothing was found. */
  get none(): boolean {
    return this.#listed.length === 0
  }

  /** Whether what is added now will only be counted. */
  get full(): boolean {
    return this.#listed.length >= this.#limit
  }

  /** Counts issues that are not listed, so that nothing need be made for them. */
  skip(count: number): void {
    this.#more += count
  }

  /** Adds an issue. Details that cost something (a suggestion) are given as a function, called only if it is listed. */
  add<C extends ErrorCode>(code: C, pointer: string, details: ErrorDetails<C> | (() => ErrorDetails<C>)): void {
    if (this.full) this.skip(1)
    else this.#listed.push(issue(code, pointer, typeof details === 'function' ? details() : details))
  }

  /** What was found, in the order of finding; a last issue says how many are not listed. */
  list(): Issue[] {
    return this.#more === 0 ? [...this.#listed] : [...this.#listed, issue('GRAPH_MORE', '', { more: this.#more })]
  }
}

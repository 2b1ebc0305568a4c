/** Gives every name once: a name that is taken gets a number. */
export class Unique {
  readonly #taken: Set<string>
  /** By name, the last number that was given. */
  readonly #numbers = new Map<string, number>()

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken)
  }

  /** `name`, or `name-2`, `name-3` and so on. */
  name(wanted: string): string {
    let name = wanted
    for (let number = this.#numbers.get(wanted) ?? 1; this.#taken.has(name); name = `${wanted}-${number}`)
      this.#numbers.set(wanted, ++number)
    this.#taken.add(name)
    return name
  }

  has(name: string): boolean {
    return this.#taken.has(name)
  }
}

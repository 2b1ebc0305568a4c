/** What became of a root in the end: the worst of all that descends from it, else whether any of it was delivered. */
export type Verdict = 'delivered' | 'filtered' | 'errored' | 'aborted' | 'deadLettered'

/** How many roots ended how. */
export type VerdictCounts = Readonly<Record<Verdict, number>>

/** What can happen to a packet of a root that its verdict depends on. */
export type Mark = Exclude<Verdict, 'filtered'>

/** From the mildest to the worst. */
const SEVERITY: readonly Verdict[] = ['filtered', 'delivered', 'deadLettered', 'aborted', 'errored']

/** One value that entered at a source, and how many packets that descend from it are still on their way. */
export class Root {
  readonly #ledger: RootLedger
  #live = 0
  #verdict: Verdict = 'filtered'
  /** Its neighbours among those of its ledger that are on their way. */
  previous: Root | undefined
  next: Root | undefined
  /** Whether anybody has accepted a packet of it. */
  accepted = false
  /** Whether it was taken back before anybody did: then it never was. */
  withdrawn = false

  constructor(ledger: RootLedger) {
    this.#ledger = ledger
  }

  get verdict(): Verdict {
    return this.#verdict
  }

  enter(packets: number): void {
    if (this.#live === 0) this.#ledger.enter(this)
    this.#live += packets
  }

  leave(): void {
    this.#live--
    if (this.#live === 0) this.#ledger.settle(this)
  }

  /** Told once, when nothing of it is on its way any more. */
  onSettled(): void {}

  mark(mark: Mark): void {
    if (SEVERITY.indexOf(mark) > SEVERITY.indexOf(this.#verdict)) this.#verdict = mark
  }
}

/** Gives every root of a run exactly one verdict; kept where it was asked for. */
export class RootLedger {
  // A list through its members: a set that they go through one by one is made anew for every few of them.
  #first: Root | undefined
  #last: Root | undefined
  readonly #counts: Record<Verdict, number> = { delivered: 0, filtered: 0, errored: 0, aborted: 0, deadLettered: 0 }

  /** Those that are on their way, in the order in which they came. */
  get living(): readonly Root[] {
    const living: Root[] = []
    for (let root = this.#first; root !== undefined; root = root.next) living.push(root)
    return living
  }

  /** Something of it is on its way. */
  enter(root: Root): void {
    root.previous = this.#last
    if (this.#last === undefined) this.#first = root
    else this.#last.next = root
    this.#last = root
  }

  /** Nothing of it is on its way any more. */
  settle(root: Root): void {
    this.#remove(root)
    if (!root.withdrawn) this.#counts[root.verdict]++
    root.onSettled()
  }

  /** The run is over: what is still on its way never arrives. */
  close(): VerdictCounts {
    for (const root of this.living) {
      root.mark('aborted')
      if (root.accepted) this.settle(root)
    }
    this.#first = undefined
    this.#last = undefined
    return { ...this.#counts }
  }

  #remove(root: Root): void {
    const { previous, next } = root
    if (previous !== undefined) previous.next = next
    else if (this.#first === root) this.#first = next
    if (next !== undefined) next.previous = previous
    else if (this.#last === root) this.#last = previous
    root.previous = undefined
    root.next = undefined
  }
}

import { chains, credits, diamonds, early, failures } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in the counting of what is on its way to a join. */
export const COUNTING: readonly Mutant[] = [
  {
    name: 'a frame is decided too early',
    what: 'A join decides on a frame while one packet of it is still on its way.',
    changes: [
      {
        file: 'frames.ts',
        search: 'if (share.live === 0) this.check(share)',
        replace: `if (share.live > 1) return
    const { live } = share
    share.live = 0
    this.check(share)
    share.live = live`,
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a dropped item is not counted down',
    what: 'An item for which a node gave nothing keeps its tokens, as if something were still to come.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'this.counters.dropped++\n    this.#giveBack(packet)',
        replace: 'this.counters.dropped++\n    if (accepted) this.#giveBack(packet)',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a failed item is not counted down',
    what: 'An item that failed and was skipped keeps its tokens.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'it would be answered then\n    this.#over(packet)',
        replace: 'it would be answered then\n    if (!this.doomed) packet.ended()',
      },
    ],
    caughtBy: failures,
  },
  {
    name: 'an item that is given up is not counted down',
    what: 'An item of a node that was told to stop keeps its tokens.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'super.givenUp(packet)\n    if (this.host.doomed) return\n    this.#giveBack(packet)',
        replace: 'super.givenUp(packet)\n    if (this.host.doomed) return',
      },
    ],
    caughtBy: credits,
  },
  {
    name: 'a packet for a closed edge is not counted down',
    what: 'A copy for a consumer that wants no more keeps its tokens.',
    changes: [
      {
        file: 'outlet.ts',
        search: 'if (regions !== undefined) this.#o.ledger.release(copy.frame, regions.tokens)',
        replace: '',
      },
    ],
    caughtBy: early,
  },
  {
    name: 'a packet that is lost in a queue is not counted down',
    what: 'What waits in a queue that its consumer closes keeps its tokens.',
    changes: [
      {
        file: 'fitter.ts',
        search: 'if (host.doomed) return\n      host.ledger.release(packet.frame, tokens)',
        replace: 'if (host.doomed) return',
      },
    ],
    caughtBy: early,
  },
  {
    name: 'a skipped frame is not counted down behind its join',
    what: 'A frame that is skipped keeps the tokens that it held at the joins behind.',
    changes: [
      {
        file: 'join.ts',
        search: 'this.#finish(share)\n    this.#o.ledger.release(share.frame, this.holds)',
        replace: 'this.#finish(share)',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'tokens are given back before the outputs have left',
    what: 'The tokens of an input are given back before those of its outputs are taken.',
    changes: [
      {
        file: 'calling-node.ts',
        search: 'const sent = this.send(packet, result)\n',
        replace: `this.host.ledger.release(packet.frame, this.holds)
    const sent = this.send(packet, result)
    this.host.ledger.add(packet.frame, this.holds)
`,
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'copies are counted after they were put',
    what: 'The copies of an output are added to the frames only when they are on their way.',
    changes: [
      { file: 'outlet.ts', search: 'ledger.add(origin.frame, regions.adds)\n', replace: '' },
      {
        file: 'outlet.ts',
        search: 'return this.#offer(to, new Packet(value, meta, origin.scope, frame), true)',
        replace: `const offered = this.#offer(to, new Packet(value, meta, origin.scope, frame), true)
    this.#o.ledger.add(origin.frame, regions.adds)
    return offered`,
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a copy that leaves the region inside is waited for',
    what: 'A node inside a region counts a copy on an edge from which the join cannot be reached (C5).',
    changes: [
      {
        file: 'tokens.ts',
        search: 'adds: this.#takenOver(node, reached) ?? this.#counted(node, reached, []).adds, first: [] }',
        replace: `adds: (this.#takenOver(node, reached) ?? this.#counted(node, reached, []).adds).map((token) => ({
          ...token, copies: Math.max(token.copies, edges.length) })), first: [] }`,
      },
    ],
    caughtBy: { file: 'core/counterexamples.test.ts', tests: ['C5'] },
  },
  {
    name: 'a copy that leaves the region is waited for',
    what: 'A fork counts a copy on an edge from which its join cannot be reached.',
    changes: [
      {
        file: 'tokens.ts',
        search: 'return { opens, ...this.#counted(node, reached, joinsOf.get(node) ?? []) }',
        replace: `const { adds, first } = this.#counted(node, reached, joinsOf.get(node) ?? [])
    return { opens, adds, first: first.map((copies) => Math.max(copies, edges.length)) }`,
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'what is stored at an inner join is forgotten outside',
    what: 'The frame of a fork does not hold the tokens of what comes behind its own joins (C9).',
    changes: [
      {
        file: 'tokens.ts',
        search: 'reached.set(list, (reached.get(list) ?? 0) + times)',
        replace: '{}',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a packet keeps its inner frame on its way out',
    what: 'An edge that leaves a region does not step out of its frame.',
    changes: [{ file: 'frames.ts', search: 'outwards(frame, regions.up)', replace: 'outwards(frame, regions.up - 1)' }],
    caughtBy: diamonds,
  },
  {
    name: 'a packet steps out of one frame too many',
    what: 'An edge that leaves one region of several steps out of the next one as well.',
    changes: [
      {
        file: 'frames.ts',
        search: 'outwards(frame, regions.up)',
        replace: 'outwards(frame, regions.up > 0 ? regions.up + 1 : 0)',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a fork opens one frame per input',
    what: 'All outputs that a fork gives for one input share a frame (C10).',
    changes: [
      {
        file: 'outlet.ts',
        search: 'window.start(origin, regions.first)',
        replace: 'this.startOnce(window, origin, regions.first)',
      },
      {
        file: 'outlet.ts',
        search: '  /**\n   * Puts a copy on every edge of a port',
        replace: `  latest: { readonly origin: Packet; readonly frame: ReturnType<ForkWindow['start']> } | undefined
  startOnce(window: ForkWindow, origin: Packet, first: readonly number[]) {
    if (this.latest?.origin === origin) {
      window.open--
      this.latest.frame.shares.forEach((share, place) => {
        share.live += first[place] ?? 0
      })
    } else this.latest = { origin, frame: window.start(origin, first) }
    return this.latest.frame
  }

  /**
   * Puts a copy on every edge of a port`,
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a dropped item is not in the books',
    what: '`dropped` does not count what a node left out.',
    changes: [{ file: 'settling-node.ts', search: 'this.counters.dropped++', replace: '{}' }],
    caughtBy: chains,
  },
  {
    name: 'a tuple is one packet in the books',
    what: 'A tuple counts as one packet, and not as many as it has parts.',
    changes: [
      { file: 'packet.ts', search: 'return this.parts === undefined ? 1 : this.parts.length', replace: 'return 1' },
    ],
    caughtBy: diamonds,
  },
]

import { credits, diamonds, earlyVerdicts, tupleVerdicts, verdicts } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in what a ledger says. */
export const VERDICTS: readonly Mutant[] = [
  {
    name: 'the last verdict counts, and not the worst',
    what: 'An item of which one part failed is delivered if another part is delivered later.',
    changes: [
      {
        file: 'roots.ts',
        search: 'if (SEVERITY.indexOf(mark) > SEVERITY.indexOf(this.#verdict)) this.#verdict = mark',
        replace: 'this.#verdict = mark',
      },
    ],
    caughtBy: verdicts,
  },
  {
    name: 'a failed item is "filtered"',
    what: 'An item that failed and was skipped leaves no mark.',
    changes: [
      {
        file: 'settling-node.ts',
        search: "const { request } = packet.scope\n    packet.mark('errored')",
        replace: 'const { request } = packet.scope',
      },
    ],
    caughtBy: verdicts,
  },
  {
    name: 'a verdict comes before all copies have ended',
    what: 'Of the copies of an output, one is counted.',
    changes: [
      {
        file: 'outlet.ts',
        search: 'scope.enter(Math.max(1, edges.length))',
        replace: 'scope.enter(1)',
      },
    ],
    caughtBy: verdicts,
  },
  {
    name: 'a frame that is complete when it opens is the last of its root',
    what: 'The copies of an output are counted when its frame has opened, which may have been skipped by then.',
    changes: [
      {
        file: 'outlet.ts',
        search: 'if (origin.scope.counted) this.#count(origin.scope, to)\n    ledger.add(',
        replace: 'ledger.add(',
      },
      {
        file: 'outlet.ts',
        search: 'return this.#offer(to, new Packet(value, meta, origin.scope, frame), true)',
        replace: `this.#count(origin.scope, to)
    return this.#offer(to, new Packet(value, meta, origin.scope, frame), true)`,
      },
    ],
    caughtBy: credits,
  },
  {
    name: 'a skipped frame leaves its roots without a verdict',
    what: 'What was stored for a frame that is skipped never ends.',
    changes: [
      {
        file: 'join.ts',
        search: 'release(share.frame, this.holds)\n    for (const packet of packets) packet.ended()',
        replace: 'release(share.frame, this.holds)',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'what is lost in a queue leaves its roots without a verdict',
    what: 'What waits in a queue that its consumer closes never ends.',
    changes: [
      {
        file: 'fitter.ts',
        search: 'if (host.doomed) return\n      host.ledger.release(packet.frame, tokens)\n      packet.ended()',
        replace: 'if (host.doomed) return\n      host.ledger.release(packet.frame, tokens)',
      },
    ],
    caughtBy: earlyVerdicts,
  },
  {
    name: 'doomsday gives no verdict',
    what: 'What is on its way on doomsday is counted as if it had ended there.',
    changes: [{ file: 'roots.ts', search: "root.mark('aborted')", replace: '' }],
    caughtBy: verdicts,
  },
  {
    name: 'a tuple belongs to the root of its first part',
    what: 'What becomes of a tuple that was paired by position says nothing about its other parts.',
    changes: [
      {
        file: 'packet.ts',
        search: 'return new Scope([...new Set(packets.flatMap((packet) => packet.scope.roots))], scope)',
        replace: 'return scope',
      },
    ],
    caughtBy: tupleVerdicts,
  },
]

import { chains, diamonds, failures, oneToOne, pairs } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in what is paired, and in which order it comes. */
export const PAIRING: readonly Mutant[] = [
  {
    name: 'diamonds pair by position',
    what: 'The n-th packet of one branch meets the n-th of the other, whatever they descend from.',
    changes: [{ file: 'pairing.ts', search: 'forkOf.set(join, fork)', replace: 'positional.add(join)' }],
    caughtBy: pairs,
  },
  {
    name: 'an ordered join hands frames over as they become complete',
    what: 'The order in which the outputs of the fork left is lost at the join.',
    changes: [
      {
        file: 'join.ts',
        search: 'if (!this.#o.properties.ordered) this.#decide(share)',
        replace: 'if (share) this.#decide(share)',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a tuple is in the order of arrival',
    what: 'A tuple has its parts in the order in which they came, and not in that of the graph.',
    changes: [
      {
        file: 'frames.ts',
        search: 'if (inputs.length > 0 && at(inputs, inputs.length - 1) > input) this.#sorted = false',
        replace: '',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'an ordered node lets outputs overtake',
    what: 'Outputs of several workers leave as they are ready, although the node is ordered.',
    changes: [
      {
        file: 'calling-node.ts',
        search: 'ordered ? new Turns() : undefined',
        replace: 'undefined',
      },
    ],
    caughtBy: chains,
  },
  {
    name: 'what is missing is skipped with "partial"',
    what: 'A frame with an empty input is left out, although the join takes what there is.',
    changes: [{ file: 'tuples.ts', search: "missing === 'skip' ||", replace: "missing !== 'fail' ||" }],
    caughtBy: diamonds,
  },
  {
    name: 'what is missing is undefined with "skip"',
    what: 'A frame with an empty input is handed over, although the join wants all of it.',
    changes: [{ file: 'tuples.ts', search: "missing === 'skip' ||", replace: '' }],
    caughtBy: diamonds,
  },
  {
    name: 'a frame of which nothing is left is a tuple with "partial"',
    what: 'A frame into which nothing came gives a tuple of nothing.',
    changes: [
      {
        file: 'tuples.ts',
        search: "(missing === 'skip' || share.packets.length === 0)",
        replace: "missing === 'skip'",
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'what is missing does not fail with "fail"',
    what: 'A frame with an empty input is left out, although that shall fail.',
    changes: [{ file: 'tuples.ts', search: "empty >= 0 && missing === 'fail'", replace: 'empty > inputs' }],
    caughtBy: failures,
  },
  {
    name: 'several values are one with "one"',
    what: 'Of several values of one input, all but the first are lost.',
    changes: [{ file: 'tuples.ts', search: "several >= 0 && collect === 'one'", replace: 'several > inputs' }],
    caughtBy: failures,
  },
  {
    name: 'only several values are a list with "all"',
    what: 'Where an input gave one value, the tuple has no list for it.',
    changes: [
      {
        file: 'packet.ts',
        search: 'slots.map((slot) => slot.map((part) => part.value))',
        replace: 'slots.map((slot) => (slot.length === 1 ? slot[0]?.value : slot.map((part) => part.value)))',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'the first input of a product varies fastest',
    what: 'The combinations come in another order.',
    changes: [
      {
        file: 'product.ts',
        search: 'for (let input = this.#digits.length - 1; input >= 0; input--)',
        replace: 'for (let input = 0; input < this.#digits.length; input++)',
      },
    ],
    caughtBy: failures,
  },
  {
    name: 'a product leaves out its last combination',
    what: 'One tuple of a product is missing.',
    changes: [
      {
        file: 'product.ts',
        search: 'this.tuples--\n',
        replace: 'this.tuples--\n    if (this.tuples === 1) this.tuples = 0\n',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a packet of a product is counted with its first tuple',
    what: 'A packet is worked off while other tuples with it are still to come.',
    changes: [
      {
        file: 'product.ts',
        search: 'digit === at(this.#slots, other).length - 1',
        replace: 'digit === 0',
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'the tuples of a product share one token',
    what: 'What comes behind a product is taken for complete after its first tuple.',
    changes: [
      { file: 'join.ts', search: 'this.#o.ledger.add(share.frame, this.holds, product.tuples - 1)', replace: '' },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a one-to-one node may give nothing',
    what: 'A call that drops its item is not noticed, although the node is declared one-to-one.',
    changes: [
      {
        file: 'calling-node.ts',
        search: 'if (this.exactlyOne && result === DROP) return this.failed(slot, packet, this.wrongCount(0))',
        replace: '',
      },
    ],
    caughtBy: oneToOne,
  },
  {
    name: 'a one-to-one node may give two values',
    what: 'A generator that gives a second value is not noticed, although the node is declared one-to-one.',
    changes: [{ file: 'iterate.ts', search: 'if (this.#held !== undefined) throw this.#wrong(2)', replace: '' }],
    caughtBy: oneToOne,
  },
]

import { bareRegions, fullDiamonds, of } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes between a fork and its join, where nothing carries a frame, and in giving frames when something has to. */
export const BARE_REGIONS: readonly Mutant[] = [
  {
    name: 'branches go on without frames when one of them drops an item',
    what: 'The values behind one that was dropped meet those of the item before.',
    changes: [
      {
        file: 'chain.ts',
        search: 'if (this.region !== undefined) return this.stumbles(value, { result: DROP })',
        replace: '',
      },
    ],
    caughtBy: bareRegions('of which one branch drops one item'),
  },
  {
    name: 'branches go on without frames when one of them fails',
    what: 'The values behind one that has failed, or that is waited for, meet those of another item.',
    changes: [
      { file: 'chain.ts', search: 'this.wrap(value, this.region?.frameOfCall())', replace: 'this.wrap(value)' },
    ],
    caughtBy: bareRegions('a node that throws now and then at'),
  },
  {
    name: 'branches go on without frames when one of them gets workers',
    what: 'A node of a branch with several workers may let its outputs overtake, which carry no frames.',
    changes: [{ file: 'chained-node.ts', search: 'if (count !== 1) this.chain.region?.end()', replace: '' }],
    caughtBy: bareRegions('a node that gives its node more workers from'),
  },
  {
    name: 'what is in a call gets no frame',
    what: 'The frame of the item that is in a call is given to the one behind it.',
    changes: [{ file: 'bare-region.ts', search: 'if (link.isCalling) this.#called = next()', replace: '' }],
    caughtBy: bareRegions('in which only the item changes that is waited for'),
  },
  {
    name: 'what came to a join without a frame is still on its way',
    what: 'A frame that is given to what has come already waits for it.',
    changes: [{ file: 'bare-region.ts', search: 'ledger.drop(at(frame.shares, 0))', replace: '' }],
    caughtBy: bareRegions('of which one branch drops one item'),
  },
  {
    name: 'a tuple without a frame keeps its credit',
    what: 'A join that hands over what came without frames gives no credit back.',
    changes: [{ file: 'bare-region.ts', search: 'this.#o?.window.giveBack()', replace: '' }],
    caughtBy: bareRegions('gives every item once'),
  },
  {
    name: 'a tuple without a frame is still inside',
    what: 'What was handed over gets a frame when frames are given.',
    changes: [{ file: 'bare-region.ts', search: 'this.open--\n', replace: '' }],
    caughtBy: bareRegions('of which one branch drops one item'),
  },
  {
    name: 'what waits for room gets no frame',
    what: 'Frames are given to what is in a queue, and not to what waits in front of it.',
    changes: [
      {
        file: 'queue.ts',
        search: 'this.#waiting.push({ packet: wrap(packet.value), resume })',
        replace: 'this.#waiting.push({ packet, resume })',
      },
    ],
    caughtBy: of('e2e/fusion/random-lines', 'random chains and diamonds are the same'),
  },
  {
    name: 'a fork hands out although a branch has no room',
    what: 'A fork does not look whether all of its branches can take an output now.',
    changes: [
      {
        file: 'bare-fork.ts',
        search: 'if ((next === undefined || next.state !== OPEN) && !edge.hasRoomForBare) return false',
        replace: '',
      },
    ],
    caughtBy: of('e2e/diamond-backpressure', 'of which a branch is shut'),
  },
  {
    name: 'a fork hands out one output too many without frames',
    what: 'As long as nothing carries a frame, a join may store one output more than the window of its fork allows.',
    changes: [
      {
        file: 'bare-fork.ts',
        search: 'this.#window.open >= this.#window.size',
        replace: 'this.#window.open > this.#window.size',
      },
      {
        file: 'bare-fork.ts',
        search: 'return this.#window.credit(this.#scope) === true',
        replace: 'this.#window.open++\n    return true',
      },
    ],
    caughtBy: fullDiamonds,
  },
  {
    name: 'what is still to be handed out carries no frame',
    what: 'An output whose first copies had no frame gives none to the others, although the branches have them now.',
    changes: [{ file: 'bare-fork.ts', search: 'region.active ? undefined : region.newest', replace: 'undefined' }],
    caughtBy: bareRegions('a node that gives a promise now and then at a'),
  },
  {
    name: 'what is still to be handed out gets the oldest frame',
    what: 'An output whose first copies had no frame gives the others that of the oldest item.',
    changes: [{ file: 'bare-region.ts', search: 'frames.at(-1)', replace: 'frames.at(0)' }],
    caughtBy: bareRegions('whose join waits, and of which a branch drops'),
  },
]

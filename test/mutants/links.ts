import { bareQueue, bareRegions, link } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in who may be called on the spot, what travels without a packet, and who gets which frame. */
export const LINKS: readonly Mutant[] = [
  {
    name: 'what comes overtakes what is queued',
    what: 'A node whose queue holds something is called with what comes later.',
    changes: [
      {
        file: 'chain.ts',
        search: 'if (this.between === OPEN) this.between = CLOSED\n    if (this.state === OPEN) this.state = CLOSED',
        replace: '',
      },
    ],
    caughtBy: link('behind which something is queued'),
  },
  {
    name: 'a link that is closed in its call opens again',
    what: 'That a link was closed while it was in a call is forgotten.',
    changes: [
      { file: 'chain.ts', search: 'this.isCalling ? BROKEN : CLOSED', replace: 'this.isCalling ? BUSY : CLOSED' },
    ],
    caughtBy: link('that is closed in its call'),
  },
  {
    name: 'the first node of a chain fails for the others',
    what: 'What a node in a chain throws is taken for an error of the node that the chain began with.',
    changes: [
      {
        file: 'chain.ts',
        search: 'return link.stumbles(value, { error })',
        replace: 'return this.stumbles(input, { error })',
      },
    ],
    caughtBy: link('leaves what is thrown to its node'),
  },
  {
    name: 'a bare value has the meta of the packet before it',
    what: 'The meta of a packet stays in the slot for what comes without one.',
    changes: [{ file: 'chain.ts', search: 'slot.meta = NO_META // the', replace: '// the' }],
    caughtBy: link('shows a packet its meta'),
  },
  {
    name: 'a packet among bare values loses its envelope',
    what: 'What carries meta, or belongs to a request, comes out of a queue without.',
    changes: [{ file: 'queue.ts', search: 'else if (this.bare && !plain) this.#wrapAll()', replace: '' }],
    caughtBy: bareQueue('keeps the order when a packet'),
  },
  {
    name: 'who waits for room is not let in where a bare value was',
    what: 'A value that is taken without a packet wakes nobody.',
    changes: [{ file: 'queue.ts', search: 'if (this.#waiting.size > 0) this.admit()', replace: '' }],
    caughtBy: bareQueue('wakes one who waits'),
  },
  {
    name: 'a fork hands out while it hands out',
    what: 'A fork that is made to hand out another output by a branch that it calls gives that to the others first.',
    changes: [
      { file: 'bare-region.ts', search: 'return this.active && !this.#isSpreading', replace: 'return this.active' },
    ],
    caughtBy: bareRegions('into whose source one of its nodes puts'),
  },
  {
    name: 'frames are given from the fork on',
    what: 'What is farthest in a branch gets the frame of the newest output.',
    changes: [{ file: 'bare-region.ts', search: 'steps.toReversed()', replace: 'steps' }],
    caughtBy: bareRegions('in which only the item changes that is waited for'),
  },
]

import { of } from './catchers.js'
import type { Mutant } from './mutant.js'

const graphs = (test: string) => of('e2e/shared-fan-out', `random graphs with nodes that share ${test}`)

/** Mistakes with outputs of which each goes to one of several successors. */
export const SHARING: readonly Mutant[] = [
  {
    name: 'a shared output is waited for by every way',
    what: 'A join behind the ways that an item has not taken waits for it all the same.',
    changes: [
      {
        file: 'sharing.ts',
        search: 'for (const other of this.#o.branches) if (other !== branch) this.#release(other, packet)',
        replace: '',
      },
    ],
    caughtBy: graphs('give every item once'),
  },
  {
    name: 'a shared output goes to everybody that has room by and by',
    what: 'An output that waited for room goes to one successor, and later to the others too.',
    changes: [
      {
        file: 'sharing.ts',
        search: 'for (const { edge, waiting } of waits) if (edge !== branch.edge) edge.forget(waiting)',
        replace: '',
      },
    ],
    caughtBy: graphs('give every item once'),
  },
  {
    name: 'a shared output that nobody wants is waited for',
    what: 'A join waits for an output that none of the successors has taken.',
    changes: [
      {
        file: 'sharing.ts',
        search: 'for (const branch of this.#o.branches) this.#release(branch, packet)',
        replace: '',
      },
    ],
    caughtBy: graphs('end well where ways want no more after some'),
  },
  {
    name: 'a shared output is let go by the first who wants no more',
    what: 'An output that waits is let go when one of the successors closes its edge.',
    changes: [{ file: 'sharing.ts', search: 'if (!accepted && left > 0) return', replace: '' }],
    caughtBy: of('core/sharing', 'is gone when all of them want no more'),
  },
  {
    name: 'shared outputs have no turns',
    what: 'The first successor gets everything that it has room for.',
    changes: [
      {
        file: 'sharing.ts',
        search: 'this.#turn = (branches.indexOf(branch) + 1) % branches.length',
        replace: 'this.#turn = 0 * branches.indexOf(branch)',
      },
    ],
    caughtBy: of('core/sharing', 'goes to one of them, in turn'),
  },
]

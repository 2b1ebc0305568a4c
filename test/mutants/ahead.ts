import { of } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in calls that a runner gets ahead of its answers. */
export const AHEAD: readonly Mutant[] = [
  {
    name: 'a call ahead is over as soon as it is answered',
    what: 'What waits for room does not count, so that nothing holds the node back.',
    changes: [
      {
        file: 'ahead-calls.ts',
        search: 'const { packet } = slot',
        replace: 'const { packet } = slot\n      this.#inFlight--',
      },
      {
        file: 'ahead-calls.ts',
        search: '    this.#inFlight--\n    this.#owner.ended',
        replace: '    this.#owner.ended',
      },
    ],
    caughtBy: of('core/ahead-calls', 'until what they gave has left'),
  },
  {
    name: 'answers are handed on in the scope of who brings them',
    what: 'What follows a call ahead runs in the async context of a message.',
    changes: [
      { file: 'ahead-calls.ts', search: 'this.#owner.host.scope.run(this.#settle, this)', replace: 'this.#settle()' },
    ],
    caughtBy: of('core/ahead-calls', 'in the scope of the run'),
  },
  {
    name: 'calls ahead are begun while paused',
    what: 'A pause stops only bursts that are asked for later.',
    changes: [
      {
        file: 'processor.ts',
        search: 'const mayTake = this.running && this.wanted && !this.bursts.paused && this.inlet.ready',
        replace: 'const mayTake = this.running && this.inlet.ready',
      },
      { file: 'bursts.ts', search: '    this.#queue?.pause()\n', replace: '' },
    ],
    caughtBy: of('core/ahead-calls', 'are not begun while paused'),
  },
]

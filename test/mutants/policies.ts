import { of } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in what becomes of items that fail, and in how often calls may start. */
export const POLICIES: readonly Mutant[] = [
  {
    name: 'a dead letter leaves before all attempts',
    what: 'With `onError: "route"` an item is not tried again.',
    changes: [
      {
        file: 'trying-node.ts',
        search: 'if (sent || !this',
        replace: "if (sent || this.plan.properties.onError === 'route' || !this",
      },
    ],
    caughtBy: of('e2e/dead-letters', 'Retries come first'),
  },
  {
    name: 'a dead letter does not tell the meta of its item',
    what: 'The letter has no `meta`.',
    changes: [{ file: 'settling-node.ts', search: 'attempts }, input, meta }', replace: 'attempts }, input }' }],
    caughtBy: of('e2e/dead-letters', 'is the error, the input and its meta'),
  },
  {
    name: 'a dead letter has no meta',
    what: 'The packet of a letter does not inherit the meta of its item.',
    changes: [{ file: 'settling-node.ts', search: 'ERROR, letter, meta)', replace: 'ERROR, letter, {})' }],
    caughtBy: of('e2e/dead-letters', 'is the error, the input and its meta'),
  },
  {
    name: 'a dead letter leaves its region',
    what: 'A letter does not belong to the frame of its item.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'this.outlet.send(packet, ERROR',
        replace: `this.outlet.send(
      Object.create(packet, { frame: { value: packet.frame?.parent } }), ERROR`,
      },
    ],
    caughtBy: of('e2e/dead-letters', 'a dead letter that is mended comes together'),
  },
  {
    name: 'a routed item is not counted down',
    what: 'An item that left as a dead letter keeps its tokens.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'this.#leftOut(packet, error)\n    this.#over(packet)',
        replace: 'this.#leftOut(packet, error)\n    if (!this.doomed) packet.ended()',
      },
    ],
    caughtBy: of('e2e/dead-letters', 'a branch that ends at a dead letter closes its part'),
  },
  {
    name: 'a dead letter is "errored"',
    what: 'The verdict on an item does not say that its letter was accepted.',
    changes: [
      {
        file: 'settling-node.ts',
        search: "packet.mark(accepted ? 'deadLettered' : 'errored')",
        replace: "packet.mark('errored')",
      },
    ],
    caughtBy: of('e2e/dead-letters', 'the verdict on an item that left as a dead letter'),
  },
  {
    name: 'a letter that nobody took is delivered',
    what: 'An item whose letter nobody wanted is "deadLettered".',
    changes: [
      {
        file: 'settling-node.ts',
        search: "packet.mark(accepted ? 'deadLettered' : 'errored')",
        replace: "packet.mark('deadLettered')",
      },
    ],
    caughtBy: of('e2e/dead-letters', 'that is done takes no more'),
  },
  {
    name: 'a letter that nobody got on doomsday is lost without a word',
    what: 'A dead letter that waits for room on doomsday is not listed.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'if (!accepted && this.doomed) this.host.lost(this.name, packet)',
        replace: '',
      },
    ],
    caughtBy: of('e2e/items-left', 'a dead letter that waits for room on doomsday'),
  },
  {
    name: 'a dead letter overtakes',
    what: 'The letters of several workers leave as they fail, although the node is ordered.',
    changes: [
      {
        file: 'calling-node.ts',
        search: "if (this.policyOf(failure) !== 'fail' && !slot.lapsed) await this.#turn(slot)",
        replace: '',
      },
    ],
    caughtBy: of('e2e/dead-letters', 'leave in the order of the items'),
  },
  {
    name: 'an item that is left out is not told of',
    what: 'An item that was skipped or routed is in no list and no event.',
    changes: [{ file: 'settling-node.ts', search: 'this.host.skip(error)', replace: '' }],
    caughtBy: of('e2e/retry', 'to the end is told once, and listed once'),
  },
  {
    name: 'the budget of errors is one too small',
    what: 'As many failures as are allowed end the run.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'const exceeded = ',
        replace: 'this.#failures?.note()\n    const exceeded = ',
      },
    ],
    caughtBy: of('e2e/error-budget', 'lets as many fail as it says'),
  },
  {
    name: 'the budget of errors is not used up',
    what: 'Failures do not count.',
    changes: [{ file: 'settling-node.ts', search: 'this.#failures?.note()', replace: '' }],
    caughtBy: of('e2e/error-budget', 'ends the run at the failure after those'),
  },
  {
    name: 'the error that ends the run is routed',
    what: 'A failure beyond the budget leaves as a dead letter.',
    changes: [
      {
        file: 'settling-node.ts',
        search: "return exceeded ? 'fail' : this.policyOf(error)",
        replace: `const policy = this.policyOf(error)
    return exceeded && policy !== 'route' ? 'fail' : policy`,
      },
    ],
    caughtBy: of('e2e/error-budget', 'turns "route" into "fail" as well'),
  },
  {
    name: 'what runs out of time does what any failure does',
    what: '`onTimeout` has no effect.',
    changes: [
      {
        file: 'settling-node.ts',
        search: "code === 'PLB_NODE_TIMEOUT' ? onTimeout : onError",
        replace: "code === 'PLB_NODE_FAILED' ? onError : (onError ?? onTimeout)",
      },
    ],
    caughtBy: of('e2e/timeouts', 'leaves out what runs out of time'),
  },
  {
    name: 'one more may happen than the log allows',
    what: 'A sliding log lets one more through in every stretch of time.',
    changes: [{ file: 'rate.ts', search: 'this.#times.size < count', replace: 'this.#times.size <= count' }],
    caughtBy: of('e2e/rate-limit', 'lets so many calls start at once'),
  },
  {
    name: 'starts are counted per interval',
    what: 'A stretch of time around the end of an interval holds twice as many starts.',
    changes: [
      {
        file: 'rate.ts',
        search: 'break\n      this.#times.shift()',
        replace: 'break\n      while (this.#times.size > 0) this.#times.shift()',
      },
    ],
    caughtBy: of('e2e/rate-limit', 'looks at every stretch of time'),
  },
  {
    name: 'who waited for the rate starts without another look',
    what: 'Two workers that wait for one start both have it.',
    changes: [{ file: 'processor.ts', search: 'while (this.startDelayMs > 0', replace: 'if (this.startDelayMs > 0' }],
    caughtBy: of('e2e/rate-limit', 'has one start for two workers'),
  },
  {
    name: 'the rate is looked at before something is waited for',
    what: 'Workers that are free at the same moment all have the same start.',
    changes: [
      {
        file: 'processor.ts',
        search: '&& this.running) await this.untilAllowed(slot)\n',
        replace: '&& this.running) await this.untilAllowed(slot)\n        await undefined\n',
      },
    ],
    caughtBy: of('e2e/rate-limit', 'has one start for workers that are free at the same moment'),
  },
  {
    name: 'further attempts are free',
    what: 'Attempts after the first do not wait for the rate.',
    changes: [
      {
        file: 'trying-node.ts',
        search: 'while (this.startDelayMs > 0 && this.#goesOn(slot)) await this.untilAllowed(slot)',
        replace: '',
      },
    ],
    caughtBy: of('e2e/rate-limit', 'an attempt that waits for the rate is not too slow'),
  },
  {
    name: 'a start that is waited for is made although all is over',
    what: 'An item that waits for the rate is called although the run has ended meanwhile.',
    changes: [
      {
        file: 'processor.ts',
        search: `if (!this.#mayTake()) {
          this.#places?.giveBack()
          return
        }
      }
      if (this.stretches) {`,
        replace: '}\n      if (this.stretches) {',
      },
    ],
    caughtBy: of('e2e/rate-limit', 'does not start while the pipeline is paused', 'is let go at once'),
  },
]

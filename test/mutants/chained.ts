import { bareQueue, bareRegions, link, of } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in calling a node on the stack of the one before it, and in what comes without packets. */
export const CHAINED: readonly Mutant[] = [
  {
    name: 'what comes overtakes what was queued during a call',
    what: 'A node in front of which something was queued while it was in a call is open again after that.',
    changes: [{ file: 'chain.ts', search: 'if (this.between === OPEN) this.between = CLOSED', replace: '' }],
    caughtBy: of('e2e/fusion/mixed', 'a coroutine that puts into its own source from'),
  },
  {
    name: 'a link that is closed while its result leaves opens again',
    what: 'That a link was closed behind its call is forgotten.',
    changes: [
      {
        file: 'chain.ts',
        search: "if (typeof sent !== 'boolean' || this.state !== BUSY) return this.goesOn(this.wrap(value), { sent })",
        replace: "if (typeof sent !== 'boolean') return this.goesOn(this.wrap(value), { sent })",
      },
    ],
    caughtBy: link('that is closed while its result leaves'),
  },
  {
    name: 'what is dropped in a chain goes on',
    what: 'DROP is handed to the next node of the chain.',
    changes: [{ file: 'chain.ts', search: 'if (result === DROP) return link.drops(value)', replace: '' }],
    caughtBy: link('counts what is dropped'),
  },
  {
    name: 'a drop is an output in the books',
    what: 'What a node in a chain drops is counted as emitted.',
    changes: [
      {
        file: 'chain.ts',
        search: 'if (!this.outlet.leaf) this.counters.dropped++',
        replace: 'this.counters.emitted++',
      },
    ],
    caughtBy: of('e2e/fusion/stumbles', 'a node that drops now and then as the middle of a chain'),
  },
  {
    name: 'all calls of a chain have one number',
    what: 'The position in the input of a node does not change from call to call.',
    changes: [{ file: 'chain.ts', search: 'slot.index = link.taken++', replace: 'slot.index = link.taken' }],
    caughtBy: link('numbers its calls'),
  },
  {
    name: 'a fork that could not hand on at once has worked its item off twice',
    what: 'That an output has to wait is not taken back in the books.',
    changes: [{ file: 'chain.ts', search: 'counters.completed -= this.completes', replace: '' }],
    caughtBy: bareRegions('gives every item once'),
  },
  {
    name: 'what is emitted in a chain is forgotten',
    what: 'The outputs that a call in a chain makes by `ctx.emit` do not leave.',
    changes: [{ file: 'slot.ts', search: 'this.#chain?.close()', replace: '' }],
    caughtBy: of('e2e/fusion/stumbles', 'a node that emits besides now and then as the'),
  },
  {
    name: 'turns that were taken in a chain are waited for',
    what: 'An ordered node waits for the turns of calls that a link has made.',
    changes: [
      {
        file: 'chained-node.ts',
        search: 'this.skipTurnsTo(isOver || slot.lapsed ? slot.index + 1 : slot.index)',
        replace: '',
      },
      { file: 'chained-node.ts', search: 'if (leaving === undefined) this.skipTurnsTo(chain.taken)', replace: '' },
      {
        file: 'processor.ts',
        search: 'if (this.movement.active === 1) this.skipTurnsTo(this.chain.taken)',
        replace: '',
      },
    ],
    caughtBy: of('e2e/fusion/stumbles', 'a node that gives a promise now and then as the'),
  },
  {
    name: 'a call in a chain is not in progress',
    what: 'A snapshot does not count the calls that a link makes.',
    changes: [
      {
        file: 'chained-node.ts',
        search: '(this.chain.isCalling && this.slots.holdNothing ? this.chain.completes : 0)',
        replace: '0',
      },
    ],
    caughtBy: of('e2e/fusion/from-inside', 'counts the call as in progress'),
  },
  {
    name: 'requests are called like everything else',
    what: 'A coroutine is called with what was put, or with the value of a request, as if it belonged to the run.',
    changes: [
      {
        file: 'chain.ts',
        search: 'packet.scope === scope ? run(',
        replace: 'packet.weight > 0 ? run(',
      },
      {
        file: 'chained-node.ts',
        search: 'if (packet.scope === this.host.scope && !(packet instanceof Bundle)) return',
        replace: 'if (packet.weight > 0) return',
      },
    ],
    caughtBy: of('e2e/async-context', 'a coroutine sees the context of the put', 'items that wait in one queue'),
  },
  {
    name: 'a packet that is passed on the spot was never received',
    what: 'A node that is called with a packet by the one before it does not count that.',
    changes: [
      {
        file: 'chain.ts',
        search: 'if (admitted) this.counters.received++\n    else this',
        replace: 'if (!admitted) this',
      },
    ],
    caughtBy: of('e2e/fusion/mixed', 'values with meta among plain ones'),
  },
  {
    name: 'a tap does not see what goes through a chain',
    what: 'A node at which somebody looks calls the next one all the same.',
    changes: [
      { file: 'outlet.ts', search: 'this.#taps = taps\n    this.next = undefined', replace: 'this.#taps = taps' },
    ],
    caughtBy: of('e2e/fusion/from-inside', 'a tap from inside a coroutine at'),
  },
  {
    name: 'a pause leaves chains open',
    what: 'A node that is paused is called by the one before it.',
    changes: [{ file: 'chained-node.ts', search: 'super.pause()\n    this.chain.close()', replace: 'super.pause()' }],
    caughtBy: of('e2e/fusion/from-inside', 'a node behind one that pauses the run'),
  },
  {
    name: 'a source that is paused gives on',
    what: 'A source that hands on one plain value after the other does not notice a pause.',
    changes: [{ file: 'source.ts', search: 'this.close()\n    this.#resumed ??=', replace: 'this.#resumed ??=' }],
    caughtBy: of('e2e/fusion/from-inside', 'a source is not drawn from while'),
  },
  {
    name: 'what a source emits is overtaken by what it yields',
    what: 'A source that hands on one plain value after the other does not notice that it has emitted another one before.',
    changes: [{ file: 'source.ts', search: 'if (!this.#steady) return drawn', replace: '' }],
    caughtBy: of('e2e/fusion/mixed', 'stay where they are when a source emits them'),
  },
  {
    name: 'what an inlet is fed with is not in the books',
    what: 'An inlet that hands on one plain value after the other does not count what it is fed with.',
    changes: [
      {
        file: 'source.ts',
        search: 'if (fed) {\n        counters.received++\n        counters.completed++\n      }',
        replace: '',
      },
    ],
    caughtBy: of('e2e/inputs', 'goes into the only inlet'),
  },
  {
    name: 'a chain does not let the event loop go round',
    what: 'A source and the chain behind it go on for as long as there are values.',
    changes: [{ file: 'source.ts', search: 'if (pacer.due()) return AGAIN', replace: '' }],
    caughtBy: of('e2e/fusion/ends', 'does not keep the event loop from going round'),
  },
  {
    name: 'packets are taken for bare values',
    what: 'A queue in which everything got a packet is still said to hold values.',
    changes: [
      {
        file: 'queue.ts',
        search: 'this.#items.push(this.#wrap(this.#items.shift()))\n    this.bare = false',
        replace: 'this.#items.push(this.#wrap(this.#items.shift()))',
      },
    ],
    caughtBy: bareQueue('keeps the order when a packet'),
  },
  {
    name: 'a queue that held packets never holds bare values again',
    what: 'A queue that was emptied gives plain values in packets because there was another one.',
    changes: [
      { file: 'queue.ts', search: 'if (this.#items.size === 0) this.bare = plain\n    else if', replace: 'if' },
    ],
    caughtBy: bareQueue('is one again when it was emptied'),
  },
  {
    name: 'a queue that was closed takes bare values',
    what: 'What comes without a packet is put into a queue whose consumer wants no more.',
    changes: [
      {
        file: 'queue.ts',
        search: "this.#items.size < this.capacity && this.#state === 'open'",
        replace: 'this.#items.size < this.capacity',
      },
    ],
    caughtBy: bareQueue('takes none when it'),
  },
  {
    name: 'a bare value never leaves in the books',
    what: 'What is taken from a queue without a packet is not counted.',
    changes: [
      {
        file: 'queue.ts',
        search: 'const value = this.#items.shift()\n    this.left++',
        replace: 'const value = this.#items.shift()',
      },
    ],
    caughtBy: bareQueue('gives them first in, first out'),
  },
]

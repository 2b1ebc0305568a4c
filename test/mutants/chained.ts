import { of } from './catchers.js'
import type { Catcher, Mutant } from './mutant.js'

/** Tests of one link, with nothing around it. */
const link = (test: string): Catcher => of('core/chain', `a link ${test}`)
/** Tests of one queue of values without packets. */
const bareQueue = (test: string): Catcher => of('core/bare-queue', `a queue of bare values ${test}`)
/** Tests of what lies between a fork and its join, which compare it with what it is without call chains. */
const regions = (...tests: readonly string[]): Catcher => of('e2e/fusion/regions', ...tests)

/** Mistakes in calling a node on the stack of the one before it. */
export const CHAINED: readonly Mutant[] = [
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
    name: 'what comes overtakes what was queued during a call',
    what: 'A node in front of which something was queued while it was in a call is open again after that.',
    changes: [{ file: 'chain.ts', search: 'if (this.between === OPEN) this.between = CLOSED', replace: '' }],
    caughtBy: of('e2e/fusion/mixed', 'a coroutine that puts into its own source from'),
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
    caughtBy: regions('gives every item once'),
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
      { file: 'chained-node.ts', search: 'this.skipTurnsTo(slot.index)', replace: '' },
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
    name: 'a pause leaves chains open',
    what: 'A node that is paused is called by the one before it.',
    changes: [{ file: 'chained-node.ts', search: 'super.pause()\n    this.chain.close()', replace: 'super.pause()' }],
    caughtBy: of('e2e/fusion/from-inside', 'a coroutine that pauses the run for a moment'),
  },
  {
    name: 'a call in a chain is not in progress',
    what: 'A snapshot does not count the calls that a link makes.',
    changes: [
      {
        file: 'chained-node.ts',
        search: '(this.chain.isCalling && this.slots.items === 0 ? this.chain.completes : 0)',
        replace: '0',
      },
    ],
    caughtBy: of('e2e/fusion/from-inside', 'counts the call as in progress'),
  },
  {
    name: 'requests are called like everything else',
    what: 'A coroutine is called with the value of a request as if it belonged to nobody.',
    changes: [
      {
        file: 'chained-node.ts',
        search: 'if (packet.scope === this.host.scope && !(packet instanceof Bundle)) return',
        replace: 'if (packet.weight > 0) return',
      },
    ],
    caughtBy: of('e2e/fusion/mixed', 'values of requests among those of a source'),
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
    name: 'a source that is paused gives on',
    what: 'A source that hands on one plain value after the other does not notice a pause.',
    changes: [
      {
        file: 'source.ts',
        search: 'this.close()\n    this.#resumed ??=',
        replace: 'this.#resumed ??=',
      },
    ],
    caughtBy: of('e2e/fusion/from-inside', 'a coroutine that pauses the run for a moment'),
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
    caughtBy: of('e2e/pipeline', 'inlet'),
  },
  {
    name: 'a chain does not let the event loop go round',
    what: 'A source and the chain behind it go on for as long as there are values.',
    changes: [{ file: 'source.ts', search: 'if (pacer.due()) return AGAIN', replace: '' }],
    caughtBy: of('e2e/fusion/ends', 'does not keep the event loop from going round'),
  },
  {
    name: 'a packet among bare values loses its envelope',
    what: 'What carries meta, or belongs to a request, comes out of a queue without.',
    changes: [{ file: 'queue.ts', search: 'else if (this.bare && !plain) this.#wrapAll()', replace: '' }],
    caughtBy: bareQueue('keeps the order when a packet'),
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
    name: 'who waits for room is not let in where a bare value was',
    what: 'A value that is taken without a packet wakes nobody.',
    changes: [{ file: 'queue.ts', search: 'if (this.#waiting.size > 0) this.admit()', replace: '' }],
    caughtBy: bareQueue('wakes one who waits'),
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

/** Mistakes in giving the frames that nothing had to carry, between a fork and its join. */
export const REGIONS: readonly Mutant[] = [
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
    caughtBy: regions('of which one branch drops one item'),
  },
  {
    name: 'branches go on without frames when one of them fails',
    what: 'The values behind one that has failed, or that is waited for, meet those of another item.',
    changes: [
      { file: 'chain.ts', search: 'this.wrap(value, this.region?.frameOfCall())', replace: 'this.wrap(value)' },
    ],
    caughtBy: regions('a node that throws now and then at'),
  },
  {
    name: 'branches go on without frames when one of them gets workers',
    what: 'A node of a branch with several workers may let its outputs overtake, which carry no frames.',
    changes: [{ file: 'chained-node.ts', search: 'if (count !== 1) this.chain.region?.end()', replace: '' }],
    caughtBy: regions('a node that gives its node more workers from'),
  },
  {
    name: 'branches go on without frames when one of them is stopped',
    what: 'What comes by the other branches of a node that was told to stop carries no frame.',
    changes: [{ file: 'chained-node.ts', search: 'if (!doomed) this.chain.region?.end()', replace: '' }],
    caughtBy: regions('a node that closes the outputs from'),
  },
  {
    name: 'a fork hands out while it hands out',
    what: 'A fork that is made to hand out another output by a branch that it calls gives that to the others first.',
    changes: [
      { file: 'bare-region.ts', search: 'return this.active && !this.#isSpreading', replace: 'return this.active' },
    ],
    caughtBy: regions('into whose source one of its nodes puts'),
  },
  {
    name: 'frames are given from the fork on',
    what: 'What is farthest in a branch gets the frame of the newest output.',
    changes: [{ file: 'bare-region.ts', search: 'steps.toReversed()', replace: 'steps' }],
    caughtBy: regions('in which only the item changes that is waited for'),
  },
  {
    name: 'what is in a call gets no frame',
    what: 'The frame of the item that is in a call is given to the one behind it.',
    changes: [{ file: 'bare-region.ts', search: 'if (link.isCalling) this.#called = next()', replace: '' }],
    caughtBy: regions('in which only the item changes that is waited for'),
  },
  {
    name: 'what is still to be handed out gets the oldest frame',
    what: 'An output whose first copies had no frame gives the others that of the oldest item.',
    changes: [{ file: 'bare-region.ts', search: 'frames.at(-1)', replace: 'frames.at(0)' }],
    caughtBy: regions('a node that', 'of which one branch'),
  },
  {
    name: 'what came to a join without a frame is still on its way',
    what: 'A frame that is given to what has come already waits for it.',
    changes: [{ file: 'bare-region.ts', search: 'ledger.drop(at(frame.shares, 0))', replace: '' }],
    caughtBy: regions('of which one branch drops one item'),
  },
  {
    name: 'a tuple without a frame keeps its credit',
    what: 'A join that hands over what came without frames gives no credit back.',
    changes: [{ file: 'bare-region.ts', search: 'this.#o?.window.giveBack()', replace: '' }],
    caughtBy: regions('gives every item once'),
  },
  {
    name: 'a tuple without a frame is still inside',
    what: 'What was handed over gets a frame when frames are given.',
    changes: [{ file: 'bare-region.ts', search: 'this.open--\n', replace: '' }],
    caughtBy: regions('of which one branch drops one item'),
  },
  {
    name: 'what waits for room gets no frame',
    what: 'Frames are given to what is in a queue, and not to what waits in front of it.',
    changes: [
      {
        file: 'queue.ts',
        search: 'this.#waiting.push({ packet, resume })\n    }\n  }',
        replace: 'this.#waiting.push({ packet: waiting.packet, resume })\n    }\n  }',
      },
    ],
    caughtBy: regions('a node that', 'of which one branch'),
  },
  {
    name: 'what waited for room and was refused is still on its way',
    what: 'What got its frame in front of a queue that was closed then is not counted down.',
    changes: [{ file: 'queue.ts', search: 'if (!accepted) onRefused(packet)', replace: '' }],
    caughtBy: regions('a node that', 'of which one branch'),
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
    caughtBy: regions('holds the fork back'),
  },
  {
    name: 'a fork needs no credit without frames',
    what: 'What a join stores is not bounded as long as nothing carries a frame.',
    changes: [
      { file: 'bare-fork.ts', search: '|| this.#window.open >= this.#window.size', replace: '' },
      {
        file: 'bare-fork.ts',
        search: 'return this.#window.credit(this.#scope) === true',
        replace: 'this.#window.open++\n    return true',
      },
    ],
    caughtBy: regions('holds the fork back'),
  },
  {
    name: 'what is still to be handed out carries no frame',
    what: 'An output whose first copies had no frame gives none to the others, although the branches have them now.',
    changes: [
      {
        file: 'bare-fork.ts',
        search:
          'if (!region.active) took.push(put(new Packet(value, NO_META, this.#scope, region.newest)))\n      else if',
        replace: 'if',
      },
    ],
    caughtBy: regions('of which one branch drops one item'),
  },
]

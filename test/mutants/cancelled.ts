import { of } from './catchers.js'
import type { Catcher, Mutant } from './mutant.js'

/** Requests that are cancelled in one of these places. */
const cancelled = (...places: readonly string[]): Catcher =>
  of('e2e/requests-cancelled', ...places.map((place) => `a request is cancelled ${place}`))

/** Mistakes in taking out what is left of a request that is cancelled, and in settling an item once. */
export const CANCELLED: readonly Mutant[] = [
  {
    name: 'a cancelled request stays in queues',
    what: 'What waits in front of a node is not taken out.',
    changes: [{ file: 'processor.ts', search: 'return this.inlet.cancel(scope) || inCall', replace: 'return inCall' }],
    caughtBy: cancelled('in a queue'),
  },
  {
    name: 'a cancelled request still waits for room',
    what: 'An output that waits in front of a full queue is not taken out.',
    changes: [{ file: 'queue.ts', search: 'if (waited) this.withdraw(scope)', replace: '' }],
    caughtBy: of('e2e/requests-gone', 'while it waited for room'),
  },
  {
    name: 'what was taken out of a queue makes no room',
    what: 'Whoever waits for room is not let in where a packet of a cancelled request was.',
    changes: [
      {
        file: 'queue.ts',
        search: 'return true\n      })\n    this.admit()\n    return waited',
        replace: 'return true\n      })\n    return waited',
      },
    ],
    caughtBy: cancelled('in a queue'),
  },
  {
    name: 'what was taken out of a queue keeps its tokens',
    what: 'A packet of a cancelled request does not end where it is discarded.',
    changes: [
      {
        file: 'fitter.ts',
        search: 'const onDiscarded = (packet: Packet): void => {\n      host.ledger.release(packet.frame, tokens)',
        replace: 'const onDiscarded = (packet: Packet): void => {',
      },
    ],
    caughtBy: cancelled('in the store of a join, while the other branch has it in its queue'),
  },
  {
    name: 'a cancelled request stays at the inlet',
    what: 'What waits in front of an inlet is not taken out.',
    changes: [
      { file: 'feed.ts', search: 'put.settle(error)\n      found = true\n      return true', replace: 'return false' },
    ],
    caughtBy: of('e2e/requests-gone', 'while it waited at the inlet'),
  },
  {
    name: 'a cancelled request stays in the store of a join',
    what: 'What has arrived at a join stays until the rest of it has come, or ended.',
    changes: [
      {
        file: 'join.ts',
        search: 'for (const share of this.#stored()) if (taken(share)) this.#unprocessed(share)',
        replace: '',
      },
    ],
    caughtBy: of('e2e/requests-failing', 'names where it was'),
  },
  {
    name: 'a join decides on a request that was cancelled',
    what: 'What is missing of a request that was cancelled is missed, and may fail.',
    changes: [
      {
        file: 'join.ts',
        search: 'if (share.frame.scope.counted && share.frame.scope.request?.over === true) {',
        replace: 'if (share.frame.unfinished < 0) {',
      },
    ],
    caughtBy: of('e2e/requests-gone', 'a join that must not miss anything'),
  },
  {
    name: 'a tuple of a cancelled request keeps its turn',
    what: 'A tuple that waits for its call is not taken out.',
    changes: [
      { file: 'join.ts', search: 'if (isGone) gone.push(ready)\n      return isGone', replace: 'return false' },
    ],
    caughtBy: cancelled('in a tuple that waits for the worker of the join'),
  },
  {
    name: 'a cancelled request is still multiplied',
    what: 'The tuples of a product that were not handed over are not taken back.',
    changes: [
      {
        file: 'join.ts',
        search: 'if (this.#product !== undefined && taken(this.#product.share)) this.#takeBackProduct(this.#product)',
        replace: '',
      },
    ],
    caughtBy: cancelled('between the calls of a product'),
  },
  {
    name: 'a cancelled request still waits for a credit',
    what: 'An output that waits for a credit is not taken out.',
    changes: [
      {
        file: 'pipework.ts',
        search: 'for (const window of this.#f.windows.values()) window.withdraw(scope)',
        replace: '',
      },
    ],
    caughtBy: of('e2e/requests-gone', 'while it waited for a credit'),
  },
  {
    name: 'a cancelled request stays in batches',
    what: 'What is held aside for a batch or for its key is not taken out.',
    changes: [{ file: 'gather.ts', search: 'if (gone.length > 0) this', replace: 'if (gone.length < 0) this' }],
    caughtBy: cancelled('in a batch that is not full'),
  },
  {
    name: 'a cancelled request stays in its call',
    what: 'What is in a call is not given up: the call is told, and waited for.',
    changes: [
      { file: 'settling-node.ts', search: 'this.giveUp(slot)\n      this.interrupt', replace: 'this.interrupt' },
    ],
    caughtBy: cancelled('in a call that ignores it, and returns late'),
  },
  {
    name: 'a call is not told that its request was cancelled',
    what: 'The signal of a call does not abort with its request.',
    changes: [
      { file: 'settling-node.ts', search: 'slot.clock?.end()\n    slot.tell(reason)', replace: 'slot.clock?.end()' },
    ],
    caughtBy: cancelled('in a call that obeys'),
  },
  {
    name: 'all calls of a node have one signal',
    what: 'A call of a request has the signal of the node, which does not abort alone.',
    changes: [
      { file: 'slot.ts', search: 'const alone = packet.scope.request !== undefined ||', replace: 'const alone =' },
    ],
    caughtBy: cancelled('in a call that obeys'),
  },
  {
    name: 'a batch is told as soon as one of its members is cancelled',
    what: 'A call that is made for others too is told to stop.',
    changes: [{ file: 'settling-node.ts', search: 'if (packet.left.length > 0) continue', replace: '' }],
    caughtBy: of('e2e/requests-cancelled', 'is told when all its members are cancelled'),
  },
  {
    name: 'a result that nobody wants is handed on',
    what: 'What a call gives after its item was given up is sent, and settles the item again.',
    changes: [
      {
        file: 'calling-node.ts',
        search: 'if (slot.lapsed || this.doomed) return this.#late(slot)',
        replace: 'if (this.doomed) return this.#late(slot)',
      },
      { file: 'calling-node.ts', search: 'if (slot.lapsed) return\n    const { next }', replace: 'const { next }' },
      {
        file: 'calling-node.ts',
        search: 'if (slot.lapsed) {\n      this.counters.late++\n      return\n    }\n    slot.gave',
        replace: 'slot.gave',
      },
    ],
    caughtBy: cancelled('in a call that ignores it, and returns late'),
  },
  {
    name: 'an item that was settled can be given up',
    what: 'A request that is cancelled just after one of its items was worked off finds it in its slot, and counts it again.',
    changes: [
      {
        file: 'calling-node.ts',
        search: 'slot.lapsed = true\n    if (packet.scope.counted)',
        replace: 'if (packet.scope.counted)',
      },
    ],
    caughtBy: of('e2e/requests-cancelled', 'through a node that could route', 'through a generator that shares'),
  },
  {
    name: 'an item that has failed can be given up',
    what: 'A request that is cancelled while its letter waits for room counts the item again.',
    changes: [{ file: 'calling-node.ts', search: 'slot.lapsed = true\n    const batch', replace: 'const batch' }],
    caughtBy: of('e2e/requests-cancelled', 'in the queue of a dead-letter branch', 'through a dead-letter branch'),
  },
  {
    name: 'an item that is given up is given up again',
    what: 'An item whose call goes on is counted again when its node ends.',
    changes: [{ file: 'node.ts', search: 'slot.lapsed = true\n    this.givenUp', replace: 'this.givenUp' }],
    caughtBy: cancelled('in a call that ignores it, and returns late'),
  },
  {
    name: 'a turn that is over is passed again',
    what: 'A call that returns after its item was given up passes on the turn of another one.',
    changes: [
      {
        file: 'turns.ts',
        search: 'if (turn === this.#next) this.#done()',
        replace: 'if (turn <= this.#next) this.#done()',
      },
    ],
    caughtBy: of('core/turns-passed', 'a turn that is over may be passed again'),
  },
  {
    name: 'an item that is given up keeps its turn',
    what: 'Where the call of a cancelled request goes on, the outputs behind it wait.',
    changes: [
      {
        file: 'calling-node.ts',
        search: 'super.giveUp(slot)\n    this.#turns?.pass(slot.index)',
        replace: 'super.giveUp(slot)',
      },
    ],
    caughtBy: cancelled('in a call that later ones of an ordered node wait for'),
  },
  {
    name: 'the outputs of a cancelled request go on',
    what: 'What a call gives for a request that is over is handed on.',
    changes: [
      {
        file: 'outlet.ts',
        search: 'if (origin.scope.counted && origin.scope.request?.over === true) return false',
        replace: '',
      },
    ],
    caughtBy: of('e2e/requests-many', 'beside others, cancelled or not (diamonds)'),
  },
  {
    name: 'a request that is cancelled is "filtered"',
    what: 'The verdict on a cancelled request does not say so.',
    changes: [{ file: 'request.ts', search: "this.mark('aborted')", replace: '' }],
    caughtBy: of('e2e/requests', 'counts the verdicts of requests'),
  },
  {
    name: 'a call for a request that has gone keeps a batch waiting',
    what: 'A batch waits for a call of which nothing can come any more.',
    changes: [
      { file: 'movement.ts', search: 'this.blocked + this.stuck + this.deaf', replace: 'this.blocked + this.stuck' },
    ],
    caughtBy: cancelled('where a batch waits for it alone'),
  },
  {
    name: 'a slot is free before its cancelled call has returned',
    what: 'A worker whose item was given up takes the next one while its call goes on.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'this.movement.deaf++',
        replace: 'this.movement.active--\n    this.pool.concurrency++\n    this.waits()',
      },
      {
        file: 'processor.ts',
        search: 'this.movement.deaf--',
        replace: 'this.movement.active++\n        this.pool.concurrency--',
      },
    ],
    caughtBy: cancelled('in a call that ignores it, and returns late'),
  },
  {
    name: 'what is taken out of a partition keeps its place on the way there',
    what: 'With `packetsInFlight` a packet that was held aside and given up counts for ever.',
    changes: [
      {
        file: 'gather.ts',
        search: 'this.#giveUp(packet)\n      this.inner.ask(packet)',
        replace: 'this.#giveUp(packet)',
      },
    ],
    caughtBy: of('e2e/requests-cancelled', 'a request is cancelled'),
  },
  {
    name: 'an output that is taken back keeps its place',
    what: 'With `packetsInFlight` an output that waited for room and was withdrawn counts for ever.',
    changes: [
      {
        file: 'in-flight-queue.ts',
        search: 'this.#placed = Math.max(0, this.#placed - (before - super.crowd))',
        replace: 'this.#placed = Math.min(this.#placed, before)',
      },
    ],
    caughtBy: of('e2e/requests-cancelled', 'a request is cancelled'),
  },
  {
    name: 'a place that a cancelled packet had is not given on',
    what: 'A producer that waits for a place is not told when a packet is taken out of the queue.',
    changes: [
      {
        file: 'in-flight-queue.ts',
        search: 'super.admit()\n    while (',
        replace: 'super.admit()\n    while (this.#inWork > 0 && ',
      },
    ],
    caughtBy: of('e2e/requests-cancelled', 'a request is cancelled'),
  },
  {
    name: 'a trace does not tell of calls that were cancelled',
    what: 'A call whose item was given up is no step.',
    changes: [
      {
        file: 'calling-node.ts',
        search: "if (slot.packet !== undefined && !slot.lapsed) this.trace(slot, slot.packet, 'cancelled')",
        replace: '',
      },
    ],
    caughtBy: of('e2e/requests', 'tells of a call that was cancelled'),
  },
]

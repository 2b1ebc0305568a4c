import { of } from './catchers.js'
import type { Catcher, Mutant } from './mutant.js'

/** One packet of a request in one or two links. */
const counted = (test: string): Catcher => of('core/chain', `a packet that is counted ${test}`)
/** Requests through a line of nodes, with and without call chains. */
const asked = (...tests: readonly string[]): Catcher => of('e2e/fusion/requests', ...tests)

/** Mistakes in calling nodes on one stack with what is counted: requests, and the items of a run with a ledger. */
export const COUNTED: readonly Mutant[] = [
  {
    name: 'an output in a chain is counted too late',
    what: 'That an output is on its way is counted when what it descends from has ended: its root is settled in between.',
    changes: [
      { file: 'packet.ts', search: 'scope.enter(1)\n    scope.accepted()', replace: 'scope.accepted()' },
      { file: 'chain.ts', search: 'if (admitted) this', replace: 'packet.scope.enter(1)\n    if (admitted) this' },
    ],
    caughtBy: counted('goes from link to link'),
  },
  {
    name: 'what was given up in a chain goes on',
    what: 'A call in a chain whose request was cancelled meanwhile is worked off like any other one.',
    changes: [{ file: 'chain.ts', search: '(!isPlain || slot.lapsed) &&', replace: '!isPlain &&' }],
    caughtBy: asked('by the function, which gives a value then at b'),
  },
  {
    name: 'what was given up while its output left is worked off',
    what: 'An item whose request was cancelled by whoever took the output is settled again.',
    changes: [
      {
        file: 'chain.ts',
        search: 'this.state !== BUSY || this.slot.lapsed) return',
        replace: 'this.state !== BUSY) return',
      },
    ],
    caughtBy: asked('by whoever takes its output'),
  },
  {
    name: 'what a trace tells of can be given up',
    what: 'A request that is cancelled by whoever hears of a call in a chain finds the item in that call, and counts it again.',
    changes: [
      {
        file: 'chain.ts',
        search:
          "slot.packet = undefined\n    slot.meta = NO_META // the next one may come bare\n    if (packet.scope.request !== undefined) owner.trace(slot, packet, 'completed')",
        replace:
          "slot.meta = NO_META // the next one may come bare\n    if (packet.scope.request !== undefined) owner.trace(slot, packet, 'completed')\n    slot.packet = undefined",
      },
    ],
    caughtBy: asked('by whoever hears of the call'),
  },
  {
    name: 'a request that is over is called on',
    what: 'The next node of a chain is called for a request that was cancelled by whoever heard of the call before.',
    changes: [
      {
        file: 'chain.ts',
        search: 'this.state === OPEN && packet.scope.request?.over !== true',
        replace: 'this.state === OPEN',
      },
    ],
    caughtBy: asked('by whoever hears of the call'),
  },
  {
    name: 'a link that was closed meanwhile is called',
    what: 'The next node of a chain is called although somebody has paused it when he heard of the call before.',
    changes: [
      {
        file: 'chain.ts',
        search: 'this.state === OPEN && packet.scope.request?.over !== true',
        replace: 'packet.scope.request?.over !== true',
      },
    ],
    caughtBy: counted('is not called with where its request is over by then'),
  },
  {
    name: 'what comes too late for a chain is never taken out',
    what: 'An output of a request that was cancelled meanwhile waits in the queue for its call.',
    changes: [
      {
        file: 'queue.ts',
        search: 'if (packet.scope.request?.over === true) this.discard(packet.scope)',
        replace: '',
      },
    ],
    caughtBy: asked('by whoever hears of the call'),
  },
  {
    name: 'a node that was ended by a trace is not told that its call is over',
    what: 'A node that is closed while a request hears of its call waits for that call until its grace is over.',
    changes: [
      { file: 'chain.ts', search: 'return isClosed ? this.goesOn(packet, WORKED_OFF) : undefined', replace: 'return' },
    ],
    caughtBy: counted('leaves to its node that the link was closed'),
  },
  {
    name: 'what comes behind a call that was given up waits for its turn',
    what: 'The turn of a call in a chain that was given up never ends.',
    changes: [
      {
        file: 'chained-node.ts',
        search: 'isOver || slot.lapsed ? slot.index + 1 : slot.index',
        replace: 'slot.index',
      },
    ],
    caughtBy: asked('a request that is cancelled by the function, which gives a promise then'),
  },
  {
    name: 'a call in a chain has the signal of the one before',
    what: 'What a call leaves in its slot is there for the next one.',
    changes: [
      {
        file: 'chain.ts',
        search: 'slot.begin(packet, link.taken++)',
        replace:
          'slot.packet = packet\n      slot.meta = packet.meta\n      slot.lapsed = false\n      slot.index = link.taken++',
      },
    ],
    caughtBy: counted('has a signal of its own'),
  },
  {
    name: 'a trace does not tell of calls in a chain',
    what: 'Of the calls that are made on one stack a request hears nothing.',
    changes: [
      {
        file: 'chain.ts',
        search: "if (packet.scope.request !== undefined) owner.trace(slot, packet, 'completed')",
        replace: '',
      },
    ],
    caughtBy: asked('is told of before the next one begins'),
  },
  {
    name: 'a request that goes through a chain was never accepted',
    what: 'That a node was called with the value of a request is not noted: cancelled, it is as if it had never been.',
    changes: [{ file: 'packet.ts', search: 'scope.accepted()\n    scope.request', replace: 'scope.request' }],
    caughtBy: asked('by the function, which gives a value then'),
  },
  {
    name: 'who calls on the spot is the context of what follows',
    what: 'A node that goes on by itself does so in the async context of whoever has called it on the spot.',
    changes: [
      {
        file: 'processor.ts',
        search: 'this.host.scope.run(() => this.#burst({ slot, end }), undefined).catch',
        replace: 'this.#burst({ slot, end }).catch',
      },
    ],
    caughtBy: of('e2e/async-context', 'what comes behind an item that was called with on the spot'),
  },
  {
    name: 'who cancels at once comes too late',
    what: 'A request that can be cancelled has its answer before whoever made it can do so.',
    changes: [
      {
        file: 'requests.ts',
        search: 'if (error === undefined && !this.way.recallable)',
        replace: 'if (error === undefined)',
      },
    ],
    caughtBy: of('e2e/requests-cancelled', 'that aborts at once, before anything could move'),
  },
  {
    name: 'a request that fails while it is handed on was never there',
    what: 'Whether anybody has accepted a request is looked at while it is on its way to him.',
    changes: [
      {
        file: 'requests.ts',
        search: 'else queueMicrotask(() => this.#isOver(error))',
        replace: 'else this.#isOver(error)',
      },
    ],
    caughtBy: of('e2e/requests-failing', 'where its key is looked up'),
  },
  {
    name: 'who is through lets the next one in on the same stack',
    what: 'Requests that wait for each other need the more stack the more of them there are.',
    changes: [{ file: 'requests.ts', search: 'queueMicrotask(this.#call)', replace: 'this.#call()' }],
    caughtBy: asked('that waits until another one is through'),
  },
  {
    name: 'a root that has ended is still listed',
    what: 'The neighbour before a root does not learn that it has left.',
    changes: [
      {
        file: 'roots.ts',
        search: 'if (previous !== undefined) previous.next = next',
        replace: 'if (previous !== undefined) previous.next = root',
      },
    ],
    caughtBy: of('core/roots', 'in order, whichever leaves first'),
  },
]

import { of } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in telling whether a run stands still, and in what is left behind by one that has ended. */
export const STANDING_STILL: readonly Mutant[] = [
  {
    name: 'a run that may stand still is looked at once',
    what: 'A run that was found to move is never looked at again.',
    changes: [{ file: 'stall.ts', search: 'this.#look = undefined\n      const', replace: 'const' }],
    caughtBy: of('e2e/stalls', 'also when what could still have moved it goes last'),
  },
  {
    name: 'a run that stands still is not looked at',
    what: 'A run in which nothing can move stays as it is.',
    changes: [{ file: 'movement.ts', search: 'this.onRest()\n    this.#host.rested()', replace: 'this.onRest()' }],
    caughtBy: of('e2e/stalls', 'and names who waits for whom, from the source on'),
  },
  {
    name: 'a batch that waits for its time is a stall',
    what: 'The timer of a batch is forgotten when it is asked what can move.',
    changes: [
      {
        file: 'processor.ts',
        search: '|| this.#scheduled || this.inlet.timed === true',
        replace: '|| this.#scheduled',
      },
    ],
    caughtBy: of('e2e/stalls', 'is no stall, however long it takes'),
  },
  {
    name: 'a slow onOutput is a stall',
    what: 'That an output is in the hands of the caller is forgotten.',
    changes: [{ file: 'stall.ts', search: 'waiting > 0 && !expecting &&', replace: 'waiting > 0 &&' }],
    caughtBy: of('e2e/stalls', 'an onOutput, or a reader of a stream'),
  },
  {
    name: 'a pause is a stall',
    what: 'That the run was paused is forgotten.',
    changes: [{ file: 'network.ts', search: 'return !this.#paused && (', replace: 'return (' }],
    caughtBy: of('e2e/stalls', 'a pause ends, in which it came to rest'),
  },
  {
    name: 'an inlet that is open is a stall',
    what: 'That something may still be put in is forgotten.',
    changes: [
      { file: 'pipework.ts', search: 'node.resting && !(node instanceof Feed && node.open)', replace: 'node.resting' },
    ],
    caughtBy: of('e2e/stalls', 'an inlet that stays empty'),
  },
  {
    name: 'a node that is about to end is a stall',
    what: 'The grace of calls, and teardowns that take their time, are forgotten.',
    changes: [
      {
        file: 'node.ts',
        search: "return !this.#tearingDown && (this.state !== 'stopping' || this.movement.onlyWaits)",
        replace: 'return this.name.length > 0',
      },
    ],
    caughtBy: of('e2e/stalls', 'a worker that is lost when its consumers are done', 'an executor that warms up'),
  },
  {
    name: 'requests that will give up are a stall',
    what: 'That a request has a time of its own is forgotten.',
    changes: [{ file: 'network.ts', search: '|| this.#requests?.expecting === true', replace: '' }],
    caughtBy: of('e2e/stalls', 'requests in front of a lost worker'),
  },
  {
    name: 'a batch that could be helped is a stall',
    what: 'A run in which a batch could go ahead is given up.',
    changes: [{ file: 'pipework.ts', search: '&& !this.#relief?.help()', replace: '' }],
    caughtBy: of('e2e/stalls', 'a batch that helps itself'),
  },
  {
    name: 'a call that is overdue is no stall',
    what: 'A call that ran out of time long ago is still taken for something that moves.',
    changes: [
      {
        file: 'movement.ts',
        search: 'return this.active <= this.blocked + this.stuck\n',
        replace: 'return this.active <= this.blocked\n',
      },
    ],
    caughtBy: of('e2e/stalls', 'where a call outlives its time and its grace'),
  },
  {
    name: 'who has had a turn still waits for it',
    what: 'An output that waited for its turn is still taken for one that waits when it has left.',
    changes: [{ file: 'calling-node.ts', search: 'this.movement.waitEnds()\n        try {', replace: 'try {' }],
    caughtBy: of('core/processor', 'are at most 2 whatever the calls take'),
  },
  {
    name: 'a stall is not told of',
    what: 'The event "stall" is not sent.',
    changes: [{ file: 'network.ts', search: "this.events.emit('stall', { waits: error.details.waits })", replace: '' }],
    caughtBy: of('e2e/stalls', 'tells so by the event "stall"'),
  },
  {
    name: 'what is idle is watched',
    what: 'The timer of `inactivityMs` goes on when nothing is inside any more.',
    changes: [
      { file: 'stall.ts', search: 'else if (holds) this.#arm(ms)', replace: 'else this.#arm(ms)' },
      { file: 'stall.ts', search: 'else if (!this.#watched.holds) this.#disarm()', replace: '' },
    ],
    caughtBy: of('e2e/stalls', 'leaves alone an idle pipeline'),
  },
  {
    name: 'what was idle is not watched again',
    what: 'A pipeline that was idle is not watched when something comes in.',
    changes: [{ file: 'feed.ts', search: 'this.host.stirred()', replace: '' }],
    caughtBy: of('e2e/stalls', 'watches again what was idle before'),
  },
  {
    name: 'one look that sees nothing move is enough',
    what: '`inactivityMs` is over too soon.',
    changes: [{ file: 'stall.ts', search: 'this.#still >= LOOKS', replace: 'this.#still >= 1' }],
    caughtBy: of('e2e/stalls', 'leaves alone what is slow but moves'),
  },
  {
    name: 'what waits for a time of its own is inactive',
    what: 'Delays, rates and timers of batches count as inactivity.',
    changes: [{ file: 'stall.ts', search: '&& !dozes ?', replace: '?' }],
    caughtBy: of('e2e/stalls', 'inactivityMs leaves alone'),
  },
  {
    name: 'the watch over inactivity outlives the run',
    what: 'The timer of `inactivityMs` is left behind.',
    changes: [{ file: 'stall.ts', search: 'clearTimeout(this.#timer)', replace: '' }],
    caughtBy: of('e2e/stalls', 'leaves no timer behind, whatever ends the run'),
  },
  {
    name: 'the deadline outlives the run',
    what: 'The timers of deadlines are left behind.',
    changes: [{ file: 'deadlines.ts', search: 'for (const timer of this.#timers) clearTimeout(timer)', replace: '' }],
    caughtBy: of('e2e/abort-and-deadline', 'deadline'),
  },
  {
    name: 'the run listens to its signal when it is over',
    what: 'The listener on the caller’s signal is left behind.',
    changes: [
      { file: 'deadlines.ts', search: "this.#options.signal?.removeEventListener('abort', this.#abort)", replace: '' },
    ],
    caughtBy: of('e2e/abort-and-deadline', 'listen', 'signal'),
  },
  {
    name: 'the grace of a node outlives it',
    what: 'The timer of the grace that calls get is left behind.',
    changes: [{ file: 'node.ts', search: 'return\n    clearTimeout(this.#grace)\n', replace: 'return\n' }],
    caughtBy: of('core/slot', 'is torn down once with the reason when the run is doomed'),
  },
  {
    name: 'the last worker is not torn down',
    what: 'Of the slots of a node that were set up, one is not torn down.',
    changes: [
      {
        file: 'slots.ts',
        search: 'const ends = this.ready().map(',
        replace: 'const ends = this.ready().slice(1).map(',
      },
    ],
    caughtBy: of('e2e/hooks', 'is lived once in each worker slot', 'is set-up, items, flush, tear-down'),
  },
  {
    name: 'a worker is torn down twice',
    what: 'A slot that is being torn down is torn down again when the node is given up.',
    changes: [{ file: 'slots.ts', search: 'slot.ready = false\n', replace: '' }],
    caughtBy: of('core/slot', 'whose teardown hangs'),
  },
  {
    name: 'a worker that is set up too late is not torn down',
    what: 'A slot whose setup ends when the node has been given up is not torn down.',
    changes: [
      {
        file: 'slots.ts',
        search: 'if (this.#over === undefined) return slot\n    this.tearDown(this.#over.runner, this.#over.reason)',
        replace: 'if (this.#over === undefined) return slot',
      },
    ],
    caughtBy: of('core/slot', 'is torn down even if its setup ends after'),
  },
  {
    name: 'a teardown is not told why',
    what: 'On doomsday the reason is not handed to teardowns.',
    changes: [
      { file: 'node.ts', search: 'return this.doomed ? this.#stop.reason : undefined', replace: 'return undefined' },
    ],
    caughtBy: of('e2e/hooks', 'ends at doomsday with one tear-down'),
  },
  {
    name: 'a runner is not closed',
    what: 'What an executor made for a node is not ended with it.',
    changes: [
      {
        file: 'slots.ts',
        search: 'runner?.close === undefined || this.#closed ? waits',
        replace: 'runner !== undefined || this.#closed ? waits',
      },
    ],
    caughtBy: of('core/executor', 'close'),
  },
  {
    name: 'a hook that throws is ignored',
    what: 'What setup, flush or teardown throws is lost.',
    changes: [
      { file: 'node.ts', search: 'if (!this.isAbort(error)) this.host.fail(this.failure(error, hook))', replace: '' },
    ],
    caughtBy: of('e2e/hooks', 'that throws fails the run'),
  },
  {
    name: 'a call that rejects has given nothing',
    what: 'What a call fails with is lost, and its item is worked off.',
    changes: [
      {
        file: 'processor.ts',
        search: 'leaving = failed ? this.failed(slot, packet, result) :',
        replace: 'leaving = failed ? this.settle(slot, packet, false) :',
      },
    ],
    caughtBy: of('e2e/failures', 'onError'),
  },
  {
    name: 'an onOutput that rejects is ignored',
    what: 'A promise of `onOutput` that rejects counts as one that was kept.',
    changes: [
      { file: 'delivery.ts', search: '(error) => resolve(this.#fail(error)),', replace: '() => resolve(true),' },
    ],
    caughtBy: of('core/delivery', ''),
  },
  {
    name: 'a pause is inactivity',
    what: 'The time in which a run was paused counts for `inactivityMs`.',
    changes: [
      { file: 'stall.ts', search: 'this.#disarm()\n      this.stirred()', replace: '' },
      { file: 'stall.ts', search: 'this.#host.atWork && !dozes', replace: '!dozes' },
    ],
    caughtBy: of('e2e/stalls', 'does not count a pause'),
  },
  {
    name: 'a flush does not begin afresh',
    what: 'What the last call left in its slot is taken for that of the flush.',
    changes: [{ file: 'emitting-node.ts', search: 'slot.beginAlone()', replace: '' }],
    caughtBy: of('e2e/hooks', 'flush'),
  },
]

import { of } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in how often, and for how long, an item is tried. */
export const ATTEMPTS: readonly Mutant[] = [
  {
    name: 'a slot is free before its call has returned',
    what: 'A worker whose call ran out of time takes the next item while that call goes on.',
    changes: [{ file: 'trying-node.ts', search: 'taken)\n    await this.#returned(slot)', replace: 'taken)' }],
    caughtBy: of('e2e/timeouts', 'is held until the call has returned'),
  },
  {
    name: 'another attempt does not wait for the one before',
    what: 'An item is tried again while the call that ran out of time still goes on.',
    changes: [
      {
        file: 'trying-node.ts',
        search: 'if (!(await this.#returnedInTime(slot)) && this.running) return this.failed(slot, packet, error, own)',
        replace: '',
      },
    ],
    caughtBy: of('e2e/retry', 'attempts of one item never overlap'),
  },
  {
    name: 'a call that never returns is waited for without end',
    what: 'Before another attempt the node waits for a call that ran out of time, however long it takes.',
    changes: [
      {
        file: 'trying-node.ts',
        search: 'await slot.sleep(this.host.graceMs)\n',
        replace: 'await slot.unreturned\n',
      },
    ],
    caughtBy: of('e2e/timeouts', 'has no further attempt: graceMs after'),
  },
  {
    name: 'an attempt follows an output that was handed on',
    what: 'A generator that fails after its first output is drawn again.',
    changes: [{ file: 'trying-node.ts', search: 'if (sent || !this', replace: 'if (!this' }],
    caughtBy: of('e2e/retry', 'it fails for good once something was handed on'),
  },
  {
    name: 'an attempt follows the stop of the node',
    what: 'An item is tried again although its node was told to stop.',
    changes: [
      { file: 'trying-node.ts', search: 'return this.running && !slot.lapsed', replace: 'return !slot.lapsed' },
    ],
    caughtBy: of('e2e/retry', 'a call that obeys doomsday is not made again', 'a run that ends while an item waits'),
  },
  {
    name: 'an item that was given up is tried again',
    what: 'An item of a cancelled request is tried again when its delay is over.',
    changes: [
      { file: 'trying-node.ts', search: 'return this.running && !slot.lapsed', replace: 'return this.running' },
      { file: 'trying-node.ts', search: 'slot.attempt < attempts && !slot.lapsed', replace: 'slot.attempt < attempts' },
    ],
    caughtBy: of('e2e/retry', 'a request that is cancelled'),
  },
  {
    name: 'one attempt too many is made',
    what: '`attempts` counts the further ones.',
    changes: [{ file: 'trying-node.ts', search: 'slot.attempt < attempts', replace: 'slot.attempt <= attempts' }],
    caughtBy: of('e2e/retry', 'to the end fails with the last error'),
  },
  {
    name: 'an error does not say how often was tried',
    what: 'Every failure is told as that of the first attempt.',
    changes: [
      {
        file: 'calling-node.ts',
        search: "this.failure(error, 'run', slot.attempt)",
        replace: "this.failure(error, 'run')",
      },
    ],
    caughtBy: of('e2e/retry', 'to the end fails with the last error'),
  },
  {
    name: 'extra attempts are not in the books',
    what: '`retried` stays 0.',
    changes: [{ file: 'trying-node.ts', search: 'this.counters.retried++', replace: '' }],
    caughtBy: of('e2e/retry', 'is made again until it succeeds'),
  },
  {
    name: 'the first delay is a later one',
    what: 'The delay before the second attempt is that before the third.',
    changes: [{ file: 'attempt.ts', search: 'factor ** (attempt - 1)', replace: 'factor ** attempt' }],
    caughtBy: of('e2e/retry', 'grows by the factor up to the longest'),
  },
  {
    name: 'a delay is not cut short by a stop',
    what: 'A node that is told to stop waits for the delay before the next attempt.',
    changes: [
      {
        file: 'slot.ts',
        search: 'this.#controller?.abort(reason)\n    this.stir()',
        replace: 'this.#controller?.abort(reason)',
      },
    ],
    caughtBy: of('e2e/retry', 'by doomsday settles at once, and lists it'),
  },
  {
    name: 'a delay that was cut short leaves its timer',
    what: 'The timer of a delay goes on when nobody waits for it any more.',
    changes: [{ file: 'slot.ts', search: 'clearTimeout(sleep.timer)', replace: '' }],
    caughtBy: of('e2e/retry', 'by doomsday settles at once, and lists it'),
  },
  {
    name: 'the clock of an attempt goes on when that is over',
    what: 'The timer of an attempt is left behind.',
    changes: [{ file: 'attempt.ts', search: 'this.#ended = true\n    this.stop()', replace: 'this.#ended = true' }],
    caughtBy: of('e2e/timeouts', 'leaves no timer behind, however many there are'),
  },
  {
    name: 'the clock of an attempt goes on while its result waits',
    what: 'Waiting for room or for a turn counts as time of a call.',
    changes: [{ file: 'trying-node.ts', search: 'slot.clock?.end()', replace: '' }],
    caughtBy: of('e2e/timeouts', 'waiting for room', 'waiting for a turn'),
  },
  {
    name: 'the clock of a generator goes on while its output waits',
    what: 'Waiting for room between two outputs counts as time of a call.',
    changes: [{ file: 'emitting-node.ts', search: 'clock?.stop()', replace: '' }],
    caughtBy: of('e2e/timeouts', 'the pauses of a generator between its outputs'),
  },
  {
    name: 'the clock of a generator stands after its first output',
    what: 'What a generator does after its first output takes no time.',
    changes: [{ file: 'emitting-node.ts', search: 'clock?.run()', replace: '' }],
    caughtBy: of('e2e/timeouts', 'but what it does between them adds up'),
  },
  {
    name: 'a call is not told that its time is up',
    what: 'The signal of an attempt does not abort at its timeout.',
    changes: [{ file: 'trying-node.ts', search: 'slot.tell(timeout)', replace: '' }],
    caughtBy: of('e2e/timeouts', 'keeps its signal, whatever becomes'),
  },
  {
    name: 'the next attempt has the signal of the one before',
    what: 'An attempt that follows a timeout is told to stop from the beginning.',
    changes: [
      {
        file: 'slot.ts',
        search: 'this.#emissions = undefined\n    this.#controller = undefined\n    this.#told = undefined',
        replace: 'this.#emissions = undefined',
      },
    ],
    caughtBy: of('e2e/retry', 'each attempt has its own time and its own signal'),
  },
  {
    name: 'a timeout is told as a failure',
    what: 'A timeout comes as the cause of another error.',
    changes: [{ file: 'trying-node.ts', search: 'own: timeout !== undefined', replace: 'own: false' }],
    caughtBy: of('e2e/timeouts', 'is a PLB_NODE_TIMEOUT itself'),
  },
  {
    name: 'a late result is not counted',
    what: '`late` does not count what a call gives after its timeout.',
    changes: [{ file: 'trying-node.ts', search: 'if (late) this.counters.late++', replace: '' }],
    caughtBy: of('e2e/timeouts', 'may still give a result'),
  },
  {
    name: 'a late failure is nobody’s',
    what: 'What a call rejects with after its timeout is a rejection that nobody handles.',
    changes: [
      {
        file: 'slot.ts',
        search: '() => given !== undefined,\n        () => false,',
        replace: '() => given !== undefined,',
      },
    ],
    caughtBy: of('e2e/timeouts', 'may still fail: nobody hears of that'),
  },
  {
    name: 'what a failed attempt has emitted leaves with the next one',
    what: 'The outputs that an attempt made by `ctx.emit` are kept when it fails.',
    changes: [
      { file: 'slot.ts', search: 'this.#emissions = undefined\n    this.#controller', replace: 'this.#controller' },
    ],
    caughtBy: of('e2e/retry', 'by a plain function is forgotten'),
  },
  {
    name: 'what is emitted too late leaves with the next item',
    what: 'What a call emits when its time is up stays in its slot, and is taken for an output of the next item.',
    changes: [
      { file: 'slot.ts', search: 'if (this.lapsed || this.clock?.expired === true) return\n', replace: '' },
      { file: 'slot.ts', search: 'this.#emissions = undefined\n    this.#controller', replace: 'this.#controller' },
    ],
    caughtBy: of('e2e/timeouts', 'that was held begins the next item afresh'),
  },
  {
    name: 'a generator that is out of time is not closed',
    what: 'A generator that failed, or took too long, is left where it is.',
    changes: [
      {
        file: 'emitting-node.ts',
        search: 'const closed = draw.close().catch(() => {})',
        replace: 'const closed = Promise.resolve()',
      },
    ],
    caughtBy: of('e2e/timeouts', 'and listens to nothing is closed when it yields next'),
  },
  {
    name: 'outputs are not held until the generator has ended',
    what: 'With `emit: "atomic"` outputs leave as they come.',
    changes: [{ file: 'trying-node.ts', search: "emit === 'atomic' ? [] : undefined", replace: 'undefined' }],
    caughtBy: of('e2e/atomic-emission', 'hands on nothing of a'),
  },
  {
    name: 'held outputs do not wait for their turn',
    what: 'What an atomic generator gave leaves when it has ended, although its node is ordered.',
    changes: [{ file: 'calling-node.ts', search: 'await this.#turn(slot)\n    let accepted', replace: 'let accepted' }],
    caughtBy: of('e2e/atomic-emission', 'keeps the order of items with several workers'),
  },
  {
    name: 'an attempt has a key of its own',
    what: '`ctx.idempotencyKey` is another one for each attempt.',
    changes: [
      {
        file: 'slot.ts',
        search: 'get idempotencyKey(): string {',
        replace: 'get idempotencyKey(): string {\n    if (this.attempt > 1) return crypto.randomUUID()',
      },
    ],
    caughtBy: of('e2e/idempotency-key', 'is the same for all attempts of an item'),
  },
  {
    name: 'a run has the keys of the one before',
    what: '`ctx.idempotencyKey` is the same in every run.',
    changes: [{ file: 'slot.ts', search: '#owner.host.run}', replace: '#owner.host.graceMs}' }],
    caughtBy: of('e2e/idempotency-key', 'differs from run to run'),
  },
]

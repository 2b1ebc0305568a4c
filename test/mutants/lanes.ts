import { of } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in windows over the input, in partitions, and in places that are taken beforehand. */
export const LANES: readonly Mutant[] = [
  {
    name: 'a window moves on by its whole size',
    what: 'Windows do not overlap.',
    changes: [{ file: 'window.ts', search: 'Math.min(step, size)', replace: 'size' }],
    caughtBy: of('e2e/windows', 'over 5 items, as'),
  },
  {
    name: 'a window does not leave out what is between it and the next',
    what: 'Windows that are further apart than they are long follow each other without a gap.',
    changes: [{ file: 'window.ts', search: 'Math.max(0, step - size)', replace: '0' }],
    caughtBy: of('e2e/windows', 'over 8 items, as'),
  },
  {
    name: 'an incomplete last window is left out',
    what: '`partial` has no effect.',
    changes: [
      { file: 'window.ts', search: 'return this.#window.partial && this', replace: 'return this.#gap < 0 && this' },
    ],
    caughtBy: of('e2e/windows', 'over 2 items, as'),
  },
  {
    name: 'the last window is handed over twice',
    what: 'At the end of the input what is left of the last window is another one.',
    changes: [
      {
        file: 'window.ts',
        search: 'this.#window.partial && this.#fresh > 0 &&',
        replace: 'this.#window.partial && this.#held.length > 0 &&',
      },
    ],
    caughtBy: of('e2e/windows', 'over 3 items, as'),
  },
  {
    name: 'an item is completed by each of its windows',
    what: 'Whatever is in a window is worked off with it, although others have it too.',
    changes: [{ file: 'window.ts', search: 'this.#parts.filter(this.#release)', replace: 'this.#parts' }],
    caughtBy: of('e2e/windows', 'is completed once, when the last of its windows is over'),
  },
  {
    name: 'an item is completed by the first of its windows that is over',
    what: 'A packet that no further window will have is worked off although others are still in their calls.',
    changes: [{ file: 'window.ts', search: 'return calls === 0 && !this', replace: 'return !this' }],
    caughtBy: of('e2e/windows', 'gives the same with many workers', 'of each worker may be in progress at once'),
  },
  {
    name: 'an item in a window is given up twice',
    what: 'On doomsday a packet is listed by the call that has it, and as one that waits for the next window.',
    changes: [
      { file: 'window.ts', search: 'return this.#inCalls.has(packet)', replace: 'return this.#inCalls.size < 0' },
    ],
    caughtBy: of('e2e/windows', 'is listed once at doomsday'),
  },
  {
    name: 'what waits for the next window is completed on doomsday',
    what: 'Items that no call has are worked off when the run ends, as at the end of the input.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'if (this.host.doomed) {\n      this.givenUp(packet)',
        replace: 'if (packet === undefined) {\n      this.givenUp(packet)',
      },
    ],
    caughtBy: of('e2e/windows', 'is listed once at doomsday'),
  },
  {
    name: 'what is left of the last window has no end',
    what: 'Items that no further window has are not worked off at the end of the input.',
    changes: [{ file: 'window.ts', search: 'if (!this.isInCall(packet)) this.#onPassed(packet)', replace: '{}' }],
    caughtBy: of('e2e/windows', 'over 2 items, as'),
  },
  {
    name: 'an item between two windows has no end',
    what: 'What is passed over is not worked off.',
    changes: [{ file: 'window.ts', search: 'this.#gap--\n      this.#onPassed(packet)', replace: 'this.#gap--' }],
    caughtBy: of('e2e/windows', 'is completed without a call where it is between'),
  },
  {
    name: 'an item that is passed over keeps its tokens',
    what: 'An item that needs no call is completed, but does not end.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'this.counters.completed += packet.weight\n    this.#over(packet)',
        replace: 'this.counters.completed += packet.weight',
      },
    ],
    caughtBy: of('e2e/items-left', 'has ended well'),
  },
  {
    name: 'two items of one key are in progress',
    what: 'A key does not hold back the next item that has it.',
    changes: [{ file: 'partition.ts', search: 'this.#busy.add(next.key)', replace: '' }],
    caughtBy: of('e2e/partitions', 'lets others pass as long as there is room aside'),
  },
  {
    name: 'a key is free only at the end',
    what: 'The items that wait for one of their key are not let go when that is done.',
    changes: [{ file: 'partition.ts', search: 'this.#busy.delete(this.#keys.get(packet))', replace: '' }],
    caughtBy: of('e2e/partitions', 'has one item of each key in progress'),
  },
  {
    name: 'the youngest of the free keys goes first',
    what: 'Of items of different keys the one that came last is taken.',
    changes: [
      { file: 'partition.ts', search: 'this.#line.findIndex(mayGo)', replace: 'this.#line.findLastIndex(mayGo)' },
    ],
    caughtBy: of('e2e/partitions', 'has one item of each key in progress'),
  },
  {
    name: 'an item of another key overtakes although the node is ordered',
    what: 'With several workers an item is called before one that came earlier and waits for its key.',
    changes: [
      { file: 'partition.ts', search: 'if (!this.#o.ordered) return', replace: 'if (this.#o.most > 0) return' },
    ],
    caughtBy: of('e2e/partitions', 'partitionBy'),
  },
  {
    name: 'one item too many is held aside',
    what: 'A partition holds one item more than its queue does.',
    changes: [
      {
        file: 'partition.ts',
        search: 'this.#line.length < this.#o.most',
        replace: 'this.#line.length <= this.#o.most',
      },
    ],
    caughtBy: of('e2e/partitions', 'is as much as the queue holds'),
  },
  {
    name: 'an item without a key is lost',
    what: 'An item whose key could not be told is not failed.',
    changes: [
      { file: 'chained-node.ts', search: 'void this.fault(packet, failure, 0)\n      return', replace: 'return' },
    ],
    caughtBy: of('e2e/partitions', 'that throws fails the item'),
  },
  {
    name: 'a promise in place of a key is nobody’s',
    what: 'What a promise in place of a key rejects with is a rejection that nobody handles.',
    changes: [{ file: 'chained-node.ts', search: 'key.then(undefined, () => {})', replace: '' }],
    caughtBy: of('e2e/partitions', 'a promise that rejects'),
  },
  {
    name: 'a place is given back when its packet is taken',
    what: 'With `packetsInFlight` a packet that is in work does not count.',
    changes: [{ file: 'in-flight-queue.ts', search: 'this.#inWork++\n    const', replace: 'const' }],
    caughtBy: of('e2e/packets-in-flight', 'makes exactly'),
  },
  {
    name: 'a place is never given back',
    what: 'A packet that was in work counts for ever.',
    changes: [{ file: 'in-flight-queue.ts', search: 'this.#inWork--\n    this.admit()', replace: '' }],
    caughtBy: of('e2e/packets-in-flight', 'does so also where nothing has to be waited for'),
  },
  {
    name: 'a place that is given back wakes nobody',
    what: 'Whoever waits for a place is not told that there is one.',
    changes: [{ file: 'in-flight-queue.ts', search: 'this.#inWork--\n    this.admit()', replace: 'this.#inWork--' }],
    caughtBy: of('e2e/packets-in-flight', 'does so also where nothing has to be waited for'),
  },
  {
    name: 'there is one place too many',
    what: 'One packet more than `packetsInFlight` is in flight.',
    changes: [{ file: 'in-flight-queue.ts', search: '< this.#most', replace: '<= this.#most' }],
    caughtBy: of('e2e/packets-in-flight', 'makes exactly'),
  },
  {
    name: 'a place that was taken beforehand counts twice',
    what: 'A packet that had a place before it was made needs another one.',
    changes: [
      {
        file: 'in-flight-queue.ts',
        search: 'if (this.#reserved === 0) return super.put(packet)\n    this.#reserved--',
        replace: '{}',
      },
    ],
    caughtBy: of('e2e/packets-in-flight', 'does so also where nothing has to be waited for'),
  },
  {
    name: 'a place is not taken beforehand',
    what: 'A packet is made although there is no place for it.',
    changes: [
      {
        file: 'in-flight-queue.ts',
        search: 'if (this.closed || this.#hasPlace) {',
        replace: 'if (this.closed || this.size >= 0) {',
      },
    ],
    caughtBy: of('e2e/packets-in-flight', 'keeps a whole chain in step', 'makes one step after the other'),
  },
  {
    name: 'the place of an output that was not made is lost',
    what: 'A call that gives nothing keeps the place that was taken for its output.',
    changes: [{ file: 'processor.ts', search: 'if (!slot.gave) this.#places?.giveBack()', replace: '' }],
    caughtBy: of('e2e/packets-in-flight', 'does not wait for what was never made'),
  },
  {
    name: 'the place of an output is given back twice',
    what: 'A call whose output has left gives back a place that is not its own.',
    changes: [
      {
        file: 'processor.ts',
        search: 'if (!slot.gave) this.#places?.giveBack()',
        replace: 'this.#places?.giveBack()',
      },
    ],
    caughtBy: of('e2e/packets-in-flight', 'begins exactly n calls'),
  },
  {
    name: 'an output that waits for room loses its place',
    what: 'The place that was taken beforehand is free for another one while its output waits for room.',
    changes: [{ file: 'in-flight-queue.ts', search: 'if (super.full && !this.closed) this.#placed++', replace: '' }],
    caughtBy: of('e2e/packets-in-flight', 'keeps the place of an output that waits for room'),
  },
  {
    name: 'the next item is asked for before there is a place for its output',
    what: 'A node in a chain of lock steps lets the one before it go on too early.',
    changes: [{ file: 'processor.ts', search: 'this.#places?.ask(packet)', replace: 'this.inlet.ask(packet)' }],
    caughtBy: of('e2e/packets-in-flight', 'keeps a whole chain in step', 'makes one step after the other'),
  },
  {
    name: 'who waits for a place is not let go',
    what: 'A producer that waits for a place still waits when its consumer wants no more.',
    changes: [
      {
        file: 'in-flight-queue.ts',
        search: 'for (let resume = this.#reserving.shift(); resume; resume = this.#reserving.shift()) resume()',
        replace: '',
      },
    ],
    caughtBy: of('e2e/items-left', 'who waits for a place is let go'),
  },
  {
    name: 'a stream goes on before there is a place for what it makes',
    what: 'An output is drawn and then waits for its place.',
    changes: [
      {
        file: 'emitting-node.ts',
        search: 'if (way.place?.take() === false) await way.place.taken()\n        const next',
        replace: 'const next',
      },
    ],
    caughtBy: of('e2e/packets-in-flight-streams', 'works strictly in turn', 'lets it make 1 outputs'),
  },
  {
    name: 'an instance keeps its place while it waits for an input',
    what: 'Instances of a stream wait for an input that another one gives way for, and that one for their place.',
    changes: [
      { file: 'stream-processor.ts', search: 'call.place?.giveBack()\n        const packet', replace: 'const packet' },
      { file: 'stream-processor.ts', search: 'call.place?.giveBack() // see OwnPlace', replace: '' },
    ],
    caughtBy: of('e2e/packets-in-flight-streams', 'come through'),
  },
  {
    name: 'a merge does not give places back',
    what: 'A node with several inputs does not say that a packet is worked off.',
    changes: [{ file: 'inlet.ts', search: 'this.#from.get(packet)?.giveBack()', replace: '' }],
    caughtBy: of('e2e/packets-in-flight', 'of a fan-in, each producer has n of its own', 'of a fan-in of a node'),
  },
]

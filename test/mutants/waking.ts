import { chains, credits, diamonds, fanIn, merges, setWorkers, sinks, wild } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Ends that do not arrive, wake-ups that are lost, and inputs that are forgotten. */
export const WAKING: readonly Mutant[] = [
  {
    name: 'an edge does not end',
    what: 'Of the edges of a node, the last one is not ended.',
    changes: [
      {
        file: 'outlet.ts',
        search: 'for (const { edge } of this.#o.edges) edge.end()',
        replace: 'for (const { edge } of this.#o.edges.slice(0, -1)) edge.end()',
      },
    ],
    caughtBy: chains,
  },
  {
    name: 'a node is not woken by a packet',
    what: 'A node is not woken when its empty queue gets a packet.',
    changes: [{ file: 'inlet.ts', search: 'arrived(): void {\n    this.#wake()', replace: 'arrived(): void {' }],
    caughtBy: chains,
  },
  {
    name: 'a node is not woken by an end',
    what: 'A node is not woken when its only input ends.',
    changes: [{ file: 'inlet.ts', search: 'inputEnded(): void {\n    this.#wake()', replace: 'inputEnded(): void {' }],
    caughtBy: chains,
  },
  {
    name: 'a merge is not woken by a packet',
    what: 'A node that merges is not woken when an empty input gets a packet.',
    changes: [
      { file: 'inlet.ts', search: 'this.#turns.push(input)\n    this.#wake()', replace: 'this.#turns.push(input)' },
    ],
    caughtBy: merges,
  },
  {
    name: 'a merge is not woken by an end',
    what: 'A node that merges is not woken when one of its inputs ends.',
    changes: [{ file: 'inlet.ts', search: 'this.#open--\n    this.#wake()', replace: 'this.#open--' }],
    caughtBy: merges,
  },
  {
    name: 'a join is not woken by a frame',
    what: 'A join is not woken when a frame is complete.',
    changes: [
      { file: 'join.ts', search: 'this.#ready.push(ready)\n    this.#o.wake()', replace: 'this.#ready.push(ready)' },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a join is not woken by its last frame',
    what: 'A join whose inputs have ended is not woken when the last frame is decided.',
    changes: [{ file: 'join.ts', search: 'if (this.#pending === 0) this.#o.wake()', replace: '' }],
    caughtBy: credits,
  },
  {
    name: 'a join is not woken by an end',
    what: 'A join is not woken when one of its inputs ends.',
    changes: [{ file: 'join.ts', search: 'this.#openEdges--\n    this.#o.wake()', replace: 'this.#openEdges--' }],
    caughtBy: diamonds,
  },
  {
    name: 'a stream is not woken',
    what: 'A stream coroutine that waits for an item is not woken by one.',
    changes: [
      {
        file: 'stream-processor.ts',
        search: 'for (let waiting = this.#waiting.size; waiting > 0; waiting--) this.#waiting.shift()?.()',
        replace: '',
      },
    ],
    caughtBy: wild,
  },
  {
    name: 'a burst wakes nobody at its end',
    what: 'After a burst, nobody looks whether there is more to do, or whether all is done.',
    changes: [{ file: 'processor.ts', search: 'this.waits()\n      this.burstEnded()', replace: 'this.burstEnded()' }],
    caughtBy: chains,
  },
  {
    name: 'a burst in a call starts no other one',
    what: 'While a call is in progress no other worker is started.',
    changes: [
      {
        file: 'processor.ts',
        search: 'if (isThenable(result)) {\n            this.waits()',
        replace: 'if (isThenable(result)) {',
      },
    ],
    caughtBy: sinks,
  },
  {
    name: 'a burst that waits for room starts no other one',
    what: 'While an output waits for room no other worker is started.',
    changes: [
      {
        file: 'processor.ts',
        search: 'if (leaving !== undefined) {\n        this.waits()',
        replace: 'if (leaving !== undefined) {',
      },
    ],
    caughtBy: sinks,
  },
  {
    name: 'more workers start no burst',
    what: 'A node whose workers become more does not start them.',
    changes: [
      { file: 'processor.ts', search: 'super.setWorkers(count)\n    this.waits()', replace: 'super.setWorkers(count)' },
    ],
    caughtBy: setWorkers,
  },
  {
    name: 'turns are not passed on',
    what: 'An ordered node does not let the next output leave when the one before it has left.',
    changes: [
      {
        file: 'turns.ts',
        search: '#done(): void {\n    this.#next++',
        replace: '#done(): void {\n    if (this.#waiting.size > 0) return\n    this.#next++',
      },
    ],
    caughtBy: chains,
  },
  {
    name: 'a merge keeps to one input',
    what: 'A node that merges takes from the same input as long as that holds something; the others starve.',
    changes: [
      {
        file: 'inlet.ts',
        search: 'if (queue.size > 0) this.#turns.push(input)',
        replace: `if (queue.size > 0) {
      this.#turns.push(input)
      for (let others = this.#turns.size - 1; others > 0; others--) this.#turns.push(this.#turns.shift())
    }`,
      },
    ],
    caughtBy: fanIn,
  },
]

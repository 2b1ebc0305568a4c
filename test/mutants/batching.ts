import { of } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes in batches, and in when an incomplete one goes ahead. */
export const BATCHING: readonly Mutant[] = [
  {
    name: 'the last batch is lost where it is short',
    what: 'A batch that is incomplete at the end of the input is not handed over.',
    changes: [
      { file: 'batch.ts', search: '|| this.#due || this.inner.over)', replace: '|| this.#due)' },
      {
        file: 'gather.ts',
        search: 'this.inner.over && !this.ready && this.empty',
        replace: 'this.inner.over && !this.ready',
      },
    ],
    caughtBy: of('e2e/batches', 'goes ahead when the input is ended'),
  },
  {
    name: 'a batch waits for company that never comes',
    what: 'A batch that is incomplete at the end of the input waits on.',
    changes: [{ file: 'batch.ts', search: '|| this.#due || this.inner.over)', replace: '|| this.#due)' }],
    caughtBy: of('e2e/batches-early', 'does not wait any more, and has no timer left, when the run is ended'),
  },
  {
    name: 'a batch is one item too large',
    what: 'A batch takes one item more than its size, if there is one.',
    changes: [
      {
        file: 'batch.ts',
        search: 'this.#members.length < this.#batch.size',
        replace: 'this.#members.length <= this.#batch.size',
      },
    ],
    caughtBy: of('e2e/batches', 'has all of them once, in order'),
  },
  {
    name: 'a batch counts as one item',
    what: 'The members of a batch are not counted each.',
    changes: [
      {
        file: 'packet.ts',
        search: 'return this.left.reduce((weight, member) => weight + member.weight, 0)',
        replace: 'return 1',
      },
    ],
    caughtBy: of('e2e/batches', 'counts each of its members', 'is one value for all of them'),
  },
  {
    name: 'the results of a batch are mixed up',
    what: 'The first result belongs to the last member.',
    changes: [
      { file: 'calling-node.ts', search: 'results[place])', replace: 'results[batch.members.length - 1 - place])' },
    ],
    caughtBy: of('e2e/batches', 'belongs to its members, one after the other'),
  },
  {
    name: 'the results of a batch all descend from its first member',
    what: 'Each result has the meta and the frame of the first member.',
    changes: [
      { file: 'calling-node.ts', search: 'this.send(member, results', replace: 'this.send(batch.members[0], results' },
    ],
    caughtBy: of('e2e/batches', 'does not get to the members'),
  },
  {
    name: 'a list of any length is taken for the results of a batch',
    what: 'Results that are missing are `undefined`, and those that are too many are lost.',
    changes: [{ file: 'trying-node.ts', search: 'if (count === size)', replace: 'if (count !== undefined)' }],
    caughtBy: of('e2e/batches', 'what a batch returns'),
  },
  {
    name: 'the wrong number of results is a failure of the call',
    what: 'The error says that the coroutine failed, and not that it gave too few results.',
    changes: [{ file: 'trying-node.ts', search: 'sent: false, own: true }', replace: 'sent: false, own: false }' }],
    caughtBy: of('e2e/batches', 'what a batch returns'),
  },
  {
    name: 'a batch that fails is the failure of its first member',
    what: 'Of a batch that fails all but the first member are forgotten.',
    changes: [
      {
        file: 'calling-node.ts',
        search: 'of batch?.left ?? [packet]) {',
        replace: 'of batch?.left.slice(0, 1) ?? [packet]) {',
      },
    ],
    caughtBy: of('e2e/batches', 'leaves all its members out where they are skipped'),
  },
  {
    name: 'a member of a batch is settled twice',
    what: 'A member of a batch that was given up because its request was cancelled is worked off as well.',
    changes: [{ file: 'packet.ts', search: 'this.gone.add(member)\n', replace: '' }],
    caughtBy: of('e2e/requests-cancelled', 'in a call of a batch'),
  },
  {
    name: 'the time of a batch begins with its last member',
    what: 'Whatever comes to a batch lets it wait for longer.',
    changes: [
      {
        file: 'batch.ts',
        search: 'if (maxWaitMs === undefined || this.#timer !== undefined) return',
        replace: 'if (maxWaitMs === undefined) return\n    clearTimeout(this.#timer)',
      },
    ],
    caughtBy: of('e2e/batches-early', 'goes ahead so long after its first member came'),
  },
  {
    name: 'the time of a batch goes on when that has gone ahead',
    what: 'The timer of a batch that became full is left, and strikes the next one.',
    changes: [
      {
        file: 'batch.ts',
        search: 'clearTimeout(this.#timer)\n    this.#timer = undefined',
        replace: 'this.#timer = undefined',
      },
    ],
    caughtBy: of('e2e/batches-early', 'does not wait once it is full'),
  },
  {
    name: 'a batch whose time is up waits on',
    what: '`maxWaitMs` lets nothing go.',
    changes: [
      { file: 'batch.ts', search: 'this.#timer = undefined\n      this.hurry()', replace: 'this.#timer = undefined' },
    ],
    caughtBy: of('e2e/batches-early', 'goes ahead so long after its first member came'),
  },
  {
    name: 'a batch that was told to hurry hurries for ever',
    what: 'The batches after one that went ahead incomplete go ahead with what there is.',
    changes: [{ file: 'batch.ts', search: 'this.#due = false\n', replace: '' }],
    caughtBy: of('e2e/batches-early', 'a batch that may wait for 50 ms'),
  },
  {
    name: 'a batch does not wake its node when it is to hurry',
    what: 'A batch that may go ahead waits until something else happens.',
    changes: [{ file: 'batch.ts', search: 'this.#due = true\n    this.wake()', replace: 'this.#due = true' }],
    caughtBy: of('e2e/batches-early', 'goes ahead so long after its first member came'),
  },
  {
    name: 'an incomplete batch is never helped',
    what: 'A batch that waits for a credit which waits for the batch goes ahead no more.',
    changes: [
      {
        file: 'relief.ts',
        search: 'place.batch.hurry()\n      helped = true',
        replace: '',
      },
    ],
    caughtBy: of('e2e/batches-early', 'goes ahead with as many as there can be'),
  },
  {
    name: 'an incomplete batch is helped only where all stands still',
    what: 'A batch that a request waits for is helped when nothing can move any more, and so never while an inlet is open.',
    changes: [
      {
        file: 'relief.ts',
        search: 'if (this.#look !== undefined || !this',
        replace: 'if (this.#look === undefined || !this',
      },
    ],
    caughtBy: of('e2e/batches-waiting', 'a batch to which nothing more is on its way'),
  },
  {
    name: 'an incomplete batch is helped although its region moves',
    what: 'A batch goes ahead as soon as the fork around it has no credit.',
    changes: [
      {
        file: 'relief.ts',
        search: 'window.crowd > 0 && region.every((node) => this.#rests(node))',
        replace: 'window.crowd > 0',
      },
    ],
    caughtBy: of('e2e/batches-early', 'waits while something moves in the region'),
  },
  {
    name: 'an incomplete batch is helped although the fork has credit',
    what: 'A batch goes ahead as soon as nothing moves in the region around it.',
    changes: [
      { file: 'relief.ts', search: 'window.crowd > 0 && region', replace: 'region' },
      { file: 'relief.ts', search: 'around.some(({ window }) => window.crowd > 0)', replace: 'around.length > 0' },
    ],
    caughtBy: of('e2e/batches-early', 'does not go ahead as long as the fork has credit'),
  },
  {
    name: 'only the innermost fork around a batch counts',
    what: 'A batch waits on when a fork further outside has no credit (C8).',
    changes: [
      {
        file: 'relief.ts',
        search: 'upstream: [...before(number)], around }',
        replace: `upstream: [...before(number)],
        around: around.toSorted((a, b) => a.region.length - b.region.length).slice(0, 1) }`,
      },
    ],
    caughtBy: of('e2e/batches-early', 'goes ahead when only the outermost of three forks has no credit'),
  },
  {
    name: 'a batch with a time of its own is helped',
    what: 'A batch that may wait for a time goes ahead before that.',
    changes: [{ file: 'batch.ts', search: '!this.hasNext && !this.timed', replace: '!this.hasNext' }],
    caughtBy: of('e2e/requests', 'a batch with maxWaitMs waits so long'),
  },
  {
    name: 'a batch of a request is never helped',
    what: 'A request whose item waits in an incomplete batch has to wait for others.',
    changes: [
      {
        file: 'relief.ts',
        search: 'if (batch.holdsRequest && upstream',
        replace: 'if (!batch.holdsRequest && upstream',
      },
    ],
    caughtBy: of('e2e/batches-waiting', 'a batch to which nothing more is on its way'),
  },
  {
    name: 'a batch of a request does not wait for what is on its way to it',
    what: 'A batch with a request in it goes ahead although others are about to come.',
    changes: [
      {
        file: 'relief.ts',
        search: 'upstream.every((node) => this.#isSource(node) || this.#rests(node))',
        replace: 'upstream.length > 0',
      },
    ],
    caughtBy: of('e2e/batches-waiting', 'a batch waits for an item that is several nodes away'),
  },
  {
    name: 'a batch of several is of the first',
    what: 'A batch runs in the context of its first member, which may be another user’s request.',
    changes: [
      {
        file: 'packet.ts',
        search: 'if (packets.every((packet) => packet.scope === scope)) return scope',
        replace: 'if (packets.length > 0) return scope',
      },
    ],
    caughtBy: of('e2e/requests-context', 'a call that works for several of them'),
  },
]

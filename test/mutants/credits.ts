import { chains, credits, diamonds, fullDiamonds, sinks } from './catchers.js'
import type { Change, Mutant } from './mutant.js'

/** An output uses a credit that was taken before for its input, where there is one. */
const TAKEN_BEFORE: readonly Change[] = [
  {
    file: 'outlet.ts',
    search: 'const credit = window.credit(origin.scope)',
    replace: 'const credit = origin.credits?.pop() ?? window.credit(origin.scope)',
  },
  {
    file: 'outlet.ts',
    search: '  /** Takes back an output that nobody has accepted yet',
    replace: `  get window() {
    return this.#o.window
  }

  /** Takes back an output that nobody has accepted yet`,
  },
]

/** Mistakes with the places in windows and queues. */
export const CREDITS: readonly Mutant[] = [
  {
    name: 'a skipped frame keeps its credit',
    what: 'A frame into which an input gave nothing is skipped, and its credit never comes back.',
    changes: [
      {
        file: 'join.ts',
        search: 'this.#finish(share)\n    this.#o.ledger.release(share.frame, this.holds)',
        replace: `share.state = 'done'
    this.#pending--
    if (this.#pending === 0) this.#o.wake()
    this.#o.ledger.release(share.frame, this.holds)`,
      },
    ],
    caughtBy: diamonds,
  },
  {
    name: 'a tuple that cannot be made keeps its credit',
    what: 'A frame with several values for one input fails its item, and its credit never comes back.',
    changes: [
      {
        file: 'join.ts',
        search: 'this.#finish(share)\n    if (this.#o.faultsInTurn)',
        replace: `share.state = 'done'
    this.#pending--
    if (this.#o.properties.missing === 'fail') share.frame.scope.leave()
    if (this.#pending === 0) this.#o.wake()
    if (this.#o.faultsInTurn)`,
      },
    ],
    caughtBy: credits,
  },
  {
    name: 'a frame gives its credit back when it is complete',
    what: 'The credit comes back before the tuple is handed to a call, so that a join stores without bounds.',
    changes: [
      {
        file: 'join.ts',
        search: "if (outcome === 'hand') this.#offer(share)\n",
        replace: `if (outcome === 'hand') {
      this.#offer(share)
      share.state = 'done'
      share.frame.unfinished--
      if (share.frame.unfinished === 0) share.frame.fork.close(share.frame)
    }
`,
      },
      {
        file: 'frames.ts',
        search: "share.state = 'done'\n    share.packets = NO_PACKETS\n    share.inputs = NO_INPUTS\n",
        replace: `const early = share.state === 'done'
    share.state = 'done'
    share.packets = NO_PACKETS
    share.inputs = NO_INPUTS
    if (early) return
`,
      },
    ],
    caughtBy: fullDiamonds,
  },
  {
    name: 'an inner credit waits for the outer frame',
    what: 'The credit of a frame comes back only when the frame around it has closed (C6).',
    changes: [
      {
        file: 'frames.ts',
        search: 'frame.next = undefined\n    this.giveBack()\n',
        replace: `frame.next = undefined
    if (frame.parent === undefined || frame.parent.unfinished === 0) this.giveBack()
    else (frame.parent.inner ??= []).push(() => this.giveBack())
    for (const inner of frame.inner ?? []) inner()
`,
      },
    ],
    caughtBy: credits,
  },
  {
    name: 'a credit is taken before the input',
    what: 'Each worker of a fork takes a credit, and then an item (C1).',
    changes: [
      ...TAKEN_BEFORE,
      {
        file: 'processor.ts',
        search: 'const taken = this.odd ?? this.inlet.take()\n',
        replace: `slot.credits ??= []
      if (slot.credits.length === 0 && this.outlet.window !== undefined) {
        const credit = this.outlet.window.credit(this.host.scope)
        if (isThenable(credit)) this.waits()
        slot.credits.push(await credit)
      }
      const taken = this.odd ?? this.inlet.take()
      if (taken !== undefined) taken.credits = slot.credits
`,
      },
    ],
    caughtBy: credits,
  },
  {
    name: 'a credit is taken when the call returns',
    what: 'An output that must wait for those before it has its credit already (C2).',
    changes: [
      ...TAKEN_BEFORE,
      {
        file: 'calling-node.ts',
        search:
          '#leaveLater(turns: Turns, slot: WorkerSlot, result: unknown): Promise<void> {\n    const { packet } = slot\n',
        replace: `#leaveLater(turns: Turns, slot: WorkerSlot, result: unknown): Promise<void> {
    const { packet } = slot
    if (this.outlet.window !== undefined) packet.credits = [this.outlet.window.credit(packet.scope)]
`,
      },
    ],
    caughtBy: credits,
  },
  {
    name: 'a credit does not wake the output that waits for it',
    what: 'A credit that comes back is not given to the output that waits.',
    changes: [{ file: 'frames.ts', search: 'this.#take()\n    waiting.resume(true)', replace: '' }],
    caughtBy: diamonds,
  },
  {
    name: 'a fork opens one frame too many',
    what: 'A fork has one frame more open than its window allows.',
    changes: [{ file: 'frames.ts', search: 'if (this.open < this.size) {', replace: 'if (this.open <= this.size) {' }],
    caughtBy: fullDiamonds,
  },
  {
    name: 'a window does not grow with the workers inside',
    what: 'A fork has the smallest window, however many workers are inside.',
    changes: [
      { file: 'regions.ts', search: 'Math.max(FRAMES, 2 * at(workers, node), 2 * at(batch, node))', replace: 'FRAMES' },
    ],
    caughtBy: fullDiamonds,
  },
  {
    name: 'a queue takes one packet too many',
    what: 'A queue holds one packet more than its capacity.',
    changes: [
      { file: 'queue.ts', search: 'this.#items.size >= this.capacity', replace: 'this.#items.size > this.capacity' },
      { file: 'queue.ts', search: 'this.#items.size < this.capacity', replace: 'this.#items.size <= this.capacity' },
    ],
    caughtBy: sinks,
  },
  {
    name: 'room is not given on',
    what: 'A place that becomes free in a queue does not wake the producer that waits for it.',
    changes: [{ file: 'queue.ts', search: 'next.resume(true)', replace: '' }],
    caughtBy: chains,
  },
]

import { describe, expect, test } from 'vitest'
import { ForkWindow, type Frame, type FrameJoin, Ledger, outwards, type Share } from '../../packages/core/src/frames.js'
import { NO_META, Packet, Scope } from '../../packages/core/src/packet.js'
import type { Token } from '../../packages/core/src/regions.js'
import { range } from '../support/plans.js'
import { turns } from '../support/turns.js'

const scope = new Scope()
const token = (share: number, hops = 0, copies = 1): Token => ({ hops, share, copies })

/** A join that notes what it is told; by default it is done with a share as soon as that is complete. */
function noted(ledger: Ledger, onComplete: (share: Share) => void = (share) => ledger.finish(share)) {
  const heard: string[] = []
  const shares: Share[] = []
  const join: FrameJoin = {
    holds: [],
    closed: false,
    opened: (share) => {
      shares.push(share)
      heard.push('opened')
    },
    complete: (share) => {
      heard.push('complete')
      onComplete(share)
    },
  }
  return { join, heard, shares }
}

const inside = (frame?: Frame): Packet => new Packet(undefined, NO_META, scope, frame)

/** Takes a credit and opens a frame. */
function open(window: ForkWindow, live: readonly number[], parent?: Frame) {
  expect(window.credit(scope)).toBe(true)
  return window.start(inside(parent), live)
}

describe('a frame', () => {
  test('is complete when its last token has ended, and then closes', () => {
    const ledger = new Ledger()
    const { join, heard } = noted(ledger)
    const window = new ForkWindow(4, [join], ledger)
    const frame = open(window, [3])
    ledger.release(frame, [token(0)])
    ledger.release(frame, [token(0)])
    expect([heard, window.open]).toEqual([['opened'], 1])
    ledger.release(frame, [token(0)])
    expect([heard, window.open, window.first]).toEqual([['opened', 'complete'], 0, undefined])
  })

  test('that nothing can reach is complete at once', () => {
    const ledger = new Ledger()
    const { join, heard } = noted(ledger)
    const window = new ForkWindow(4, [join], ledger)
    open(window, [0])
    expect([heard, window.open]).toEqual([['opened', 'complete'], 0])
  })

  test('stays open until every join of its fork is done with it', () => {
    const ledger = new Ledger()
    const joins = [noted(ledger), noted(ledger)]
    const window = new ForkWindow(
      4,
      joins.map(({ join }) => join),
      ledger,
    )
    const frame = open(window, [1, 1])
    ledger.release(frame, [token(1)])
    expect([window.open, joins.map(({ heard }) => heard.length)]).toEqual([1, [1, 2]])
    ledger.release(frame, [token(0)])
    expect(window.open).toBe(0)
  })

  test('that is told of more tokens waits for them too', () => {
    const ledger = new Ledger()
    const { join, heard } = noted(ledger)
    const frame = open(new ForkWindow(4, [join], ledger), [1])
    ledger.add(frame, [token(0, 0, 2)])
    for (const _ of range(2)) ledger.release(frame, [token(0)])
    expect(heard).toEqual(['opened'])
    ledger.release(frame, [token(0)])
    expect(heard).toEqual(['opened', 'complete'])
  })

  test('is found from a packet by so many steps outwards', () => {
    const ledger = new Ledger()
    const { join, shares } = noted(ledger)
    const window = new ForkWindow(4, [join], ledger)
    const outer = open(window, [1])
    const inner = open(window, [1], outer)
    expect([outwards(inner, 0), outwards(inner, 1), outwards(inner, 2)]).toEqual([inner, outer, undefined])
    ledger.add(inner, [token(0, 1)])
    expect(shares.map(({ live }) => live)).toEqual([2, 1])
  })

  test('that is released once too often is a bug of the engine', () => {
    const ledger = new Ledger()
    const { join } = noted(ledger, () => {})
    const frame = open(new ForkWindow(4, [join], ledger), [1])
    ledger.release(frame, [token(0)])
    const internal = expect.objectContaining({ code: 'PLB_INTERNAL' })
    expect(() => ledger.release(frame, [token(0)])).toThrow(internal)
    expect(() => ledger.release(undefined, [token(0)])).toThrow(internal)
  })

  test('is known to every join before any of them hears that it is complete', () => {
    const ledger = new Ledger()
    const second = noted(ledger)
    // Wants no more, so it skips its share at once, and with it what it held at the second join.
    const first: FrameJoin = {
      holds: [token(1)],
      closed: true,
      opened: () => {},
      complete: (share) => {
        ledger.finish(share)
        ledger.release(share.frame, [token(1)])
      },
    }
    const window = new ForkWindow(4, [first, second.join], ledger)
    open(window, [1, 1])
    expect([second.heard, window.open]).toEqual([['opened', 'complete'], 0])
  })
})

describe('the work list', () => {
  test('carries a cascade of 20,000 frames without deep recursion', () => {
    const ledger = new Ledger()
    const chain = range(20_000)
    const shares: Share[] = []
    const join: FrameJoin = {
      holds: [],
      closed: false,
      opened: (share) => void shares.push(share),
      complete: (share) => {
        ledger.finish(share)
        const next = shares[shares.indexOf(share) + 1]
        if (next !== undefined) ledger.drop(next)
      },
    }
    const window = new ForkWindow(chain.length, [join], ledger)
    shares.indexOf = (share) => Number(places.get(share))
    for (const _ of chain) open(window, [1])
    const places = new Map(shares.map((share, place) => [share, place]))
    const [first] = shares
    if (first !== undefined) ledger.drop(first)
    expect(window.open).toBe(0)
  })

  test('goes on after a join that threw', () => {
    const ledger = new Ledger()
    let failing = true
    const { join, heard } = noted(ledger, (share) => {
      if (failing) throw new Error('join')
      ledger.finish(share)
    })
    const window = new ForkWindow(4, [join], ledger)
    expect(() => open(window, [0])).toThrow('join')
    failing = false
    open(window, [0])
    expect(heard).toEqual(['opened', 'complete', 'opened', 'complete'])
  })
})

describe('a window', () => {
  test('never has more frames open than its size', () => {
    const ledger = new Ledger()
    const { join } = noted(ledger)
    const window = new ForkWindow(2, [join], ledger)
    open(window, [1])
    open(window, [1])
    expect([window.credit(scope), window.open, window.peak]).toEqual([expect.any(Promise), 2, 2])
  })

  test('gives a credit that comes back to whoever waits longest', async () => {
    const ledger = new Ledger()
    const { join, shares } = noted(ledger)
    const window = new ForkWindow(1, [join], ledger)
    open(window, [1])
    const granted: number[] = []
    for (const n of range(3)) void Promise.resolve(window.credit(scope)).then((yes) => yes && granted.push(n))
    for (const n of range(3)) {
      const last = shares.at(-1)
      if (last !== undefined) ledger.drop(last)
      await turns(1)
      expect(granted).toEqual(range(n + 1))
      window.start(inside(), [1])
    }
    expect([window.open, window.peak]).toEqual([1, 1])
  })

  test('lists its open frames in the order of opening, wherever one closes', () => {
    const ledger = new Ledger()
    const { join, shares } = noted(ledger)
    const window = new ForkWindow(9, [join], ledger)
    const frames = range(4).map(() => open(window, [1]))
    const listed = (): number[] => {
      const list: number[] = []
      for (let frame = window.first; frame !== undefined; frame = frame.next) list.push(frames.indexOf(frame))
      return list
    }
    const drop = (place: number): void => {
      const share = shares[place]
      if (share !== undefined) ledger.drop(share)
    }
    const seen = [2, 0, 3].map((place) => {
      drop(place)
      return listed()
    })
    expect(seen).toEqual([[0, 1, 3], [1, 3], [1]])
    frames.push(open(window, [1]))
    expect(listed()).toEqual([1, 4])
  })

  test('lets go of the waiting outputs of one root', async () => {
    const ledger = new Ledger()
    const window = new ForkWindow(1, [noted(ledger).join], ledger)
    open(window, [1])
    const mine = new Scope()
    const [waiting, other] = [window.credit(mine), window.credit(scope)]
    expect([window.withdraw(mine), window.withdraw(mine)]).toEqual([true, false])
    expect(await waiting).toBe(false)
    window.clear()
    expect(await other).toBe(false)
  })

  test('gives no credit after doomsday', () => {
    const ledger = new Ledger()
    const window = new ForkWindow(1, [noted(ledger).join], ledger)
    window.clear()
    expect([window.credit(scope), window.open]).toEqual([false, 0])
  })
})

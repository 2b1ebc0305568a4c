import { DROP } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { Link, OPEN } from '../../packages/core/src/chain.js'
import { Counters } from '../../packages/core/src/counters.js'
import type { Runner } from '../../packages/core/src/executor.js'
import { type Stumble, WORKED_OFF } from '../../packages/core/src/link-owner.js'
import type { Outlet } from '../../packages/core/src/outlet.js'
import { NO_META, Packet, Scope } from '../../packages/core/src/packet.js'
import type { Request } from '../../packages/core/src/request.js'
import { Root, RootLedger } from '../../packages/core/src/roots.js'
import { WorkerSlot } from '../../packages/core/src/slot.js'

/*
 * One link of a call chain, or a few: what goes on to the next on the same stack, what leaves by the queues, and what the
 * node has to go on with by itself.
 */

type Run = (value: unknown, context: WorkerSlot) => unknown

/** What a node was left with. */
interface Left {
  readonly value: unknown
  readonly stumble: Stumble
}

interface Links {
  readonly link: Link
  readonly counters: Counters
  readonly left: Left[]
  /** Of whose packets a request was told, in what state of their roots; and what it could not be called with. */
  readonly told: unknown[]
  readonly landed: unknown[]
  /** What it handed on by its queues, or to nobody. */
  readonly sent: unknown[]
  readonly runner: Runner
  readonly slot: WorkerSlot
}

/** A link with nothing but what it uses of its node. */
function linkOf(run: Run, { next, send = () => true, leaf = false, onTrace = () => {} }: Options = {}): Links {
  const counters = new Counters()
  const left: Left[] = []
  const sent: unknown[] = []
  const told: unknown[] = []
  const landed: unknown[] = []
  const scope = new Scope()
  const plan = { coro: undefined, args: {}, properties: {} }
  const slot = new WorkerSlot(
    { name: 'node', plan, host: {}, signal: new AbortController().signal, workers: 1 } as never,
    0,
  )
  const outlet = {
    next,
    leaf,
    isFork: false,
    sendBare: (value: unknown) => {
      sent.push(value)
      return send()
    },
    sendPlain: (_: Packet, value: unknown) => {
      sent.push(value)
      return send()
    },
  }
  const owner = {
    counters,
    host: { scope },
    goOn: (_: WorkerSlot, packet: Packet, stumble: Stumble) => {
      left.push({ value: packet.value, stumble })
      return undefined
    },
    workedOff: (packet: Packet) => {
      counters.completed++
      packet.ended()
    },
    trace: (_: WorkerSlot, packet: Packet) => {
      told.push(packet.value)
      onTrace()
    },
    land: ({ value }: Packet) => void landed.push(value),
  }
  const link = new Link(owner as never, outlet as unknown as Outlet, { slot, inputs: undefined })
  return { link, counters, left, told, landed, sent, runner: { run } as Runner, slot }
}

interface Options {
  readonly next?: Link
  readonly send?: () => boolean | Promise<boolean>
  readonly leaf?: boolean
  /** Called when a request hears of a call. */
  readonly onTrace?: () => void
}

function opened(run: Run, options?: Options): Links {
  const links = linkOf(run, options)
  links.link.open(links.runner, links.slot)
  return links
}

const counts = ({ counters: { received, completed, emitted, dropped } }: Links) => ({
  received,
  completed,
  emitted,
  dropped,
})

describe('a link', () => {
  test('lets nobody in before it is opened, and after it was closed', () => {
    const { link, runner, slot } = linkOf((value) => value)
    expect(link.isOpen).toBe(false)
    link.open(runner, slot)
    expect([link.isOpen, link.state]).toEqual([true, OPEN])
    link.close()
    expect(link.isOpen).toBe(false)
  })

  test('hands its result to the next on the same stack, and is open again', () => {
    const calls: string[] = []
    const last = opened((value) => {
      calls.push(`last ${value}, first open: ${first.link.isOpen}, last open: ${last.link.isOpen}`)
      return value
    })
    const first: Links = opened((value) => Number(value) + 1, { next: last.link })
    first.link.enter(1)
    expect(calls).toEqual(['last 2, first open: true, last open: false'])
    expect(counts(first)).toEqual({ received: 1, completed: 1, emitted: 1, dropped: 0 })
    expect(last.sent).toEqual([2])
    expect([first.link.isOpen, last.link.isOpen]).toEqual([true, true])
  })

  test('sends its result where the next is not open', () => {
    const next = linkOf((value) => value)
    const links = opened((value) => value, { next: next.link })
    links.link.enter(7)
    expect([links.sent, next.counters.received]).toEqual([[7], 0])
    expect(counts(links)).toEqual({ received: 1, completed: 1, emitted: 0, dropped: 0 }) // the outlet counts what it sends
  })

  test('numbers its calls', () => {
    const indices: number[] = []
    const { link } = opened((value, { index }) => {
      indices.push(index)
      return value
    })
    for (const value of ['a', 'b', 'c']) link.enter(value)
    expect([indices, link.taken]).toEqual([[0, 1, 2], 3])
  })

  test('counts what is dropped, but not at a leaf', () => {
    for (const leaf of [false, true]) {
      const links = opened(() => DROP, { leaf })
      links.link.enter(1)
      expect(counts(links)).toEqual({ received: 1, completed: 1, emitted: 0, dropped: leaf ? 0 : 1 })
      expect([links.left, links.link.isOpen]).toEqual([[], true])
    }
  })

  test('counts as dropped what nobody takes', () => {
    const links = opened((value) => value, { send: () => false })
    links.link.enter(1)
    expect(counts(links)).toMatchObject({ completed: 1, dropped: 1 })
  })

  test.each([
    ['a promise', () => Promise.resolve(1)],
    ['a generator', () => [1][Symbol.iterator]()],
  ])('leaves %s to its node, and is closed', (_, run) => {
    const links = opened(run)
    links.link.enter('input')
    expect(links.left).toMatchObject([{ value: 'input', stumble: { result: expect.anything() } }])
    expect([links.link.isOpen, links.sent]).toEqual([false, []])
    expect(counts(links)).toEqual({ received: 1, completed: 0, emitted: 0, dropped: 0 })
  })

  test('leaves what is thrown to its node, and not to the one before', () => {
    const error = new Error('no')
    const last = opened(() => {
      throw error
    })
    const first = opened((value) => `${value} from the first`, { next: last.link })
    first.link.enter('it')
    expect(last.left).toEqual([{ value: 'it from the first', stumble: { error } }])
    expect([first.left, first.link.isOpen, last.link.isOpen]).toEqual([[], true, false])
    expect(counts(first)).toMatchObject({ completed: 1, emitted: 1 })
  })

  test('leaves to its node what has to wait for room', () => {
    const room = Promise.resolve(true)
    const links = opened((value) => value, { send: () => room })
    links.link.enter(1)
    expect(links.left).toEqual([{ value: 1, stumble: { sent: room } }])
    expect(links.link.isOpen).toBe(false)
  })

  test('that is closed in its call leaves what the call gives to its node', () => {
    const links = opened((value) => {
      links.link.close()
      expect(links.link.isCalling).toBe(true)
      return value
    })
    links.link.enter(5)
    expect(links.left).toEqual([{ value: 5, stumble: { result: 5 } }])
    expect([links.sent, links.link.isCalling, links.link.isOpen]).toEqual([[], false, false])
  })

  test('that is closed while its result leaves does not open again', () => {
    const links: Links = opened((value) => value, {
      send: () => {
        links.link.close()
        return true
      },
    })
    links.link.enter(5)
    expect(links.left).toEqual([{ value: 5, stumble: { sent: true } }])
    expect(links.link.isOpen).toBe(false)
  })

  test('behind which something is queued lets nobody in, also when its call is over', () => {
    const idle = opened((value) => value)
    idle.link.queued()
    expect(idle.link.isOpen).toBe(false)
    const busy: Links = opened((value) => {
      busy.link.queued()
      return value
    })
    busy.link.enter(1)
    expect([busy.sent, busy.left, busy.link.isOpen]).toEqual([[1], [], false])
  })

  test('lets nobody in between two calls of its own worker', () => {
    const links = linkOf((value) => value)
    links.link.begin(links.runner, links.slot)
    links.link.pass(1)
    expect([links.link.isOpen, links.link.isCalling, links.sent]).toEqual([false, false, [1]])
    links.link.pass(2)
    links.link.end()
    expect([links.link.isOpen, links.sent]).toEqual([false, [1, 2]])
  })

  test('shows a packet its meta, and what comes bare after it none', () => {
    const seen: unknown[] = []
    const links = linkOf((value, { meta }) => {
      seen.push(meta)
      return value
    })
    links.link.begin(links.runner, links.slot)
    links.link.passPacket(new Packet(1, { of: 1 }, new Scope()))
    links.link.pass(2)
    expect(seen).toEqual([{ of: 1 }, NO_META])
    expect(links.slot.packet).toBeUndefined()
  })
})

describe('a packet that is counted', () => {
  /** A packet of a root that notes when nothing of it is on its way any more. */
  function rooted(request?: object): { packet: Packet; notes: string[] } {
    const notes: string[] = []
    class Noting extends Root {
      override onSettled(): void {
        notes.push('settled')
      }
    }
    const root = new Noting(new RootLedger())
    const packet = new Packet(1, NO_META, new Scope([root], undefined, request as Request | undefined))
    packet.scope.enter(1)
    return { packet, notes }
  }

  /** Of a request that nobody traces, and that may be over. */
  const asked = () => ({ over: false, arrived: () => {}, isTraced: true, now: () => 0 })

  test('goes from link to link on one stack, and its root is not settled in between', () => {
    const { packet, notes } = rooted()
    const last = opened((value) => {
      notes.push(`last ${value}, ${first.counters.completed} completed, first open: ${first.link.isOpen}`)
    })
    const first: Links = opened((value) => Number(value) + 1, { next: last.link })
    first.link.enterPacket(packet)
    expect(notes).toEqual(['last 2, 1 completed, first open: true', 'settled'])
    expect([counts(first), counts(last)]).toMatchObject([
      { received: 1, emitted: 1 },
      { received: 1, completed: 1 },
    ])
  })

  test('is left to its node where it was given up in its call', () => {
    const { packet } = rooted(asked())
    const next = opened((value) => value)
    const links: Links = opened(
      (value, slot) => {
        slot.lapsed = true
        return value
      },
      { next: next.link },
    )
    links.link.enterPacket(packet)
    expect([links.left, links.link.isOpen]).toEqual([[{ value: 1, stumble: { result: 1 } }], false])
    expect([links.told, next.counters.received]).toEqual([[], 0])
  })

  test('is left to its node where it was given up while its output left', () => {
    const { packet } = rooted(asked())
    const send = (): boolean => {
      links.slot.lapsed = true
      return true
    }
    const links: Links = opened((value) => value, { send })
    links.link.enterPacket(packet)
    expect([links.left, links.told]).toEqual([[{ value: 1, stumble: { sent: true } }], []])
  })

  test('is in no call any more when its request hears of the call', () => {
    const { packet, notes } = rooted(asked())
    const onTrace = () => notes.push(`told, in a call: ${links.slot.packet !== undefined}`)
    const links: Links = opened((value) => value, { onTrace })
    links.link.enterPacket(packet)
    expect(notes).toEqual(['told, in a call: false', 'settled'])
  })

  test('is not called with where its request is over by then, or the next link closed', () => {
    for (const isOver of [true, false]) {
      const request = asked()
      const next = opened((value) => value)
      const onTrace = (): void => {
        request.over = isOver
        if (!isOver) next.link.close()
      }
      const first = opened((value) => Number(value) + 1, { next: next.link, onTrace })
      first.link.enterPacket(rooted(request).packet)
      expect([first.told, next.landed, next.counters.received]).toEqual([[1], [2], 0])
    }
  })

  test('leaves to its node that the link was closed while its request heard of the call, and goes on', () => {
    const next = opened((value) => value)
    const first: Links = opened((value) => Number(value) + 1, { next: next.link, onTrace: () => first.link.close() })
    first.link.enterPacket(rooted(asked()).packet)
    expect(first.left).toEqual([{ value: 1, stumble: WORKED_OFF }])
    expect([first.counters.completed, first.link.isOpen, next.sent]).toEqual([1, false, [2]])
  })

  test('has a signal of its own, and so has the one after it', () => {
    const signals: AbortSignal[] = []
    const links = opened((value, slot) => {
      signals.push(slot.signal)
      slot.tell('enough')
      return value
    })
    for (const _ of [1, 2]) links.link.enterPacket(rooted(asked()).packet)
    expect(new Set(signals).size).toBe(2)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })
})

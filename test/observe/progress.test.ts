import type { RunReport, Snapshot } from '@pipelines/core'
import { type ProgressOptions, progress, type Screen } from '@pipelines/observe'
import { Plumber } from '@pipelines/plumber'
import fc from 'fast-check'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { edge, node, snapshot } from './snapshots.js'

const CLEAR = '\r\u001b[K'

/** A pipeline `a → b` that does what the test says. */
class Puppet {
  shot: Snapshot = snapshot({ edges: [edge('a → b')] })
  settle: () => void = () => {}
  readonly settled: Promise<RunReport>

  constructor() {
    this.settled = new Promise((resolve) => {
      this.settle = () => resolve({ outcome: 'completed' } as RunReport) // the rest is of no interest
    })
  }

  snapshot(): Snapshot {
    return this.shot
  }

  /** At `seconds` of its run, `b` has completed so many. */
  is(seconds: number, completed: number, more: Partial<Snapshot> = {}): void {
    const { nodes } = more
    const edges = more.edges ?? [edge('a → b')]
    this.shot = snapshot({ durationMs: seconds * 1000, edges, nodes: { b: node({ completed }), ...nodes } })
  }

  /** Ends it, and waits until everybody has heard of it. */
  async end(): Promise<void> {
    this.settle()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Shows the progress of a puppet on a made-up screen, until the test is over. */
function shown(screen: Partial<Screen> = { isTTY: true }, options?: ProgressOptions) {
  const pipeline = new Puppet()
  const written: string[] = []
  const stop = progress(pipeline, { write: (text) => written.push(text), ...screen }, options)
  onTestFinished(stop)
  return { pipeline, written, stop }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  return () => vi.useRealTimers()
})

/** The line that stands on a terminal where the pipeline is like that. */
function lineOf(seconds: number, completed: number, more?: Partial<Snapshot>, options?: ProgressOptions): string {
  const { pipeline, written } = shown({ isTTY: true, columns: 200 }, options)
  pipeline.is(seconds, completed, more)
  vi.advanceTimersToNextTimer()
  return (written.at(-1) ?? '').replace(CLEAR, '')
}

describe('the line', () => {
  test('tells what is done, how fast, and how long it has taken', () => {
    expect(lineOf(4, 5000)).toBe('5,000 done · 1,250/s · 0:04')
  })

  test('tells what failed and what is in progress, where there is some, in all nodes', () => {
    const nodes = { a: node({ failed: 2, inProgress: 1 }), b: node({ completed: 6, failed: 1, inProgress: 8 }) }
    expect(lineOf(4, 6, { nodes })).toBe('6 done · 1.5/s · 3 failed · 9 in progress · 0:04')
  })

  test('tells which node the others wait for', () => {
    expect(lineOf(1, 0, { edges: [edge('a → b', { depth: 60 })] })).toBe('0 done · 0/s · bottleneck b · 0:01')
  })

  test('tells with a total how much of it is done, and how long the rest will take', () => {
    expect(lineOf(5, 25, {}, { total: 200 })).toBe('25 of 200 (12%) · 5/s · 0:05 · 0:35 left')
    expect(lineOf(5, 200, {}, { total: 200 })).toBe('200 of 200 (100%) · 40/s · 0:05')
    expect(lineOf(5, 201, {}, { total: 200 })).toBe('201 of 200 (100%) · 40/s · 0:05')
  })

  test('tells no time left where nothing moves, or nothing is to be done', () => {
    expect(lineOf(5, 0, {}, { total: 200 })).toBe('0 of 200 (0%) · 0/s · 0:05')
    expect(lineOf(5, 0, {}, { total: 0 })).toBe('0 of 0 (100%) · 0/s · 0:05')
  })

  test('tells hours where there are some', () => {
    expect(lineOf(3599.9, 0)).toContain('· 59:59')
    expect(lineOf(3600 * 25 + 61, 0)).toContain('· 25:01:01')
  })

  test('counts what the leaves have completed', () => {
    const edges = [edge('a → b'), edge('a → c')]
    expect(lineOf(1, 3, { edges, nodes: { a: node({ completed: 9 }), c: node({ completed: 4 }) } })).toMatch(/^7 done/)
  })

  test('counts what the caller calls done', () => {
    const done = ({ nodes }: Snapshot): number => nodes.a?.emitted ?? 0
    expect(lineOf(1, 3, { nodes: { a: node({ emitted: 12 }) } }, { done })).toMatch(/^12 done/)
  })

  test('tells the pace of the last five seconds', () => {
    const { pipeline, written } = shown()
    for (const [seconds, completed] of [
      [1, 1000],
      [5, 5000],
      [6, 5000],
      [8, 5000],
      [10, 5010],
    ] as const) {
      pipeline.is(seconds, completed)
      vi.advanceTimersByTime(100)
    }
    expect(written.map((line) => line.split(' · ')[1])).toEqual(['1,000/s', '1,000/s', '800/s', '571/s', '2/s'])
  })
})

describe('on a terminal', () => {
  test('one line is written again ten times a second, and cleared in the end', async () => {
    const { pipeline, written } = shown()
    vi.advanceTimersByTime(300)
    expect(written).toEqual(Array(3).fill(`${CLEAR}0 done · 0/s · 0:00`))
    await pipeline.end()
    expect(written.slice(3)).toEqual([CLEAR])
  })

  test('the line is cleared before whoever waits for the report goes on', async () => {
    const { pipeline, written } = shown()
    vi.advanceTimersByTime(100)
    pipeline.settle()
    await pipeline.settled
    expect(written.slice(1)).toEqual([CLEAR])
  })

  test('the line is cut to the width that the terminal has at that time', () => {
    const written: string[] = []
    const screen = { isTTY: true, columns: 9, write: (text: string) => written.push(text) }
    onTestFinished(progress(new Puppet(), screen))
    vi.advanceTimersByTime(100)
    screen.columns = 6
    vi.advanceTimersByTime(100)
    expect(written).toEqual([`${CLEAR}0 done ·`, `${CLEAR}0 don`])
  })

  test('nothing is written, and nothing cleared, of a run that is over at once', async () => {
    const { pipeline, written } = shown()
    await pipeline.end()
    expect(written).toEqual([])
  })

  test('no name can bring a control character there, nor make the line wider than it is long', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.integer({ min: 1, max: 300 }), (name, columns) => {
        const { pipeline, written, stop } = shown({ isTTY: true, columns })
        pipeline.shot = snapshot({ edges: [{ ...edge('a → b', { depth: 64 }), to: name }] })
        vi.advanceTimersByTime(100)
        const line = written[0]?.slice(CLEAR.length) ?? 'nothing was written'
        stop()
        expect(line).toMatch(/^[\x20-\x7e·]*$/)
        expect(line.length).toBeLessThan(columns)
      }),
    )
  })
})

describe('elsewhere', () => {
  test('a plain line is written every five seconds, and a last one with the outcome', async () => {
    const { pipeline, written } = shown({})
    vi.advanceTimersByTime(4999)
    expect(written).toEqual([])
    pipeline.is(5, 50)
    vi.advanceTimersByTime(1)
    pipeline.is(6, 90)
    await pipeline.end()
    expect(written).toEqual(['50 done · 10/s · 0:05\n', 'completed: 90 done · 15/s · 0:06\n'])
  })

  test('the time between two lines is what the caller says', () => {
    const { written } = shown({}, { everyMs: 20 })
    vi.advanceTimersByTime(100)
    expect(written).toHaveLength(5)
  })
})

describe('it ends', () => {
  test.each([true, false])('without a timer when the pipeline has settled (terminal: %s)', async (isTTY) => {
    const { pipeline, written } = shown({ isTTY })
    vi.advanceTimersByTime(5000)
    await pipeline.end()
    expect(vi.getTimerCount()).toBe(0)
    const length = written.length
    vi.advanceTimersByTime(60_000)
    expect(written).toHaveLength(length)
  })

  test.each([
    [true, [`${CLEAR}0 done · 0/s · 0:00`, CLEAR]],
    [false, ['0 done · 0/s · 0:00\n']],
  ])('early when it is told to, once, and without a last line (terminal: %s)', async (isTTY, expected) => {
    const { pipeline, written, stop } = shown({ isTTY }, { everyMs: 1000 })
    vi.advanceTimersByTime(1000)
    stop()
    stop()
    expect(vi.getTimerCount()).toBe(0)
    await pipeline.end()
    expect(written).toEqual(expected)
  })

  test('also when the promise of the report is rejected', async () => {
    progress({ snapshot: () => snapshot(), settled: Promise.reject(new Error('no report')) }, { write: () => true })
    await new Promise((resolve) => setImmediate(resolve))
    expect(vi.getTimerCount()).toBe(0)
  })

  test('without having kept the process alive', () => {
    vi.useRealTimers()
    const made = vi.spyOn(globalThis, 'setInterval')
    onTestFinished(() => made.mockRestore())
    const { stop } = shown()
    const timer = made.mock.results[0]?.value as NodeJS.Timeout // what setInterval gives
    const keepsAlive = timer.hasRef()
    stop()
    expect(keepsAlive).toBe(false)
  })
})

describe('it hurts nobody', () => {
  test.each([true, false])('when the screen throws (terminal: %s)', async (isTTY) => {
    const write = vi.fn(() => {
      throw new Error('EPIPE')
    })
    const { pipeline, stop } = shown({ isTTY, write }, { everyMs: 100 })
    vi.advanceTimersByTime(200)
    expect(write).toHaveBeenCalledTimes(2)
    await pipeline.end()
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('when what the screen gives back is rejected', async () => {
    const { pipeline } = shown({ write: () => Promise.reject(new Error('EPIPE')) }, { everyMs: 100 })
    vi.advanceTimersByTime(100)
    await pipeline.end()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('when what counts as done throws later on', async () => {
    let calls = 0
    const done = (): number => {
      if (calls++ > 0) throw new Error('too late')
      return 1
    }
    const { pipeline, written } = shown({}, { done })
    vi.advanceTimersByTime(5000)
    await pipeline.end()
    expect([calls, written, vi.getTimerCount()]).toEqual([3, [], 0])
  })

  test('but what counts as done may throw at once, and then there is no timer', () => {
    const done = (): number => {
      throw new RangeError('no such node')
    }
    expect(() => shown({}, { done })).toThrow('no such node')
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([
    { total: -1 },
    { total: Number.NaN },
    { total: '7' as never },
    { everyMs: 0 },
    { everyMs: 2 ** 31 },
    { everyMs: Number.NaN },
    { done: 'b' as never },
  ])('and refuses %o', (options) => {
    const [name] = Object.keys(options)
    expect(() => shown({}, options)).toThrow(new RegExp(`^Option "${name}" must be a .+, got .+\\.$`))
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('a pipeline that runs is shown from its start to its end', async () => {
  const written: string[] = []
  const pipeline = new Plumber({
    nodes: { in: { coro: 'std.inlet' }, odd: { coro: check, properties: { onError: 'skip' } } },
    graph: { in: ['odd'] },
  }).createPipeline()
  progress(pipeline, { write: (text) => written.push(text) }, { total: 4 })
  for (const n of [1, 2, 3, 4]) await pipeline.put(n)
  await pipeline.drain()
  expect(written.join('').replace(/ · [\d.,]+\/s/, '')).toBe('completed: 2 of 4 (50%) · 2 failed · 0:00\n')
})

function check(n: number): number {
  if (n % 2 === 0) throw new RangeError('even')
  return n
}

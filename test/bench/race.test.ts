import { describe, expect, test } from 'vitest'
import { ordered, runRace } from '../../bench/src/race.js'
import type { Contestant, Race, Scale } from '../../bench/src/workload.js'

const quick: Scale = { size: 'quick', rounds: 3 }

describe('a race', () => {
  test('runs each contestant once a round', async () => {
    const ran: string[] = []
    const named = (name: string): Contestant => ({
      name,
      bounds: true,
      run: (items) => {
        ran.push(name)
        return items
      },
    })
    await runRace(race([named('a'), named('b'), named('c')]), quick)
    expect(ran.join('')).toBe('abccbabca')
  })

  test.each([2, 3, 4, 7, 10, 15])('lets each of %i follow each other one equally often', (size) => {
    const list = Array.from({ length: size }, (_, place) => place)
    const follows = new Map<string, number>()
    for (let round = 0; round < 2 * size; round++) {
      const order = ordered(list, round)
      expect(order.toSorted((a, b) => a - b)).toEqual(list)
      for (const [place, one] of order.slice(1).entries()) {
        const pair = `${order[place]} ${one}`
        follows.set(pair, (follows.get(pair) ?? 0) + 1)
      }
    }
    expect(new Set(follows.values())).toEqual(new Set([2]))
    expect(follows.size).toBe(size * (size - 1))
  })

  test('ends at a wrong sum, and says whose', async () => {
    const wrong: Contestant = { name: 'wrong', bounds: true, run: async () => 99 }
    await expect(runRace(race([right('ours'), wrong]), quick)).rejects.toThrow('"wrong" came to 99 instead of 10')
  })

  test('ends what is kept between the runs once, after the last of them', async () => {
    const order: string[] = []
    const running: Contestant = {
      name: 'ours',
      bounds: true,
      run: (items) => {
        order.push('run')
        return items
      },
    }
    await runRace({ ...race([running]), close: async () => order.push('close') }, quick)
    expect(order).toEqual(['run', 'run', 'run', 'close'])
  })

  test('ends it also after a wrong sum', async () => {
    let closed = 0
    const wrong: Contestant = { name: 'wrong', bounds: true, run: () => 99 }
    await expect(runRace({ ...race([wrong]), close: async () => closed++ }, quick)).rejects.toThrow('came to 99')
    expect(closed).toBe(1)
  })

  test.each(['msPerItem', 'usPerItem'] as const)('counts %s on the wall, while nobody works', async (figure) => {
    const waiting: Contestant = {
      name: 'waiting',
      bounds: true,
      run: async (items) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return items
      },
    }
    const { rows } = await runRace({ ...race([waiting]), figure }, quick)
    // 20 ms over 10 items, less what a timer may fire early.
    expect(rows[0]?.figures[figure]).toBeGreaterThanOrEqual(figure === 'msPerItem' ? 1.8 : 1_800)
  })

  test('counts time per item and hop, also of one who does only a part of the items', async () => {
    const burn = (items: number): number => {
      const { user } = process.cpuUsage()
      while (process.cpuUsage().user - user < 2_000);
      return items
    }
    const all: Contestant = { name: 'all', bounds: true, run: burn }
    const part: Contestant = { name: 'part', bounds: true, share: 0.1, hops: 2, run: burn }
    const { rows } = await runRace(race([all, part]), quick)
    // At least 2 ms, over 10 items; and over 1 item of 2 hops.
    expect(rows[0]?.figures.nsPerItem).toBeGreaterThanOrEqual(200_000)
    expect(rows[1]?.figures.nsPerItem).toBeGreaterThanOrEqual(1_000_000)
  })

  test('has as many samples as rounds, and no verdict on amounts for a quick look', async () => {
    const { rows, verdicts, title } = await runRace(race([right('ours'), right('peer')]), quick)
    expect(rows.map(({ samples }) => samples?.length)).toEqual([3, 3])
    expect(verdicts).toEqual([])
    expect(title).toBe('a race; 10 items')
  })

  test('warms up and judges where amounts mean something', async () => {
    let ran = 0
    const counting: Contestant = {
      name: 'ours',
      bounds: true,
      run: (items) => {
        ran++
        return items
      },
    }
    const { rows, verdicts } = await runRace(race([counting, right('peer')]), { size: 'short', rounds: 1 })
    expect({ ran, samples: rows[0]?.samples?.length, verdicts: verdicts.length }).toEqual({
      ran: 3,
      samples: 1,
      verdicts: 1,
    })
  })

  test('with some of the contestants has no verdict, whose rows may be missing', async () => {
    const { rows, verdicts } = await runRace(race([right('ours'), right('peer')]), {
      size: 'short',
      rounds: 1,
      only: ['ours'],
    })
    expect(rows.map(({ name }) => name)).toEqual(['ours'])
    expect(verdicts).toEqual([])
  })

  test('tells how late a timer was while somebody kept the event loop', async () => {
    const blocking: Contestant = {
      name: 'blocking',
      bounds: true,
      run: (items) => {
        const end = performance.now() + 60
        while (performance.now() < end);
        return items
      },
    }
    const { rows } = await runRace(race([blocking]), { size: 'quick', rounds: 1 })
    // 60 ms less the 10 ms of the timer.
    expect(rows[0]?.figures.worstLagMs).toBeGreaterThanOrEqual(49)
  })
})

function right(name: string): Contestant {
  return { name, bounds: true, run: (items) => items }
}

function race(contestants: readonly Contestant[]): Race {
  return {
    kind: 'race',
    title: 'a race',
    items: { full: 1_000, short: 100, quick: 10 },
    figure: 'nsPerItem',
    checksum: (items) => items,
    contestants,
    targets: [{ kind: 'time', ours: 'ours', of: ['peer'], atMost: 1 }],
  }
}

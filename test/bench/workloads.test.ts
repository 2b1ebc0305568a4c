import { describe, expect, test } from 'vitest'
import { PAIRS } from '../../bench/src/baseline.js'
import { loadWorkload, WORKLOADS } from '../../bench/src/catalogue.js'
import { growth } from '../../bench/src/growth.js'
import { measure } from '../../bench/src/measure.js'
import { steady } from '../../bench/src/steady.js'
import { endKept, kept } from '../../bench/src/workers/kept.js'
import { peak } from '../../bench/src/workers/peak.js'
import type { Scale, Workload } from '../../bench/src/workload.js'

const quick: Scale = { size: 'quick', rounds: 1 }
const workloads = await Promise.all([...WORKLOADS.keys()].map(loadWorkload))
const timed = workloads.filter(({ parts }) => parts.some(({ kind }) => kind === 'race'))

describe('everybody comes to the same sum in', () => {
  test.each(timed)('$name', async (workload) => {
    const races = { ...workload, parts: workload.parts.filter(({ kind }) => kind === 'race') }
    const blocks = await measure(races, quick)
    expect(blocks.flatMap(({ rows }) => rows).map(({ name }) => name)).toEqual(racers(workload))
  })
})

describe('a workload', () => {
  test.each(workloads)('$name names its rows once each, and ours first', ({ parts }) => {
    for (const part of parts) {
      const rows = rowsOf(part)
      expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
      expect(rows[0]?.ours).toBe(true)
    }
  })

  test.each(workloads)('$name has targets only for rows that it has, ours against others', ({ parts }) => {
    for (const part of parts) {
      const rows = rowsOf(part)
      const isOurs = new Map(rows.map(({ name, ours = false }) => [name, ours]))
      for (const target of part.targets) {
        expect(isOurs.get(target.ours)).toBe(true)
        for (const peer of target.kind === 'figure' ? [] : target.of) expect(isOurs.has(peer)).toBe(true)
      }
    }
  })

  test('knows its own name', () => {
    expect(workloads.map(({ name }) => name)).toEqual([...WORKLOADS.keys()])
  })

  test.each(PAIRS)('$workload has the rows that the check compares: $ours, $peer', ({ workload, ours, peer }) => {
    const found = workloads.find(({ name }) => name === workload)
    expect(found && racers(found)).toEqual(expect.arrayContaining([ours, peer]))
  })
})

describe('what is not a race', () => {
  test('counts as many calls per task of p-queue as a burst has', async () => {
    const [block] = await measure(await loadWorkload('bursts'), quick)
    const alone = block?.rows.find(({ ours }) => !ours)
    expect(alone?.figures.callsPerTask).toBe(1)
    for (const { figures } of block?.rows.filter(({ ours }) => ours) ?? [])
      expect(figures.callsPerTask).toBeGreaterThan(10)
  })

  test('sees that pipelines leave no handle behind', async () => {
    expect((await growth(20)).moreHandles).toBe(0)
  })

  test('sends large arrays through threads, and tells what memory they took', async () => {
    const { seconds, rssGrowthMb } = await peak(true, 2)
    expect(seconds).toBeGreaterThan(0)
    // At least one of them was in memory.
    expect(rssGrowthMb).toBeGreaterThan(30)
  })

  test('keeps what was made until all of it is ended, and makes it anew then', async () => {
    const ended: object[] = []
    const thing = kept(
      () => ({}),
      async (made) => ended.push(made),
    )
    const first = thing()
    expect(thing()).toBe(first)
    await endKept()
    expect(ended).toEqual([first])
    expect(thing()).not.toBe(first)
  })

  test.each(['fused', 'queued', 'loop'] as const)('hands all items to a slow receiver: %s', async (flow) => {
    const { seconds, rssGrowthMb } = await steady(flow, 1_000)
    expect(seconds).toBeGreaterThan(0)
    expect(rssGrowthMb).toBeGreaterThanOrEqual(0)
  })
})

function rowsOf(part: Workload['parts'][number]): readonly { readonly name: string; readonly ours?: boolean }[] {
  return part.kind === 'probe' ? part.rows : part.contestants
}

function racers({ parts }: Workload): string[] {
  return parts.flatMap((part) => (part.kind === 'race' ? part.contestants.map(({ name }) => name) : []))
}

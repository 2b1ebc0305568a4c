import type { Context } from '@pipelines/core'
import { broadcast, iter, type Member, nest, Stage, seq, zip } from '@pipelines/flow/nest'
import { expect, test } from 'vitest'

class Slow extends Stage<number, number> {}
const inc = (n: number): number => n + 1
const half = (n: number): number => n / 2
const first = (n: number): number => n
const second = (n: number): number => n
const twice = function* (n: number): Generator<number, void, void> {
  yield n
  yield n
}

/** By item, the names of the nodes that `meta.timings` has behind these members. */
async function timed(...members: readonly Member[]): Promise<unknown[]> {
  const seen: unknown[] = []
  const look = (_: unknown, { meta: { timings } }: Context): void => {
    const seconds: unknown[] = Object.values(timings as object) // an error where it is absent
    expect(seconds.every((one) => typeof one === 'number')).toBe(true)
    seen.push(Object.keys(timings as object).toSorted())
  }
  await nest(iter([1]), ...members, look)
    .timings()
    .run()
  return seen
}

test('items carry the seconds that each node took, where that is asked for', async () => {
  const names = ['Slow', 'map', 'twice']
  expect(await timed(new Slow(), twice, async (n: number) => n)).toEqual([names, names])
})

test('behind a zip they carry the seconds of all its members, and of those in these', async () => {
  expect(await timed(half, zip(new Slow(), [inc, zip(first, second)]))).toEqual([
    ['Slow', 'first', 'half', 'inc', 'second'],
  ])
})

test('behind seq they carry the seconds of all that came of the same item', async () => {
  const names = ['Slow', 'half', 'inc']
  expect(await timed(half, seq(broadcast(new Slow(), inc)))).toEqual([names, names])
})

test('behind a broadcast they carry those of their own way alone', async () => {
  expect(await timed(half, broadcast(new Slow(), inc))).toEqual(
    expect.arrayContaining([
      ['Slow', 'half'],
      ['half', 'inc'],
    ]),
  )
})

test('a stage reads them like all meta, and finds nothing else there', async () => {
  const seen: unknown[] = []
  class Seeing extends Stage {
    override do(): void {
      seen.push(this.meta)
    }
  }
  await nest(iter([1]), zip(inc, half), new Seeing())
    .timings()
    .run()
  expect(seen).toEqual([{ timings: { inc: expect.any(Number), half: expect.any(Number) } }])
})

test('they do not cross to a nest that is cut in', async () => {
  const seen: unknown[] = []
  class Telling extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      await this.cut('log2').put(n)
    }
  }
  const look = (_: unknown, { meta }: Context): unknown => seen.push(meta['timings'])
  await nest(iter([1]), half, new Telling())
    .xcut('log2', nest(zip(inc, new Slow()), look))
    .timings()
    .run()
  expect(seen).toEqual([{ inc: expect.any(Number), Slow: expect.any(Number) }])
})

test('asking for them changes nothing of what comes out', async () => {
  const members = (): Member[] => [iter([1, 2]), zip(half, inc), seq(broadcast((row: unknown) => row, new Stage()))]
  expect(
    await nest(...members())
      .timings()
      .list(),
  ).toEqual(await nest(...members()).list())
})

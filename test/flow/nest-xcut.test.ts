import type { Context } from '@pipelines/core'
import { as, type Cut, iter, nest, parallel, Stage, seq, step } from '@pipelines/flow/nest'
import { expect, test } from 'vitest'

/** Keeps what comes, and how it ended. */
class Keeping extends Stage<unknown, never> {
  readonly kept: unknown[] = []
  override do(item: unknown): void {
    this.kept.push(item)
  }
  override teardown(): void {
    this.kept.push('end')
  }
}

class Telling extends Stage<number, number> {
  declare readonly log2: Cut
  override async do(n: number): Promise<void> {
    await this.log2.put(`stage ${n}`)
    await this.put(n)
  }
}

const telling = (n: number): number => n

const told = (n: number, ctx: Context): number => {
  ctx.emit('log2', `function ${n}`)
  return n
}

test('every stage and function of a nest can put to another one, which ends behind the last', async () => {
  const keeping = new Keeping()
  const one = nest(iter([1, 2]), new Telling(), [told]).xcut('log2', nest(keeping))
  expect(await one.list()).toEqual([1, 2])
  expect(keeping.kept.toSorted()).toEqual(['end', 'function 1', 'function 2', 'stage 1', 'stage 2'])
  expect(keeping.kept.at(-1)).toBe('end')
})

test('it reaches nests in the nest, copies and groups', async () => {
  const keeping = new Keeping()
  const inner = nest(parallel(as(2, Telling), [seq(told, new Telling())]))
  const one = nest(iter([1, 2, 3]), inner, (n: number) => n).xcut('log2', nest(keeping))
  expect(await one.list()).toHaveLength(3)
  expect(keeping.kept.length).toBeGreaterThan(3)
})

test('no meta crosses, and what the other nest gives goes nowhere', async () => {
  const metas: unknown[] = []
  class Seeing extends Stage {
    override do(item: unknown): void {
      metas.push(this.meta)
      this.put(item)
    }
  }
  class Noted extends Telling {
    override async do(n: number): Promise<void> {
      this.meta['n'] = n
      await super.do(n)
    }
  }
  expect(
    await nest(iter([1]), new Noted())
      .xcut('log2', nest(new Seeing()))
      .list(),
  ).toEqual([1])
  expect(metas).toEqual([{}])
})

test('what is cut in may have something cut in itself', async () => {
  const [first, second] = [new Keeping(), new Keeping()]
  class Both extends Stage<string, string> {
    override do(item: string): void {
      this.cut('deep').put(item)
      this.put(item)
    }
  }
  const middle = nest(new Both(), first).xcut('deep', nest(second))
  await nest(iter([1]), new Telling())
    .xcut('log2', middle)
    .run()
  expect([first.kept, second.kept]).toEqual([
    ['stage 1', 'end'],
    ['stage 1', 'end'],
  ])
})

test('the name that a nest in the nest uses is its own', async () => {
  const [inner, outer] = [new Keeping(), new Keeping()]
  const one = nest(iter([1]), nest(new Telling()).xcut('log2', nest(inner)), told).xcut('log2', nest(outer))
  await one.run()
  expect([inner.kept, outer.kept]).toEqual([
    ['stage 1', 'end'],
    ['function 1', 'end'],
  ])
})

test('setup and teardown can put there too', async () => {
  class Framing extends Stage<number, number> {
    override setup(): void {
      this.cut('log2').put('begin')
    }
    override teardown(): void {
      this.cut('log2').put('over')
    }
  }
  const keeping = new Keeping()
  await nest(iter([1]), new Framing())
    .xcut('log2', nest(keeping))
    .run()
  expect(keeping.kept).toEqual(['begin', 'over', 'end'])
})

test('an error in what is cut in ends the whole', async () => {
  const fails = (): never => {
    throw new Error('full')
  }
  const error = await nest(iter([1]), new Telling())
    .xcut('log2', nest(fails))
    .run()
    .catch((error) => error)
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: new Error('full') })
})

test('who can put is in the layout', () => {
  const one = nest(iter([1]), step(told, { name: 'a' })).xcut('log2', nest(new Keeping()))
  expect(one.printLayout()).toContain('a        from iter  to in (log2), out')
  expect(one.sinks()).toEqual(['out'])
})

test.each<[unknown, string]>([
  ['a b', 'cannot be the name of a port'],
  ['out', 'cannot be the name of a port'],
  ['put', 'is something that Telling has already'],
  ['taken', 'is cut in already'],
])('%j is no name to cut in by', (name, message) => {
  const one = nest(new Telling()).xcut('taken', nest(new Keeping()))
  expect(() => one.xcut(name as string, nest(new Keeping()))).toThrow(message)
})

test('a nest cannot be cut into itself, nor what is no nest', () => {
  const [a, b] = [nest(telling), nest(telling)]
  a.xcut('b', b)
  expect(() => b.xcut('a', a)).toThrow('leads back')
  expect(() => a.xcut('me', a)).toThrow('leads back')
  const inner = nest(new Keeping())
  expect(() => nest(inner).xcut('x', inner)).toThrow('has a stage that is in this nest too')
  expect(() => a.xcut('x', [telling] as never)).toThrow('must be a nest')
})

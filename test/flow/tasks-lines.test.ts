import { execute, tasks } from '@pipelines/flow/tasks'
import { describe, expect, test } from 'vitest'

function* numbers({ count }: { count: number }): Generator<number> {
  for (let n = 1; n <= count; n++) yield n
}
function* doubled(inputs: Iterable<number>, { by = 2 }: { by?: number }): Generator<number> {
  for (const n of inputs) yield n * by
}
async function* later(inputs: AsyncIterable<number>): AsyncGenerator<number> {
  for await (const n of inputs) yield n
}

const counting = { run: numbers, constants: { count: 3 } }

/** A last task that keeps what it takes. */
const keeping = () => {
  const seen: number[] = []
  const run = (inputs: Iterable<number>): void => {
    for (const n of inputs) seen.push(n)
  }
  return { seen, run }
}

describe('tasks whose generators are not async', () => {
  test('call each other, and are one node', async () => {
    const { seen, run } = keeping()
    const list = tasks([counting, { run: doubled }, { run: doubled, constants: { by: 10 } }, { run, name: 'keep' }])
    expect(Object.keys(list.toBlueprint().graph.nodes)).toEqual(['numbers/doubled/doubled-2/keep'])
    await list.execute()
    expect(seen).toEqual([20, 40, 60])
  })

  test('work strictly in turn', async () => {
    const turns: string[] = []
    const first = function* () {
      for (const n of [1, 2]) {
        turns.push(`make ${n}`)
        yield n
      }
    }
    await execute([
      { run: first },
      {
        run: (inputs: Iterable<number>) => {
          for (const n of inputs) turns.push(`take ${n}`)
        },
      },
    ])
    expect(turns).toEqual(['make 1', 'take 1', 'make 2', 'take 2'])
  })

  test('are one node in front of those that are', async () => {
    const seen: number[] = []
    const keep = async (inputs: AsyncIterable<number>): Promise<void> => {
      for await (const n of inputs) seen.push(n)
    }
    const list = tasks([counting, { run: doubled }, { run: later }, { run: keep }])
    expect(list.toBlueprint().graph.graph).toEqual({ 'numbers/doubled': ['later'], later: ['keep'], keep: null })
    await list.execute()
    expect(seen).toEqual([2, 4, 6])
  })

  test('fail with what one of them threw, and end the others', async () => {
    let ended = false
    const first = function* () {
      try {
        yield 1
      } finally {
        ended = true
      }
    }
    const torn = new RangeError('torn')
    const list = [
      { run: first },
      {
        run: (inputs: Iterable<number>) => {
          for (const _ of inputs) throw torn
        },
      },
    ] as const
    await expect(execute(list)).rejects.toMatchObject({ code: 'PLB_NODE_FAILED', cause: torn })
    expect(ended).toBe(true)
  })

  test('may stop early: those before them end', async () => {
    const seen: number[] = []
    const endless = function* () {
      for (let n = 0; ; n++) yield n
    }
    const two = (inputs: Iterable<number>): void => {
      for (const n of inputs) if (seen.push(n) === 2) return
    }
    await execute([{ run: endless }, { run: doubled }, { run: two }])
    expect(seen).toEqual([0, 2])
  })

  test.each([
    ['behind one that is', [counting, { run: later }, { run: doubled }, { run: later }], 2],
    ['with several workers', [counting, { run: doubled, workers: 2, packetsInFlight: 2 }, { run: later }], 1],
    ['elsewhere', [counting, { run: doubled, parallelism: 'thread' }, { run: later }], 1],
  ])('are refused %s', (_where, list, place) => {
    const found = tasks(list as never).issues()
    expect(found).toContainEqual(expect.objectContaining({ code: 'PLB_CORO_TYPE', pointer: `/${place}/run` }))
  })

  test('are told in the list what is wrong with one of them', () => {
    const [issue] = tasks([counting, { run: doubled, packetsInFlight: 0 }, { run: keeping().run }]).issues()
    expect(issue?.pointer).toBe('/1/packetsInFlight')
  })

  test('that have schemas are nodes of their own where they can be', () => {
    const list = tasks([
      { ...counting, output: { type: 'number' } },
      { run: keeping().run, name: 'keep' },
    ])
    expect(Object.keys(list.toBlueprint().graph.nodes)).toEqual(['numbers', 'keep'])
  })
})

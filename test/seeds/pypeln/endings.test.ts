import { writeFileSync } from 'node:fs'
import type { Flow } from '@pipelines/flow'
import * as pl from '@pipelines/flow/pypeln'
import { describe, expect, test } from 'vitest'
import { endless, failureOf, range, turns, until } from '../../support/blackbox.js'
import * as work from './fixtures/endings.mjs'
import { all, HERE, MODULES, sharedWorkers, sorted } from './modules.js'
import { notebook } from './notebook.js'

sharedWorkers(work, new URL('./fixtures/endings.mjs', import.meta.url))

const numbers = range(10)
const two = { workers: 2 }

/** Elements without end that know a file, and how many have been read. */
function endlessIn(file: string): { read: number; readonly source: Generator<work.Noted> } {
  const state = { read: 0, source: elements() }
  function* elements(): Generator<work.Noted> {
    for (;;) yield { file, n: state.read++ }
  }
  return state
}

describe('an error', () => {
  test.each(MODULES)('Y-23 Y-T08 reaches whoever takes the elements, with its class (%s)', async (_, module) => {
    const stage = module.map(work.wrongAtFive, numbers, two)
    for (const consume of [() => stage.toArray(), () => all(stage), () => module.run(stage)]) {
      const { cause } = await failureOf(consume)
      expect(cause).toBeInstanceOf(TypeError)
      expect(cause).toMatchObject({ message: 'five', stack: expect.stringContaining('endings.mjs') })
    }
  })

  test.each(MODULES)('Y-23 has all that it had where it was thrown (%s)', async (_, module) => {
    const { code, details, cause } = await failureOf(() => module.map(work.unreadableAtFive, numbers).toArray())
    expect({ code, details }).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'unreadableAtFive' } })
    expect(cause).toMatchObject({ name: 'Unreadable', message: 'a.csv is unreadable', line: 5 })
    expect((cause as Error).cause).toMatchObject({ name: 'SyntaxError', message: 'line 5' })
  })

  test.each(HERE)('Y-23 is the very same in the program (%s)', async (_, module) => {
    const error = new RangeError('mine')
    const fail = (): never => {
      throw error
    }
    const stages = [module.map(fail, [1]), module.filter(fail, [1]), module.flatMap(fail, [1]), module.each(fail, [1])]
    for (const stage of stages as Flow<unknown>[]) expect((await failureOf(() => stage.run())).cause).toBe(error)
  })

  test.each(MODULES)('Y-23 of a source reaches them too, behind what came before (%s)', async (_, module) => {
    const error = new RangeError('no more')
    const source = async function* (): AsyncGenerator<number> {
      yield 1
      throw error
    }
    expect((await failureOf(() => module.map(work.double, source()).toArray())).cause).toBe(error)
  })

  test.each(MODULES)('Y-23 of a hook ends the run as well (%s)', async (_, module) => {
    const begun = module.map(work.double, numbers, { onStart: work.cannotOpen })
    const ended = module.map(work.double, numbers, { onDone: work.cannotOpen })
    for (const stage of [begun, ended])
      expect((await failureOf(() => stage.run())).cause).toMatchObject({ name: 'RangeError', message: 'cannot open' })
  })

  test.each(MODULES)('Y-23 stops all stages, and what reads the source (%s)', async (_, module) => {
    const input = endless()
    const failing = module.each(work.unreadableAtFive, pl.task.map(work.same, input.source(), two))
    await expect(failing.run()).rejects.toMatchObject({ code: 'PLB_NODE_FAILED' })
    expect(input.closed).toBe(true)
  })

  test.each([0, 25, 49])('Y-24 of one of 50 tasks is not swallowed, early or late (task, element %i)', async (bad) => {
    const fn = async (n: number): Promise<number> => {
      await turns(n % 3)
      if (n === bad) throw new RangeError('one of 50')
      return n
    }
    for (const workers of [0, 1, 5, 50]) {
      const { cause } = await failureOf(() => pl.task.map(fn, range(50), { workers }).toArray())
      expect(cause).toMatchObject({ message: 'one of 50' })
    }
  })

  test.each(MODULES)('Y-26 ends a run whose source waits for room (%s)', async (_, module) => {
    await using notes = await notebook()
    const elements = endlessIn(notes.file)
    const run = module.each(work.failWhenThere, elements.source, { maxsize: 4, run: true })
    const ended = expect(run).rejects.toMatchObject({ cause: { message: 'there' } })
    await until(() => elements.read > 4)
    await turns()
    writeFileSync(notes.file, '')
    await ended
  })
})

describe('the end', () => {
  test.each(MODULES)('Y-25 of a fast source is not that of a slow one beside it (%s)', async (_, module) => {
    const slow = async function* (): AsyncGenerator<number> {
      for (const n of range(20)) {
        await turns(1)
        yield n
      }
    }
    const stage = module.concat([module.map(work.double, [100, 101, 102]), module.map(work.double, slow())])
    const expected = [...range(20), 100, 101, 102].map(work.double)
    expect(sorted(await all(stage))).toEqual(expected)
  })

  test.each(MODULES)('Y-27 a loop that is left stops its stages and closes its source (%s)', async (_, module) => {
    const input = endless()
    for await (const n of module.map(work.double, pl.sync.map(work.same, input.source()), two)) if (n >= 0) break
    expect(input.closed).toBe(true)
  })

  test.each(MODULES)('Y-27 calls that are in progress are told, and waited for (%s)', async (_, module) => {
    await using notes = await notebook()
    for await (const n of module.map(work.untilTold, endlessIn(notes.file).source)) {
      expect(n).toBe(0)
      expect(await notes.countAfter(1)).toBe(1)
      break
    }
    expect(await notes.lines()).toEqual(['begun', 'told'])
  })

  test.each(MODULES)('Y-27 what nobody has begun to take does nothing (%s)', async (_, module) => {
    const input = endless()
    const items = module.toIterable(module.map(work.double, input.source()))
    await items.return(undefined)
    expect(input.read).toBe(0)
    expect(await items.next()).toEqual({ done: true, value: undefined })
  })
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { failureOf, reportOf } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { chainsOf, isAlive, STRATEGIES, type Stage, type Strategy, sharedFolder, WORKERS } from './strategies.js'

const chainOf = chainsOf(new URL('./fixtures/dying.mjs', import.meta.url))

/** Why the worker of a stage of the chain has ended. */
async function deathIn(strategy: Strategy, stages: Readonly<Record<string, Stage>>): Promise<unknown> {
  await using chain = await chainOf(strategy, stages)
  const error = await failureOf(() => chain.plumber.run())
  expectBalancedBooks(reportOf(error), [])
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED' })
  return error.cause
}

/** A worker's death, as errors tell of it. */
const death = (node: string, how: string): object => ({ code: 'PLB_WORKER_DIED', details: { node, how } })

test.each(WORKERS)(
  'L-18 a worker that exits with a code fails the run, and the error tells the code (%s)',
  async (strategy) => {
    const cause = await deathIn(strategy, {
      endless: { coro: 'endless', executor: 'inline' },
      bad: { coro: 'exits', args: { code: 3 } },
      end: { coro: 'same' },
    })
    expect(cause).toMatchObject(death('bad', 'ended with the exit code 3'))
  },
)

test.each(WORKERS)('L-19 a clean exit inside a stage is a failure too (%s)', async (strategy) => {
  const cause = await deathIn(strategy, {
    endless: { coro: 'endless', executor: 'inline' },
    bad: { coro: 'exits', args: { code: 0 } },
  })
  expect(cause).toMatchObject(death('bad', 'ended with the exit code 0'))
})

test.each(WORKERS)('L-19 a clean exit inside a plain function is a failure too (%s)', async (strategy) => {
  const cause = await deathIn(strategy, {
    endless: { coro: 'endless', executor: 'inline' },
    bad: { coro: 'exitsInACall', args: { code: 0 } },
  })
  expect(cause).toMatchObject(death('bad', 'ended with the exit code 0'))
})

test.each(WORKERS)('L-T17 a source that exits cleanly without having finished is a failure (%s)', async (strategy) => {
  const cause = await deathIn(strategy, {
    bad: { coro: 'exitsAfterThree', args: { code: 0 } },
    end: { coro: 'same' },
  })
  expect(cause).toMatchObject(death('bad', 'ended with the exit code 0'))
})

test('L-T16 one of two processes is killed, and the run fails', async () => {
  await using chain = await chainOf('process', {
    endless: { coro: 'endless', executor: 'inline' },
    victims: { coro: 'processNumbers', workers: 2 },
  })
  const pids = new Set<unknown>()
  const onOutput = ({ value }: { readonly value: unknown }): void => {
    if (pids.size < 2 && pids.add(value).size === 2) process.kill(Number(value), 'SIGKILL')
  }
  const error = await failureOf(() => chain.plumber.run(undefined, { onOutput }))
  expectBalancedBooks(reportOf(error), [])
  expect(error.cause).toMatchObject(death('victims', 'was killed by SIGKILL'))
  expect([...pids].filter((pid) => isAlive(Number(pid)))).toHaveLength(1)
})

test.each(WORKERS)('L-20 on a failure a worker that does not stop in time is ended (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  const args = { folder: folder.path }
  await using chain = await chainOf(strategy, {
    endless: { coro: 'endless', executor: 'inline' },
    bad: { coro: 'failsWhenStuck', args },
    stuck: { coro: 'stuck', args },
  })
  const error = await failureOf(() => chain.plumber.run(undefined, { graceMs: 200 }))
  expectBalancedBooks(reportOf(error), [])
  expect(error).toMatchObject({ details: { node: 'bad' }, cause: { name: 'RangeError' } })
  expect(reportOf(error).abandoned).toContain('stuck')
  const pid = Number(readFileSync(join(folder.path, 'stuck'), 'utf8'))
  expect(isAlive(pid)).toBe(strategy === 'thread')
})

test.each(STRATEGIES)('L-20 on a failure a worker may finish what it is doing (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  const args = { folder: folder.path }
  const stages = {
    endless: { coro: 'endless', executor: 'inline' },
    bad: { coro: 'failsWhenStuck', args },
    finishing: { coro: 'finishing', args },
  }
  const heard: unknown[] = []
  const hear = (_: object, message?: string) => void heard.push(message)
  await using chain = await chainOf(strategy, stages, { logger: { debug: hear, info: hear, warn: hear, error: hear } })
  const error = await failureOf(() => chain.plumber.run())
  expect(reportOf(error).abandoned).toEqual([])
  expect(heard).toContain('finished')
})

import { constant, iter, nest, Stage, step } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test, vi } from 'vitest'
import { failureOf, until } from '../support/blackbox.js'

const same = <T>(value: T): T => value
const fails = (): never => {
  throw new Error('broken')
}

test('start is idempotent and gives the nest back; join waits for the end', async () => {
  const seen: number[] = []
  const one = nest(iter([1, 2]), (n: number) => seen.push(n))
  expect(one.start()).toBe(one)
  expect(one.start()).toBe(one)
  expect((await one.join())?.outcome).toBe('completed')
  expect(seen).toEqual([1, 2])
})

test('join starts what has not been started', async () => {
  expect((await nest(iter([1])).join())?.outcome).toBe('completed')
})

test('a nest says how far it is', async () => {
  const one = nest(iter([1]))
  expect([one.started, one.stopped, one.finished]).toEqual([false, false, false])
  one.start()
  expect([one.started, one.stopped, one.finished]).toEqual([true, false, false])
  await one.join()
  expect([one.started, one.stopped, one.finished]).toEqual([true, true, true])
})

test('items come one by one, and nothing runs before the first is asked for', async () => {
  let made = 0
  function* numbers() {
    for (;;) yield made++
  }
  const items = nest(numbers, step(same, { queueSize: 1 })).items()
  expect(made).toBe(0)
  expect((await items.next()).value).toBe(0)
  expect((await items.next()).value).toBe(1)
  expect(made).toBeLessThan(20)
  await items.return()
})

test('leaving the loop ends the run well', async () => {
  const endless = nest(constant(1), same)
  for await (const item of endless) {
    expect(item).toBe(1)
    break
  }
  expect((await endless.join())?.outcome).toBe('completed')
})

test('list and items may follow start at once', async () => {
  expect(
    await nest(iter([1, 2]))
      .start()
      .list(),
  ).toEqual([1, 2])
  const seen: unknown[] = []
  for await (const item of nest(iter([1, 2]))
    .start()
    .items())
    seen.push(item)
  expect(seen).toEqual([1, 2])
})

test('items cannot be taken from a nest that runs without them', async () => {
  const one = nest(iter([1]))
  await one.run()
  expect(() => one.items()).toThrow(expect.objectContaining({ code: 'PLB_STATE_ALREADY_STARTED' }))
  expect(() => one.timings()).toThrow('already been started')
})

test('stop ends a source that waits for room, and join does not hang', async () => {
  const full = gate()
  const never = gate()
  const stuck = async (n: number) => {
    full.open()
    await Promise.race([never.opened])
    return n
  }
  const one = nest(constant(1), step(stuck, { queueSize: 1 })).with({ graceMs: 0 })
  const end = one.join()
  await full.opened
  one.stop()
  expect(await end).toMatchObject({ outcome: 'doomed', abandoned: ['stuck'] })
  never.open()
})

test('a nest that was stopped before it began ends at once', async () => {
  const one = nest(constant(1), same)
  one.stop()
  expect((await one.join())?.outcome).toBe('doomed')
})

test('who takes items of a nest that is stopped is given no more', async () => {
  const one = nest(constant(1), same)
  let count = 0
  for await (const _ of one) if (++count === 3) one.stop()
  expect(count).toBeLessThan(10)
})

test.each([
  ['join', (one: ReturnType<typeof nest>) => one.join()],
  ['list', (one: ReturnType<typeof nest>) => one.list()],
  ['items', (one: ReturnType<typeof nest>) => one.items().next()],
])('%s rejects with the error of the run', async (_, wait) => {
  const error = await failureOf(() => wait(nest(iter([1]), fails)))
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: new Error('broken'), report: { outcome: 'failed' } })
})

test('an error that is caught is nobody else’s, and what came before it is there', async () => {
  const seen: unknown[] = []
  const second = (n: number) => (n === 2 ? fails() : n)
  const one = nest(iter([1, 2]), second).catch((error, report) => void seen.push(error.code, report?.outcome))
  expect(await one.list()).toEqual([1])
  expect(seen).toEqual(['PLB_NODE_FAILED', 'failed'])
})

test('join waits for whoever handles an error, and rejects with what that throws', async () => {
  const handled = gate()
  let isHandled = false
  const one = nest(iter([1]), fails).catch(async () => {
    await handled.opened
    isHandled = true
  })
  const end = one.join()
  handled.open()
  expect((await end)?.outcome).toBe('failed')
  expect(isHandled).toBe(true)
  const thrown = await nest(iter([1]), fails)
    .catch(() => {
      throw new Error('no better')
    })
    .join()
    .catch((error: unknown) => error)
  expect(thrown).toEqual(new Error('no better'))
})

test('a nest that is only started may fail without a word', async () => {
  const failed = gate()
  const one = nest(iter([1]), fails).with({ onStart: (pipeline) => void pipeline.settled.then(failed.open) })
  one.start()
  await failed.opened
  expect((await failureOf(() => one.join())).code).toBe('PLB_NODE_FAILED')
})

test('a nest that is watched shows its queues and its pace, and stops with the run', async () => {
  vi.useFakeTimers()
  const held = gate()
  const lines: string[] = []
  const hold = async (n: number) => {
    await held.opened
    return n
  }
  const one = nest(iter([1, 2, 3]), step(hold, { queueSize: 2 })).watch({
    screen: { write: (text: string) => lines.push(text) },
    everyMs: 1000,
  })
  const begun = gate()
  const end = one.with({ onStart: () => begun.open() }).join()
  await begun.opened
  await vi.advanceTimersByTimeAsync(1500)
  expect(lines.join('')).toMatch(/done.*\n.*iter → hold 2\/2/s)
  held.open()
  vi.useRealTimers()
  await end
  expect(lines.at(-1)).toMatch(/^completed/)
})

test('a nest knows how full its queues are', async () => {
  const held = gate()
  const one = nest(
    iter([1, 2, 3]),
    step(async () => held.opened, { queueSize: 2 }),
  )
  expect(one.info()).toEqual([])
  const end = one.join()
  await until(() => one.info()[0]?.depth === 2)
  expect(one.info()).toEqual([{ from: 'iter', to: 'map', depth: 2, capacity: 2 }])
  held.open()
  await end
})

test('on a terminal there is one line of progress between those of the queues', async () => {
  vi.useFakeTimers()
  const held = gate()
  const texts: string[] = []
  const screen = { isTTY: true, columns: 80, write: (text: string) => texts.push(text) }
  const begun = gate()
  const one = nest(iter([1, 2]), async () => held.opened).with({ onStart: () => begun.open() })
  const end = one.watch({ screen, everyMs: 1000 }).join()
  await begun.opened
  await vi.advanceTimersByTimeAsync(1050)
  held.open()
  vi.useRealTimers()
  await end
  expect(texts.filter((text) => text.endsWith('\n'))).toEqual([expect.stringMatching(/^\r.*iter → map \d\/64\n$/)])
  expect(texts.length).toBeGreaterThan(5)
})

test('a nest that is not watched any more shows nothing', async () => {
  const lines: string[] = []
  await nest(iter([1]))
    .watch({ screen: { write: (text: string) => lines.push(text) } })
    .unwatch()
    .run()
  expect(lines).toEqual([])
})

test.each([{ everyMs: 0 }, { screen: 1 as never }])('watch refuses %j', (options) => {
  expect(() => nest(iter([1])).watch(options)).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
})

test('what is wrong with the options of a run is said when it starts', async () => {
  const error = await failureOf(() =>
    nest(iter([1]))
      .with({ deadlineMs: -1 })
      .run(),
  )
  expect(error.code).toBe('PLB_OPTION_INVALID')
  expect(() => nest(iter([1])).with({ queueSize: 0 })).toThrow('queueSize')
})

test('a run has a deadline where it is given one', async () => {
  class Stuck extends Stage {
    override async do(): Promise<void> {
      await this.sleep(60_000)
    }
  }
  const error = await failureOf(() =>
    nest(iter([1]), new Stuck())
      .with({ deadlineMs: 5 })
      .run(),
  )
  expect(error.code).toBe('PLB_RUN_DEADLINE')
})

import { as, broadcast, constant, iter, nest, parallel, seq, step, zip } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { aborted, range, turns } from '../../support/blackbox.js'
import { AddX, double, inc, Keeping } from './members.js'

/** Holds every item until its call is told to end. */
const stuck = async (_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<never> => aborted(signal)

test('M-27 watch shows the queues of the nest and of what is cut in, until unwatch', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const shown: string[] = []
  const one = nest(iter(range(9)), step(stuck, { queueSize: 2 })).xcut('side', nest(new Keeping()))
  one.watch({ screen: { write: (text) => shown.push(text) }, everyMs: 50 }).start()
  await vi.advanceTimersByTimeAsync(60)
  expect(shown.join('')).toMatch(/iter → stuck 2\/2/)
  expect(shown.join('')).toMatch(/→ Keeping 0\/64/)
  one.unwatch()
  shown.length = 0
  await vi.advanceTimersByTimeAsync(500)
  expect(shown).toEqual([])
  one.stop()
  await one.join()
})

test('M-27 watch looks every 5 seconds unless it is told otherwise', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const shown: string[] = []
  const queues = (): number => shown.filter((text) => text.includes('→')).length
  const one = nest(iter([1]), stuck).watch({ screen: { write: (text) => shown.push(text) } })
  one.start()
  await vi.advanceTimersByTimeAsync(4900)
  expect(queues()).toBe(0)
  await vi.advanceTimersByTimeAsync(5200)
  expect(queues()).toBe(2)
  one.stop()
  await one.join()
})

test('M-28 the graph has the same containers as the members', () => {
  const one = nest(
    iter([1]),
    [inc, [double]],
    parallel(inc, [double]),
    broadcast(double, as(2, AddX)),
    seq(inc),
    zip(inc, double),
    nest(inc),
  )
  const named = (label: string): unknown => expect.stringMatching(new RegExp(`^${label}(-\\d+)?$`))
  expect(one.graph()).toEqual([
    'iter',
    ['inc', ['double']],
    { parallel: [named('inc'), [named('double')]] },
    { broadcast: [named('double'), { parallel: [named('AddX'), named('AddX')] }] },
    { seq: [named('inc')] },
    { zip: [named('inc'), named('double')] },
    [named('inc')],
  ])
})

test('M-29 the layout has a line per node: how deep it is, its name, and what stands before and behind it', () => {
  const one = nest(iter([1]), broadcast(inc, [double, new AddX()]), new Keeping())
  expect(one.printLayout().replaceAll(/ {2,}/g, '  ').split('\n')).toEqual([
    'iter  from -  to inc, double',
    '>> inc  from iter  to Keeping',
    '>> >> double  from iter  to AddX',
    '>> >> AddX  from double  to Keeping',
    'Keeping  from inc, AddX  to -',
  ])
})

test('M-31 sources and sinks can be asked for, and what comes before a node', () => {
  const one = nest(broadcast(iter([1]), [constant(2, 1), inc]), broadcast(double, new AddX()))
  expect([one.sources(), one.sinks()]).toEqual([
    ['iter', 'constant'],
    ['double', 'AddX'],
  ])
  const { graph } = one.toBlueprint().graph
  expect(Object.keys(graph).filter((node) => graph[node]?.includes('double'))).toEqual(['iter', 'inc'])
})

test('M-19 M-31 info tells how full all queues are', async () => {
  const one = nest(iter(range(9)), step(stuck, { queueSize: 2 }), inc)
  expect(one.info()).toEqual([])
  one.start()
  await turns()
  expect(one.info()).toEqual([
    { from: 'iter', to: 'stuck', depth: 2, capacity: 2 },
    { from: 'stuck', to: 'inc', depth: 0, capacity: 64 },
  ])
  one.stop()
  await one.join()
})

test('M-33 of sources that never end none starves another', async () => {
  const counts = { first: 0, second: 0 }
  const one = nest<'first' | 'second'>(broadcast(constant('first'), constant('second')))
  for await (const name of one) if (++counts[name] && counts.first + counts.second === 200) break
  expect(Math.min(counts.first, counts.second)).toBeGreaterThanOrEqual(50)
})

test('M-33 a nest that waits does nothing: it sets no timer and asks for no turn of the loop', async () => {
  const timers = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')]
  onTestFinished(() => void vi.restoreAllMocks())
  const go = gate()
  async function* late(): AsyncGenerator<number, void, void> {
    await go.opened
    yield 1
  }
  const end = nest(late, inc, parallel(double, [inc]), new AddX()).list()
  await turns()
  expect(process.getActiveResourcesInfo().filter((name) => name === 'Immediate')).toEqual([])
  expect(timers.map(({ mock }) => mock.calls.length)).toEqual([0, 0])
  go.open()
  expect(await end).toHaveLength(1)
})

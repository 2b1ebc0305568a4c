import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, defineCoro, isPipelineError } from '@pipelines/core'
import { hashOf, type Random, randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { having, nodeOf, plumberOf, type Report, range, type Stage, same } from '../support/blackbox.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { expectSound, inVirtualTime, now, timed } from '../support/virtual-time.js'

/*
 * Random policies for items that fail at random, on a clock that jumps: what becomes of every item is known beforehand.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/item-failure-random.test.ts
 */
const seeds = seedsOf(250, 3_000)

/** Time that coroutines get to obey; none takes longer. */
const GRACE_MS = 1_000

interface Policy {
  readonly workers: number
  readonly ordered: boolean
  readonly queueSize: number
  readonly fuse: boolean
  readonly onError: 'skip' | 'route'
  readonly timeoutMs?: number
  readonly retry?: { readonly attempts: number; readonly minDelayMs: number; readonly jitter: 'full' | 'none' }
  readonly rateLimit?: { readonly count: number; readonly perMs: number }
  readonly emit?: 'atomic'
}

const STYLES = ['plain', 'emitting', 'generator', 'asyncGenerator'] as const

interface Play {
  readonly seed: number
  readonly style: (typeof STYLES)[number]
  readonly policy: Policy
  readonly shape: 'chain' | 'diamond'
  readonly items: readonly (readonly [atMs: number, value: number])[]
  /** How long whoever takes the results needs for each. */
  readonly outMs: number
}

function draw(seed: number): Play {
  const random = randomOf(seed)
  const style = random.pick(STYLES)
  const generates = style === 'generator' || style === 'asyncGenerator'
  const atomic = random.chance(0.5)
  const retries = random.chance(0.6) && (!generates || atomic)
  const policy: Policy = {
    workers: random.integer(1, 4),
    ordered: random.chance(0.5),
    queueSize: random.integer(1, 6),
    fuse: random.chance(0.5),
    onError: random.chance(0.5) ? 'skip' : 'route',
    // Odd, where calls take an even time: so it is known which comes first.
    ...(random.chance(0.6) && { timeoutMs: 2 * random.integer(2, 25) + 1 }),
    ...(retries && { retry: retryOf(random) }),
    ...(random.chance(0.3) && { rateLimit: { count: random.integer(1, 4), perMs: random.integer(1, 50) } }),
    ...(atomic && { emit: 'atomic' }),
  }
  let atMs = 0
  const items = range(random.integer(1, 25)).map((n) => {
    atMs += random.chance(0.6) ? 0 : random.integer(1, 60)
    return [atMs, n] as const
  })
  const outMs = random.chance(0.3) ? random.integer(1, 80) : 0
  return { seed, style, policy, shape: random.chance(0.4) ? 'diamond' : 'chain', items, outMs }
}

const retryOf = (random: Random) => ({
  attempts: random.integer(1, 4),
  minDelayMs: random.integer(0, 20),
  jitter: random.chance(0.5) ? ('full' as const) : ('none' as const),
})

/** What one attempt does: the same whenever it is asked. */
function behaviour({ seed }: Play, n: number, attempt: number) {
  const drawn = (what: string, count: number) => hashOf(`${seed} ${n} ${attempt} ${what}`) % count
  const ms = drawn('quick', 5) < 2 ? 0 : 2 * (1 + drawn('ms', 40))
  return { ms, obeys: drawn('obeys', 3) > 0, fails: drawn('fails', 3) === 0, thrown: drawn('thrown', 4) }
}

/** What becomes of an item if nobody interferes. */
function fateOf(play: Play, n: number): { readonly code?: string; readonly attempts: number } {
  const { timeoutMs = Number.POSITIVE_INFINITY, retry } = play.policy
  for (let attempt = 1; ; attempt++) {
    const { ms, fails } = behaviour(play, n, attempt)
    // What does not wait cannot be interrupted.
    const late = play.style !== 'generator' && ms > timeoutMs
    if (!late && !fails) return { attempts: attempt }
    if (attempt < (retry?.attempts ?? 1)) continue
    return { code: late ? 'PLB_NODE_TIMEOUT' : 'PLB_NODE_FAILED', attempts: attempt }
  }
}

/** Parts that an item leaves as, whatever its fate. */
function partsOf({ style, policy, ...play }: Play, n: number): string[] {
  const { code, attempts } = fateOf({ style, policy, ...play }, n)
  const both = [`${n}a${attempts}`, `${n}b${attempts}`]
  if (code === undefined) return style === 'plain' ? [`${n}a${attempts}`] : both
  const generates = style === 'generator' || style === 'asyncGenerator'
  return generates && policy.emit === undefined && code === 'PLB_NODE_FAILED' ? both : []
}

interface Call {
  readonly n: number
  readonly attempt: number
  readonly atMs: number
  readonly key: string
}

/** The node under test, and everything that can be seen of it from outside. */
class Subject {
  readonly calls: Call[] = []
  most = 0
  overlaps = 0
  readonly #play: Play
  readonly #running = new Map<number, number>()

  constructor(play: Play) {
    this.#play = play
  }

  get coro(): object {
    const begin = (n: number, ctx: Context) => this.#begin(n, ctx)
    const end = (n: number): void => void this.#running.set(n, (this.#running.get(n) ?? 0) - 1)
    const { style } = this.#play
    const pause = ({ ms, obeys }: ReturnType<typeof behaviour>, { signal }: Context) =>
      ms > 0 ? sleep(ms, undefined, obeys ? { signal } : {}) : undefined
    if (style === 'generator')
      return function* (n: number, ctx: Context) {
        const { attempt } = ctx
        const { fails, thrown } = begin(n, ctx)
        end(n)
        yield `${n}a${attempt}`
        yield `${n}b${attempt}`
        if (fails) throw errorOf(thrown)
      }
    if (style === 'asyncGenerator')
      return async function* (n: number, ctx: Context) {
        const { attempt } = ctx
        const does = begin(n, ctx)
        try {
          await pause(does, ctx)
        } finally {
          end(n)
        }
        yield `${n}a${attempt}`
        yield `${n}b${attempt}`
        if (does.fails) throw errorOf(does.thrown)
      }
    return (n: number, ctx: Context) => {
      const { attempt } = ctx
      const does = begin(n, ctx)
      const result = (): string => {
        end(n)
        if (style === 'emitting') ctx.emit('out', `${n}a${attempt}`)
        if (does.fails) throw errorOf(does.thrown)
        return style === 'emitting' ? `${n}b${attempt}` : `${n}a${attempt}`
      }
      const paused = pause(does, ctx)
      if (paused === undefined) return result()
      return paused.then(result, (error) => {
        end(n)
        throw error
      })
    }
  }

  #begin(n: number, { attempt, idempotencyKey }: Context) {
    this.calls.push({ n, attempt, atMs: now(), key: idempotencyKey })
    const already = this.#running.get(n) ?? 0
    if (already > 0) this.overlaps++
    this.#running.set(n, already + 1)
    const running = [...this.#running.values()].reduce((sum, count) => sum + count, 0)
    this.most = Math.max(this.most, running)
    return behaviour(this.#play, n, attempt)
  }
}

function errorOf(thrown: number): unknown {
  return [new Error('boom'), undefined, 'text', new DOMException('mine', 'AbortError')][thrown]
}

/** The graph of a play, and what comes out of it. */
function staged(play: Play, out: Stage) {
  const { policy, shape, items } = play
  const subject = new Subject(play)
  const nodes: Record<string, Stage> = { src: timed(...items), work: having({ ...policy }, subject.coro), out }
  const errors = policy.onError === 'route' ? [{ to: 'dead', port: 'error' }] : []
  if (policy.onError === 'route') nodes.dead = same
  const chained = { src: ['work'], work: ['out', ...errors] }
  if (shape === 'chain') return { subject, plumber: plumberOf(nodes, chained) }
  const join = having({ missing: 'partial', collect: 'all' }, same)
  const graph = { src: ['work', 'side'], work: ['join', ...errors], side: ['join'], join: ['out'] }
  return { subject, plumber: plumberOf({ ...nodes, side: same, join }, graph) }
}

interface Seen {
  readonly subject: Subject
  readonly report: Report
  readonly results: unknown[]
  readonly letters: { readonly input: number; readonly error: { readonly code: string; readonly attempts: number } }[]
}

/** What must hold however the run ended. */
function expectLawful(play: Play, { subject, report, results, letters }: Seen): void {
  const { policy } = play
  const { calls } = subject
  const { received, failed, retried } = nodeOf(report, 'work')
  expectSound(report)
  expect(subject.most, 'calls at once').toBeLessThanOrEqual(policy.workers)
  expect(subject.overlaps, 'calls of one item at once').toBe(0)
  expect(calls.length, 'calls').toBeLessThanOrEqual(received + retried)
  const byItem = new Map<number, Call[]>()
  for (const call of calls) byItem.set(call.n, [...(byItem.get(call.n) ?? []), call])
  for (const [n, own] of byItem) {
    expect(own.map(({ attempt }) => attempt)).toEqual(range(own.length).map((place) => place + 1))
    expect(new Set(own.map(({ key }) => key)).size, `keys of ${n}`).toBe(1)
    expect(own.length).toBeLessThanOrEqual(fateOf(play, n).attempts)
  }
  expect(new Set(calls.map(({ key }) => key)).size, 'keys').toBe(byItem.size)
  expect(new Set(letters.map(({ input }) => input)).size, 'letters').toBe(letters.length)
  expect(letters.length).toBeLessThanOrEqual(failed)
  const { count = Number.POSITIVE_INFINITY, perMs = 0 } = policy.rateLimit ?? {}
  for (const [place, { atMs }] of calls.slice(count).entries())
    expect(atMs - Number(calls[place]?.atMs), 'starts in a stretch of time').toBeGreaterThanOrEqual(perMs)
  for (const { input, error } of letters) expect(error).toMatchObject(fateOf(play, input))
  for (const error of report.errors) if (isPipelineError(error)) expect(error.message.length).toBeLessThan(8_192)
  const all = play.shape === 'chain' ? results : results.flatMap((tuple) => (tuple as [string[]])[0] ?? [])
  const possible = new Set(play.items.flatMap(([, n]) => partsOf(play, n)))
  expect(
    all.filter((part) => !possible.has(String(part))),
    'results that no item gives',
  ).toEqual([])
  expect(new Set(all).size, 'results').toBe(all.length)
}

describe('items that fail at random', manySeeds, () => {
  test('have the fate that their policies say', async () => {
    for (const seed of seeds)
      await withSeed(seed, () =>
        inVirtualTime(async () => {
          const play = draw(seed)
          const out = having({ queueSize: 2 }, (value: unknown) => (play.outMs ? sleep(play.outMs, value) : value))
          const { subject, plumber } = staged(play, out)
          const results: unknown[] = []
          const letters: Seen['letters'] = []
          const report = await plumber.createPipeline({
            ledger: true,
            graceMs: GRACE_MS,
            onOutput: ({ node, value }) => void (node === 'dead' ? letters.push(value as never) : results.push(value)),
          }).settled
          expectLawful(play, { subject, report, results, letters })

          const numbers = play.items.map(([, n]) => n)
          const bad = numbers.filter((n) => fateOf(play, n).code !== undefined)
          const attempts = numbers.reduce((sum, n) => sum + fateOf(play, n).attempts, 0)
          expect(report.outcome).toBe('completed')
          expect(nodeOf(report, 'work')).toMatchObject({
            received: numbers.length,
            completed: numbers.length - bad.length,
            failed: bad.length,
            retried: attempts - numbers.length,
          })
          expect(subject.calls).toHaveLength(attempts)
          const routed = play.policy.onError === 'route'
          expect(letters.map(({ input }) => input).toSorted((a, b) => a - b)).toEqual(routed ? bad : [])
          expect(report.errors.map(({ code }) => code).toSorted()).toEqual(
            bad.map((n) => fateOf(play, n).code).toSorted(),
          )
          const verdicts = { delivered: numbers.length - bad.length, filtered: 0, aborted: 0 }
          expect(report.roots).toEqual({
            ...verdicts,
            errored: routed ? 0 : bad.length,
            deadLettered: routed ? bad.length : 0,
          })
          const expected = numbers.flatMap<unknown>((n) =>
            play.shape === 'chain' ? partsOf(play, n) : [[partsOf(play, n), [n]]],
          )
          const texts = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value))
          const ordered = play.policy.ordered || play.shape === 'diamond'
          if (ordered) expect(texts(results)).toEqual(texts(expected))
          else expect(texts(results).toSorted()).toEqual(texts(expected).toSorted())
        }, seed),
      )
  })

  test('leave nothing behind when the run ends in the middle', async () => {
    const outcomes = new Map<string, number>()
    for (const seed of seeds)
      await withSeed(seed, () =>
        inVirtualTime(async () => {
          const random = randomOf(hashOf(`ends ${seed}`))
          const play = draw(seed)
          const how = random.pick(['doomsday', 'drain', 'deadline', 'signal', 'early', 'failure'] as const)
          const endMs = random.integer(0, 120)
          const takes = random.integer(1, 5)
          const early = defineCoro({
            kind: 'stream',
            run: async function* (inputs: AsyncIterable<unknown>) {
              let left = takes
              for await (const value of inputs) {
                yield value
                if (--left === 0) return
              }
            },
          })
          const failing = (value: unknown) => {
            if (now() >= endMs) throw new Error('the end')
            return value
          }
          const { subject, plumber } = staged(play, how === 'early' ? early : how === 'failure' ? failing : same)
          const results: unknown[] = []
          const letters: Seen['letters'] = []
          const controller = new AbortController()
          const pipeline = plumber.createPipeline({
            ledger: true,
            graceMs: GRACE_MS,
            signal: controller.signal,
            ...(how === 'deadline' && { deadlineMs: endMs }),
            onOutput: ({ node, value }) => void (node === 'dead' ? letters.push(value as never) : results.push(value)),
          })
          await Promise.race([sleep(endMs), pipeline.settled])
          const endedAt = now()
          if (how === 'doomsday') void pipeline.doomsday('enough')
          if (how === 'signal') controller.abort('enough')
          if (how === 'drain') void pipeline.drain({ deadlineMs: 100 })
          const report = await pipeline.settled
          const settledAt = now()
          outcomes.set(`${how}: ${report.outcome}`, (outcomes.get(`${how}: ${report.outcome}`) ?? 0) + 1)
          expectLawful(play, { subject, report, results, letters })
          const last = subject.calls.length
          await sleep(10_000)
          expect(subject.calls.length, 'calls after the end').toBe(last)
          // What is left of the time to drain is not enough for calls that do not listen.
          if (how !== 'drain') expect(report.abandoned).toEqual([])
          // Calls that do not listen take up to 80 ms; everything else obeys at once.
          if (how === 'doomsday' || how === 'signal' || how === 'deadline')
            expect(settledAt - endedAt).toBeLessThanOrEqual(81)
          if (how === 'doomsday' || how === 'signal' || how === 'deadline' || how === 'drain') {
            const failures = report.errors.filter(({ code }) => !code.startsWith('PLB_RUN_'))
            expect(failures.length, 'errors of items').toBe(nodeOf(report, 'work').failed)
          }
          if (how === 'early') expect(report.outcome).toBe('completed')
          const entered = nodeOf(report, 'src').emitted
          const verdicts = Object.values(report.roots ?? {}).reduce((sum, count) => sum + count, 0)
          expect(verdicts, 'verdicts').toBeGreaterThanOrEqual(entered)
          expect(verdicts, 'verdicts').toBeLessThanOrEqual(play.items.length)
        }, seed),
      )
    expect(outcomes.size).toBeGreaterThan(6)
  })
})

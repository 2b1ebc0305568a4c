import { expect, test } from 'vitest'
import { manySeeds, seedsOf, withSeed } from '../../support/seeds.js'
import { stillClock } from '../../support/still-clock.js'
import { sameBothWays } from './both-ways.js'
import { randomLine } from './random-lines.js'

/*
 * Random chains and diamonds of chains give and count the same with and without call chains, with and without a ledger.
 *
 * Everything is drawn from a seed. A failure names it; to see only that one again:
 *     SEED=123 npx vitest run --project e2e test/e2e/fusion/random-lines.test.ts
 * SOAK=1 tries 10,000 in place of 300.
 */
const seeds = seedsOf(300, 10_000)

stillClock()

test('random chains and diamonds are the same with and without call chains', manySeeds, async () => {
  for (const seed of seeds)
    await withSeed(seed, async () => {
      const { scenario, mayEnd, text } = randomLine(seed)
      try {
        await sameBothWays(scenario, mayEnd ? 'until it ends' : 'all')
      } catch (error) {
        if (error instanceof Error) error.message = `${error.message}\n${text}`
        throw error
      }
    })
})

test('the random chains and diamonds have what they are made for', () => {
  if (process.env.SEED !== undefined) return
  const texts = seeds.slice(0, 300).map((seed) => randomLine(seed).text)
  const words = [
    'chain',
    'diamond',
    'diamonds',
    'nested',
    'fork',
    'throws',
    'drops',
    'emits',
    'generators',
    'takes its time',
  ]
  for (const word of [...words, 'has hooks', 'one by one', 'from a list', 'by put', 'fuse', 'doomsday', 'pause', 'tap'])
    expect(texts.filter((text) => text.includes(word)).length, word).toBeGreaterThanOrEqual(20)
})

import { performance } from 'node:perf_hooks'
import { memoryUsage } from 'node:process'
import type { Figures } from '../figures.js'
import { sumAfter } from '../numbers.js'
import { arrayHops, filled, STAGES } from './arrays.js'
import { endKept } from './kept.js'

const KIB = 2 ** 10

/** The most memory that large arrays take on their way, beyond that of a process whose threads are warm. */
export async function peak(transfer: boolean, items: number): Promise<Figures> {
  const run = arrayHops(transfer, filled)
  await run(0)
  const baseKib = memoryUsage.rss() / KIB
  const began = performance.now()
  const sum = await run(items)
  const seconds = (performance.now() - began) / 1e3
  // The most since the process began: the system keeps it, so that no moment is missed.
  const { maxRSS } = process.resourceUsage()
  await endKept()
  if (sum !== sumAfter(STAGES, items)) throw new Error(`W8: the arrays came to ${sum}`)
  return { rssGrowthMb: (maxRSS - baseKib) / KIB, seconds }
}

import { memoryUsage } from 'node:process'
import { setImmediate as turn } from 'node:timers/promises'
import type { Figures } from './figures.js'
import { newPlumber, oneItem } from './one-item.js'

/**
 * What so many pipelines leave behind in a process that has compiled everything. Needs `gc`. Two stretches, of which the
 * lesser growth counts: what is kept for good is there in both; the heap by itself goes up and down by 100 kB, and the process may have handles
 * of its own that come and go.
 */
export async function growth(rounds: number): Promise<Figures> {
  const plumber = newPlumber()
  await repeat(plumber, rounds)
  const before = await settled()
  await repeat(plumber, rounds)
  const between = await settled()
  await repeat(plumber, rounds)
  const after = await settled()
  const lesser = (of: 'heap' | 'handles'): number =>
    Math.max(0, Math.min(between[of] - before[of], after[of] - between[of]))
  return { heapBytesPerRound: lesser('heap') / rounds, moreHandles: lesser('handles') }
}

async function repeat(plumber: ReturnType<typeof newPlumber>, rounds: number): Promise<void> {
  for (let item = 0; item < rounds; item++) await oneItem(plumber, item)
}

/** What is there when nothing is under way; weak references and finalisers need turns of the event loop. */
async function settled(): Promise<{ readonly heap: number; readonly handles: number }> {
  for (let times = 0; times < 3; times++) {
    globalThis.gc?.()
    await turn()
  }
  return { heap: memoryUsage().heapUsed, handles: process.getActiveResourcesInfo().length }
}

import type { Workload } from './workload.js'

/** Loads a workload, and with it the libraries that it is compared with. */
type Load = () => Promise<Workload>

/** All workloads, in the order of the table. */
export const WORKLOADS: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['W1', async () => (await import('./workloads/w01-sync-chain.js')).syncChain],
  ['W2', async () => (await import('./workloads/w02-queued-chain.js')).queuedChain],
  ['W3', async () => (await import('./workloads/w03-workers.js')).workers],
  ['W4', async () => (await import('./workloads/w04-timers.js')).timers],
  ['W5', async () => (await import('./workloads/w05-diamond.js')).diamond],
  ['W6', async () => (await import('./workloads/w06-long-and-wide.js')).longAndWide],
  ['W7', async () => (await import('./workloads/w07-arithmetic.js')).arithmetic],
  ['W8', async () => (await import('./workloads/w08-large-arrays.js')).largeArrays],
  ['W9', async () => (await import('./workloads/w09-small-objects.js')).smallObjects],
  ['W10', async () => (await import('./workloads/w10-one-item.js')).oneItemEach],
  ['W11', async () => (await import('./workloads/w11-http.js')).requests],
  ['W12', async () => (await import('./workloads/w12-slow-receiver.js')).slowReceiver],
  ['W13', async () => (await import('./workloads/w13-earlier-systems.js')).earlierSystems],
  ['bursts', async () => (await import('./workloads/bursts.js')).bursts],
])

export async function loadWorkload(name: string): Promise<Workload> {
  const load = WORKLOADS.get(name)
  if (load === undefined) throw new Error(`no workload "${name}"`)
  return load()
}

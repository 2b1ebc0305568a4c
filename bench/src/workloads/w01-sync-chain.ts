import { chain, onlySum } from '../graphs.js'
import { sumAfter } from '../numbers.js'
import { BOUNDED_PEERS, GENERATORS, syncChainPeers } from '../peers/sync-chain.js'
import type { Workload } from '../workload.js'

/** What a chain costs as users get it: neighbours that need no queue run as one call. */
export const syncChain: Workload = {
  name: 'W1',
  parts: [
    {
      kind: 'race',
      title: 'W1: source → +1 → sink, sync functions',
      items: { full: 1_000_000, short: 500_000, quick: 1_000 },
      figure: 'nsPerItem',
      checksum: (items) => sumAfter(1, items),
      contestants: [{ name: 'Pipelines', ours: true, bounds: true, run: onlySum(chain({})) }, ...syncChainPeers],
      targets: [
        { kind: 'time', ours: 'Pipelines', of: [GENERATORS], atMost: 1 },
        { kind: 'speed', ours: 'Pipelines', of: BOUNDED_PEERS, atLeast: 1 },
      ],
    },
  ],
}

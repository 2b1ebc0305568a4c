import { chain, onlySum } from '../graphs.js'
import { sumAfter } from '../numbers.js'
import { GENERATORS, STREAMS_64, STREAMS_1024, syncChainPeers } from '../peers/sync-chain.js'
import type { Workload } from '../workload.js'

const OURS_64 = 'Pipelines, fuse: false, queueSize 64'
const OURS_1024 = 'Pipelines, fuse: false, queueSize 1,024'

/** What a chain costs that goes through queues: two hops. */
export const queuedChain: Workload = {
  name: 'W2',
  parts: [
    {
      kind: 'race',
      title: 'W2: source → queue → +1 → queue → sink, sync functions',
      items: { full: 1_000_000, short: 400_000, quick: 1_000 },
      figure: 'nsPerItem',
      checksum: (items) => sumAfter(1, items),
      contestants: [
        { name: OURS_64, ours: true, bounds: true, run: onlySum(chain({ fuse: false, queueSize: 64 })) },
        { name: OURS_1024, ours: true, bounds: true, run: onlySum(chain({ fuse: false, queueSize: 1_024 })) },
        ...syncChainPeers,
      ],
      targets: [
        { kind: 'time', ours: OURS_64, of: [GENERATORS], atMost: 4 },
        { kind: 'time', ours: OURS_1024, of: [GENERATORS], atMost: 2 },
        { kind: 'speed', ours: OURS_64, of: [STREAMS_64], atLeast: 2 },
        { kind: 'speed', ours: OURS_1024, of: [STREAMS_1024], atLeast: 2 },
      ],
    },
  ],
}

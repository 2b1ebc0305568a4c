import { inChild } from '../child.js'
import { count, type Figures } from '../figures.js'
import type { Flow } from '../steady.js'
import type { Size, Workload } from '../workload.js'

const ITEMS: Readonly<Record<Size, number>> = { full: 10_000_000, short: 500_000, quick: 20_000 }
const FUSED = 'Pipelines'
const QUEUED = 'Pipelines, fuse: false'

/** Memory and timers while a fast source feeds a slow receiver; each row in a process of its own. */
export const slowReceiver: Workload = {
  name: 'W12',
  parts: [
    {
      kind: 'probe',
      title: (size) => `W12: source → receiver ten times slower; ${count(ITEMS[size])} items`,
      columns: ['rssGrowthMb', 'lagP99Ms', 'worstLagMs', 'seconds'],
      rows: [
        { name: FUSED, ours: true, measure: flow('fused') },
        { name: QUEUED, ours: true, measure: flow('queued') },
        { name: 'bare loop', measure: flow('loop') },
      ],
      targets: [FUSED, QUEUED].flatMap(
        (ours) =>
          [
            { kind: 'figure', ours, figure: 'rssGrowthMb', atMost: 30 },
            { kind: 'figure', ours, figure: 'lagP99Ms', atMost: 30 },
          ] as const,
      ),
    },
  ],
}

function flow(name: Flow): (size: Size) => Promise<Figures> {
  return (size) => inChild('./children/steady.js', [name, String(ITEMS[size])])
}

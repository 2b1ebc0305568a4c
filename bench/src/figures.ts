interface Shown {
  readonly head: string
  readonly show: (value: number) => string
}

export const count = (value: number): string => Math.round(value).toLocaleString('en-US')
export const times = (value: number): string => `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ×`
const small = (value: number): string => (value < 100 ? value.toFixed(1) : count(value))
const fine = (value: number): string => (value < 10 ? value.toFixed(2) : small(value))
const share = (value: number): string => `${Math.round(value * 100)} %`
const percent = (value: number): string => `±${share(value)}`

/** Everything that a row may tell, with the head of its column. */
export const FIGURES = {
  nsPerItem: { head: 'ns/item', show: small },
  nsPerHop: { head: 'ns/hop', show: small },
  usPerRound: { head: 'µs/round', show: small },
  msPerRun: { head: 'ms', show: small },
  msPerItem: { head: 'ms/item', show: fine },
  usPerItem: { head: 'µs/item', show: fine },
  requestsPerSecond: { head: 'requests/s', show: count },
  ofOurs: { head: 'of ours', show: times },
  noise: { head: 'noise', show: percent },
  cpuNsPerItem: { head: 'CPU ns/item', show: count },
  cpuUsPerRequest: { head: 'CPU µs/request', show: small },
  cpuOfOurs: { head: 'CPU of ours', show: times },
  serverBusy: { head: 'server busy', show: share },
  worstLagMs: { head: 'worst lag ms', show: count },
  lagP99Ms: { head: 'lag p99 ms', show: small },
  seconds: { head: 'seconds', show: small },
  rssGrowthMb: { head: 'RSS growth MB', show: small },
  heapBytesPerRound: { head: 'heap B/round', show: small },
  moreHandles: { head: 'more handles', show: count },
  calls: { head: 'calls', show: count },
  tasks: { head: 'p-queue tasks', show: count },
  callsPerTask: { head: 'calls/task', show: small },
} as const satisfies Record<string, Shown>

export type Figure = keyof typeof FIGURES
export type Figures = Readonly<Partial<Record<Figure, number>>>

export function show(figure: Figure, value: number | undefined): string {
  return value === undefined ? '' : FIGURES[figure].show(value)
}

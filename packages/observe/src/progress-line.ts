/** What a progress line tells. */
export interface Standing {
  readonly done: number
  /** How many there will be. */
  readonly total?: number | undefined
  readonly perSecond: number
  readonly failed: number
  readonly inProgress: number
  readonly bottleneck?: string | undefined
  readonly elapsedMs: number
  /** Whether the run has ended: then there is no time left. */
  readonly isOver: boolean
}

/** The line, without control characters; each of its characters is one column wide. */
export function lineOf(standing: Standing): string {
  const { perSecond, failed, inProgress, bottleneck, elapsedMs } = standing
  return [
    doneOf(standing),
    `${number(perSecond)}/s`,
    failed > 0 ? `${number(failed)} failed` : undefined,
    inProgress > 0 ? `${number(inProgress)} in progress` : undefined,
    bottleneck === undefined ? undefined : `bottleneck ${printable(bottleneck)}`,
    clock(elapsedMs / 1000),
    leftOf(standing),
  ]
    .filter((part) => part !== undefined)
    .join(' · ')
}

function doneOf({ done, total }: Standing): string {
  if (total === undefined) return `${number(done)} done`
  const percent = total > 0 ? Math.min(100, Math.floor((done / total) * 100)) : 100
  return `${number(done)} of ${number(total)} (${percent}%)`
}

function leftOf({ done, total, perSecond, isOver }: Standing): string | undefined {
  if (total === undefined || done >= total || perSecond <= 0 || isOver) return
  return `${clock(Math.ceil((total - done) / perSecond))} left`
}

const number = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 })

/** Hours are there only where there are some: `0:09`, `1:00:09`. */
function clock(seconds: number): string {
  const whole = Math.floor(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return (whole < 3600 ? parts.slice(1) : parts)
    .map((part, place) => (place === 0 ? String(part) : String(part).padStart(2, '0')))
    .join(':')
}

/** Names of nodes are plain text; but what is watched need not be a pipeline of ours. */
const printable = (name: string): string => name.replace(/[^\x20-\x7e]/g, '?')

import type { Pipeline, Plumber, RunReport } from '@pipelines/plumber'

/** As much of a terminal as is needed. */
export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Runs the graph over the folder `root`. A terminal shows live counts meanwhile; Ctrl-C dooms the run. */
export async function run(plumber: Plumber, root: string, screen: Screen): Promise<RunReport> {
  const pipeline = plumber.createPipeline({ env: { root } })
  const stop = (): void => void pipeline.doomsday('Stopped by Ctrl-C.')
  const timer = screen.isTTY ? setInterval(() => print(screen, counts(pipeline)), 100) : undefined
  process.once('SIGINT', stop)
  try {
    return await pipeline.settled
  } finally {
    process.off('SIGINT', stop)
    clearInterval(timer)
    print(screen, '')
  }
}

/** Writes over the live counts, if there are any. */
export function print(screen: Screen, text: string): void {
  screen.write(screen.isTTY ? `\r\u001b[K${text}` : text)
}

function counts(pipeline: Pipeline): string {
  const { walk, read, summarise } = pipeline.snapshot().nodes
  return `found ${walk?.emitted} · read ${read?.completed} · skipped ${read?.failed} · summed up ${summarise?.completed}`
}

import type { Pipeline, Plumber, RunReport } from '@pipelines/plumber'

/** As much of a terminal as is needed. */
export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Empties the line that the cursor is in. */
const CLEAR = '\r\u001b[K'

/** Runs the graph over the folder `root`. A terminal shows live counts meanwhile; Ctrl-C dooms the run. */
export async function run(plumber: Plumber, root: string, screen: Screen): Promise<RunReport> {
  const pipeline = plumber.createPipeline({ env: { root } })
  const stop = (): void => void pipeline.doomsday('Ctrl-C')
  process.once('SIGINT', stop)
  const timer = screen.isTTY ? setInterval(() => screen.write(CLEAR + counts(pipeline)), 100) : undefined
  try {
    return await pipeline.settled
  } finally {
    clearInterval(timer)
    process.off('SIGINT', stop)
    print(screen, '')
  }
}

/** Writes whole lines, over the live counts if there are any. */
export function print(screen: Screen, text: string): void {
  screen.write((screen.isTTY ? CLEAR : '') + text)
}

function counts(pipeline: Pipeline): string {
  const { walk, read, summarise } = pipeline.snapshot().nodes
  return `found ${walk?.emitted} · read ${read?.completed} · skipped ${read?.failed} · summed up ${summarise?.received}`
}

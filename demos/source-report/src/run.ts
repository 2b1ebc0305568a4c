import { progress, type Screen } from '@pipelines/observe'
import type { Plumber, RunReport } from '@pipelines/plumber'

/** Runs the graph over the folder `root`. A terminal shows progress meanwhile; Ctrl-C dooms the run. */
export async function run(plumber: Plumber, root: string, screen: Screen): Promise<RunReport> {
  const pipeline = plumber.createPipeline({ env: { root } })
  const stop = (): void => void pipeline.doomsday('Stopped by Ctrl-C.')
  if (screen.isTTY) progress(pipeline, screen, { done: ({ nodes }) => nodes.summarise?.completed ?? 0 })
  process.once('SIGINT', stop)
  try {
    return await pipeline.settled
  } finally {
    process.off('SIGINT', stop)
  }
}

/** Writes over the line of progress, if there is one. */
export function print(screen: Screen, text: string): void {
  screen.write(screen.isTTY ? `\r\u001b[K${text}` : text)
}

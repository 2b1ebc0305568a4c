import { progress, type Screen } from '@pipelines/observe'
import { checkOptions, isTimeout, type Pipeline } from '@pipelines/plumber'

/** How a nest is watched. */
export interface WatchOptions {
  /** Where it is shown; `process.stderr` fits. @defaultValue `console.error` */
  readonly screen?: Screen | undefined
  /** Milliseconds between two looks at the queues. @defaultValue 5000 */
  readonly everyMs?: number | undefined
}

const EVERY_MS = 5000
/** Goes to the start of the line and clears it. */
const CLEAR = '\r\u001b[K'

const CONSOLE: Screen = { write: (text) => console.error(text.replace(/\n$/, '')) }

/**
 * Shows how far a pipeline is, and how full its queues are, until it settles. It keeps no process alive, and what the
 * screen throws is ignored.
 *
 * @returns a function that ends it early
 */
export function watchPipeline(pipeline: Pipeline, { screen = CONSOLE, everyMs = EVERY_MS }: WatchOptions): () => void {
  const endProgress = progress(pipeline, screen, screen.isTTY === true ? {} : { everyMs })
  const timer = setInterval(() => {
    try {
      screen.write(`${screen.isTTY === true ? CLEAR : ''}${queuesOf(pipeline)}\n`)
    } catch {}
  }, everyMs)
  timer.unref()
  const end = (): void => {
    clearInterval(timer)
    endProgress()
  }
  void pipeline.settled.then(() => clearInterval(timer))
  return end
}

/** Throws `PLB_OPTION_INVALID` unless these are options. */
export function checkWatchOptions(options: WatchOptions): void {
  checkOptions(options, {
    screen: (value) =>
      typeof value === 'object' && value !== null && 'write' in value ? undefined : 'must have a method write',
    everyMs: isTimeout,
  })
}

function queuesOf(pipeline: Pipeline): string {
  return pipeline
    .snapshot()
    .edges.map(({ from, to, depth, capacity }) => `${from} → ${to} ${depth}/${capacity}`)
    .join(' · ')
}

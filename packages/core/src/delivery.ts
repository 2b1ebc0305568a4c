import { PipelineError } from './errors.js'
import type { Host } from './host.js'
import { isThenable } from './iterate.js'
import type { Deliver, Output } from './outlet.js'

/**
 * Hands the outputs of all leaves to `onOutput`, one at a time and first come first served: what it returns is awaited
 * before it is called again. What it throws ends the run.
 */
export function oneAtATime(onOutput: (output: Output) => unknown, host: Host): Deliver {
  /** The last delivery under way. */
  let last: Promise<boolean> | undefined

  const fail = (cause: unknown): false => {
    host.fail(new PipelineError('RUN_FAILED', { what: 'onOutput', cause }, cause))
    return false
  }
  const hand = (output: Output): Promise<boolean> | undefined => {
    try {
      const handed = onOutput(output)
      return isThenable(handed) ? Promise.resolve(handed).then(() => !host.doomed, fail) : undefined
    } catch (error) {
      return Promise.resolve(fail(error))
    }
  }
  const follow = (delivery: Promise<boolean>): Promise<boolean> => {
    last = delivery
    void delivery.then(() => {
      if (last === delivery) last = undefined
    })
    return delivery
  }

  return (output) => {
    if (last !== undefined) return follow(last.then(() => !host.doomed && (hand(output) ?? true)))
    const handed = hand(output)
    return handed === undefined ? undefined : follow(handed)
  }
}

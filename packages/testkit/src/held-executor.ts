import { type Context, type Executor, inline, type NodeBinding, type Runner } from '@pipelines/core'
import type { Scheduler } from './scheduler.js'

/**
 * Runs coroutines on this event loop, each call when the scheduler lets it go: `work #0` is the first call of the node
 * `work`. A stream coroutine is called once; there each item that it takes waits. When the node is told to stop, what
 * waits goes on at once: from then on it is up to the coroutine to obey.
 */
export function heldExecutor(name: string, schedulerNow: () => Scheduler): Executor {
  return {
    name,
    open: (binding: NodeBinding): Runner => {
      const scheduler = schedulerNow()
      const runner = inline.open(binding) as Runner // which is not asynchronous
      let calls = 0
      const hold = ({ signal }: Context): Hold => {
        const label = `${binding.node} #${calls++}`
        return { label, released: scheduler.step(label, signal)?.catch(() => {}) }
      }
      if (binding.coro.kind === 'stream')
        return {
          ...runner,
          run: (inputs, context) => {
            // The engine gives a stream coroutine its inputs as an async iterator.
            const items = inputs as AsyncIterableIterator<unknown>
            return runner.run(
              heldItems(items, () => hold(context).released),
              context,
            )
          },
        }
      return {
        ...runner,
        run: (value, context) => {
          const { label, released } = hold(context)
          const call = (): unknown => scheduler.watch(label, runner.run(value, context))
          return released === undefined ? call() : released.then(call)
        },
      }
    },
  }
}

interface Hold {
  readonly label: string
  /** Absent where it need not wait. */
  readonly released: Promise<void> | undefined
}

function heldItems(
  inputs: AsyncIterableIterator<unknown>,
  hold: () => Promise<void> | undefined,
): AsyncIterableIterator<unknown> {
  const held: AsyncIterableIterator<unknown> = {
    next: async () => {
      const step = await inputs.next()
      if (step.done !== true) await hold()
      return step
    },
    return: async () => (await inputs.return?.()) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]: () => held,
  }
  return held
}

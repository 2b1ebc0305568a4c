import type { Output } from '@pipelines/core'
import type { Reply } from './exchange.js'
import type { ResolvedHandler } from './options.js'
import { type Format, records } from './reply.js'
import type { Visit } from './visit.js'

export interface StreamedOptions {
  readonly visit: Visit
  readonly options: Pick<ResolvedHandler, 'heartbeatMs' | 'readerTimeoutMs'>
  readonly format: Format
}

/** A reply whose first record is there already: an error before that is a status, and not a record. */
export async function streamed(outputs: AsyncGenerator<Output, void, void>, o: StreamedOptions): Promise<Reply> {
  const { visit, options, format } = o
  const chunks = records(outputs, {
    ...options,
    format,
    onStuck: (error) => {
      visit.cancel(error)
      visit.drop()
    },
    onError: (error) => visit.failed(error),
    onOver: (completed) => {
      if (visit.outlives && !completed) void rest(outputs).then(() => visit.end(false))
      else {
        if (!completed) visit.cancel(undefined)
        outputs.return().catch(() => {}) // not waited for: they may be on their way
        visit.end(completed)
      }
    },
  })
  const first = await chunks.next()
  // Who has left takes nothing, and some servers do not even look at it then.
  if (visit.gone) await chunks.return()
  const body = first.done === true || visit.gone ? '' : resumed(first.value, chunks)
  return { status: 200, headers: format.headers, body, readerTimeoutMs: options.readerTimeoutMs }
}

/** The work goes on for nobody. */
async function rest(outputs: AsyncGenerator<Output, void, void>): Promise<void> {
  try {
    for await (const _ of outputs);
  } catch {
    // Nobody is there to be told.
  }
}

/** Not a generator: one that was never asked for anything does not hear of its end. */
function resumed(first: string, others: AsyncGenerator<string, void, void>): AsyncGenerator<string, void, void> {
  let taken = false
  return {
    next() {
      if (taken) return others.next()
      taken = true
      return Promise.resolve({ done: false, value: first })
    },
    return: () => others.return(),
    throw: (error) => others.throw(error),
    [Symbol.asyncIterator]() {
      return this
    },
    async [Symbol.asyncDispose]() {
      await others.return()
    },
  }
}

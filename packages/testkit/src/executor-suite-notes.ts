import type { Context } from '@pipelines/core'

/** Tells the case something, by the log: of errors, what all of them have; null in place of undefined. */
export function note({ log }: Context, ...what: readonly unknown[]): void {
  const said = what.map((one) => (one instanceof Error ? { name: one.name, message: one.message } : (one ?? null)))
  log.info({ note: said.length === 1 ? said[0] : said })
}

/** Never resolves; rejects with the reason when the call is told to stop. */
export function untilTold(ctx: Context): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => {
      note(ctx, 'told', ctx.signal.reason)
      reject(ctx.signal.reason)
    }
    note(ctx, 'waits')
    if (ctx.signal.aborted) onAbort()
    else ctx.signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Gives everything that can move the time to do so: `count` turns of the event loop. */
export async function turns(count = 30): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Waits, turn by turn, until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  const latest = performance.now() + 3_000
  while (!condition()) {
    if (performance.now() > latest) throw new Error(`Still not true: ${String(condition)}`)
    await turns(1)
  }
}

/** Whether a promise settles while everything that can move does. */
export async function settlesSoon(promise: PromiseLike<unknown>): Promise<boolean> {
  let done = false
  const note = (): void => {
    done = true
  }
  promise.then(note, note)
  await turns()
  return done
}

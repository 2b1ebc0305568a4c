/** Who wants to know when a signal aborts: one listener for all of them, however many share the signal. */
const known = new WeakMap<AbortSignal, { readonly told: Set<() => void>; readonly listener: () => void }>()

/** Calls `tell` when the signal aborts; the function that comes back ends that. */
export function onAbort(signal: AbortSignal, tell: () => void): () => void {
  let entry = known.get(signal)
  if (entry === undefined) {
    const told = new Set<() => void>()
    const listener = (): void => {
      for (const each of told) each()
    }
    entry = { told, listener }
    known.set(signal, entry)
    signal.addEventListener('abort', listener, { once: true })
  }
  const { told, listener } = entry
  told.add(tell)
  return () => {
    told.delete(tell)
    if (told.size > 0) return
    signal.removeEventListener('abort', listener)
    if (known.get(signal)?.told === told) known.delete(signal)
  }
}

/** A promise that a test opens by hand: work waits at it, so that no test has to sleep. */
export interface Gate {
  /** Resolves when the gate opens; never rejects. */
  readonly opened: Promise<void>
  readonly isOpen: boolean
  /** Lets everybody through, now and later. Opening twice is harmless. */
  open(): void
}

/** Makes a closed gate. */
export function gate(): Gate {
  let isOpen = false
  let release: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    release = resolve
  })
  return {
    opened,
    get isOpen() {
      return isOpen
    },
    open() {
      isOpen = true
      release()
    },
  }
}

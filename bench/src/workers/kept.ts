type End = () => Promise<unknown>

const ends: End[] = []

/** Makes something when it is asked for the first time, and keeps it until {@link endKept}: everybody has warm workers. */
export function kept<T extends object>(make: () => T, end: (made: T) => Promise<unknown>): () => T {
  let made: T | undefined
  return () => {
    if (made !== undefined) return made
    const fresh = make()
    made = fresh
    ends.push(() => {
      made = undefined
      return end(fresh)
    })
    return fresh
  }
}

/** Ends all that is kept. Asked for again, it is made anew. */
export async function endKept(): Promise<void> {
  await Promise.all(ends.splice(0).map((end) => end()))
}

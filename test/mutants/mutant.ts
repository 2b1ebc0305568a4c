/** A place of the engine's source, and what stands there in a mutant. */
export interface Change {
  /** In `packages/core/src`. */
  readonly file: string
  /** Must occur exactly once: otherwise the mutant would rot into one that changes nothing, or something else. */
  readonly search: string
  readonly replace: string
}

/** The engine with one thing wrong, which the tests must find. */
export interface Mutant {
  readonly name: string
  /** What is wrong with it. */
  readonly what: string
  readonly changes: readonly Change[]
  /** Which tests find it. */
  readonly caughtBy: Catcher
}

/** Tests of which at least one must fail. */
export interface Catcher {
  /** Below `test`. */
  readonly file: string
  /** What their full names contain: one of these. */
  readonly tests: readonly string[]
}

/** The text of a source file of the engine, as it is in a mutant. */
export function mutated(text: string, file: string, { name, changes }: Mutant): string {
  let changed = text
  for (const { search, replace } of changes.filter((change) => change.file === file)) {
    const [before, after, ...others] = changed.split(search)
    if (before === undefined || after === undefined || others.length > 0)
      throw new Error(`Mutant "${name}": found ${changed.split(search).length - 1} times in ${file}: ${search}`)
    changed = before + replace + after
  }
  return changed
}

import { Stage } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { onTestFinished, vi } from 'vitest'

/** Members that the tests of several themes use. */

export const double = (n: number): number => n * 2
export const inc = (n: number): number => n + 1

/** The numbers from 1 to `to`: what the README counts with. */
export class Count extends Stage<never, number, [to: number]> {
  override async setup(to: number): Promise<void> {
    for (let n = 1; n <= to; n++) await this.put(n)
    this.stop()
  }
}

/** Adds what it is constructed with. */
export class AddX extends Stage<number, number, [amount?: number]> {
  amount = 0
  override setup(amount = 1): void {
    this.amount = amount
  }
  override do(n: number): void {
    this.put(n + this.amount)
  }
}

/** Keeps what comes, and passes it on. */
export class Keeping<T> extends Stage<T, T, []> {
  readonly kept: T[] = []
  override do(item: T): unknown {
    this.kept.push(item)
    return this.put(item)
  }
}

/** Numbers in the order of their size. */
export const sorted = (values: readonly unknown[]): unknown[] => values.toSorted((a, b) => Number(a) - Number(b))

/** A function that holds the item `held` back until `count` others have been through one made by the same call. */
export function holding(held: number, count: number): () => (n: number) => Promise<number> {
  const others = gate()
  let seen = 0
  return () => async (n) => {
    if (n === held) await others.opened
    else if (++seen === count) others.open()
    return n
  }
}

/** What is printed to stdout from now on, line by line. */
export function printed(): readonly string[] {
  const lines: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((line: unknown) => void lines.push(String(line)))
  onTestFinished(() => log.mockRestore())
  return lines
}

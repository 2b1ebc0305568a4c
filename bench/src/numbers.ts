/** The items of every workload. */
export function* numbers(items: number): Generator<number, void, void> {
  for (let i = 0; i < items; i++) yield i
}

let total = 0

/**
 * The last step of everybody: one function, so that it costs all the same. Summed in a loop of its own, a contestant's
 * total would stay in a register; that took a generator chain from 44 to 33 ns per item, and is not what a sink is.
 */
export function sink(value: number): void {
  total = (total + value) | 0
}

/** What {@link sink} came to since the last time, as 32 bits. */
export function taken(): number {
  const sum = total
  total = 0
  return sum
}

export function increment(value: number): number {
  return value + 1
}

export async function incrementAsync(value: number): Promise<number> {
  return value + 1
}

export function double(value: number): number {
  return value * 2
}

export function triple(value: number): number {
  return value * 3
}

/** Sum of the items after `steps` times `increment`. */
export function sumAfter(steps: number, items: number): number {
  return (items * (items - 1)) / 2 + steps * items
}

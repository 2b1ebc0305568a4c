/** The items of every workload. */
export function* numbers(items: number): Generator<number, void, void> {
  for (let i = 0; i < items; i++) yield i
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

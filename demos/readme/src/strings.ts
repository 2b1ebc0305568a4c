import { randomUUID } from 'node:crypto'
import type { Context, SourceOutput } from '@pipelines/core'

/** Makes random strings. */
export async function input(output: SourceOutput<string>, { args }: Context): Promise<void> {
  for (let left = Number(args.count); left > 0; left--) await output.put(randomUUID())
}

export async function reverse(text: string): Promise<string> {
  return [...text].reverse().join('')
}

/** Gets one of each input: a string, and the same string reversed. */
export function print([original, reversed]: [string, string]): void {
  console.log(`output~> ('${original}', '${reversed}')`)
}

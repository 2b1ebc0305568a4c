import { fileURLToPath } from 'node:url'
import { show } from '@pipelines/core/coro'

/** The path that a value names: a text, or a `file:` URL. */
export function pathOf(value: unknown): string {
  if (value instanceof URL) return fileURLToPath(value)
  if (typeof value !== 'string' || value === '') throw new TypeError(`A path is expected, not ${show(value)}.`)
  return value.startsWith('file:') ? fileURLToPath(value) : value
}

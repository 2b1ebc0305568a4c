import { reasonOf } from '@pipelines/core/coro'
import type { LineBlock } from './lines.js'

const BLANK = /^\s*$/

/** The values of lines of JSON; blank lines have none. Throws an Error that names the line where one is no JSON. */
export function* valuesOf({ lines, first }: LineBlock, where: string): Generator<unknown, void, void> {
  for (const [place, line] of lines.entries())
    if (!BLANK.test(line)) yield parsed(line, `${where}, line ${first + place}`)
}

function parsed(line: string, where: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new Error(`${where}, is no JSON: ${reasonOf(error)}.`, { cause: error })
  }
}

/** A value as a line of JSON, without its end. Throws where JSON has nothing for it. */
export function jsonOf(value: unknown): string {
  const json: string | undefined = JSON.stringify(value)
  if (json === undefined)
    throw new TypeError(
      `${typeof value === 'undefined' ? 'undefined' : `A ${typeof value}`} cannot be written as JSON.`,
    )
  return json
}

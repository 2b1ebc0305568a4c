import { isAsyncFunction, isGeneratorFunction } from 'node:util/types'
import { type Issue, issue } from '@pipelines/core'
import { pointer } from '@pipelines/plumber'
import type { Entry } from './entry.js'

/**
 * Tasks at the wrong end of a list, as far as that is certain before they are called: what a plain function returns is
 * seen when it returns.
 */
export function chainIssues(entry: Entry): readonly Issue[] {
  const { place, name, run, isFirst, isLast, input, output } = entry
  const found: Issue[] = []
  const say = (option: string, what: string, hint: string): void => {
    found.push(issue('CORO_TYPE', pointer(place, option), { node: name, what, hint }))
  }
  const isGenerator = isGeneratorFunction(run)
  if (isLast && isGenerator)
    say(
      'run',
      'is the last task, so nobody takes what it gives, but its function is a generator',
      'Let it take items in an async function, or add a task behind it.',
    )
  if (!isLast && !isGenerator && isAsyncFunction(run))
    say(
      'run',
      'is not the last task, so it has to give items, but its function is an async function without a "*"',
      'Make it a generator: async function*.',
    )
  if (isFirst && input !== undefined)
    say('input', 'is the first task, so there is nothing that it could take, but it has "input"', 'Remove "input".')
  if (isLast && output !== undefined)
    say('output', 'is the last task, so it gives nothing, but it has "output"', 'Remove "output".')
  return found
}

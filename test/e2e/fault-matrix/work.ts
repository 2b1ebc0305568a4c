import { DROP } from '@pipelines/core'
import { resultsOf, type Value } from './calls.js'
import type { Call, Trial } from './trial.js'

/** Does the work of a call, in the style of its node; it waits for the scheduler now and then. */
export function work(call: Call, trial: Trial): unknown {
  const { node, members, attempt } = call
  const label = `${node.name} ${members.map(({ text }) => text).join(', ')} ${attempt}`
  if (node.style === 'generator') return generate(call)
  if (node.style === 'asyncGenerator') return generateLate(call, trial, label)
  return trial.scheduler.after(label, () => give(call), trial.signalOf(call))
}

/** What a call returns that works. */
export function give(call: Call): unknown {
  const { node, members, context } = call
  if (node.properties.batch !== undefined) return members.map((member) => resultsOf(node, member)[0] ?? DROP)
  const results = resultsIn(call)
  const [only, ...others] = results
  if (node.style !== 'emitting' && only !== undefined && others.length === 0) return only
  for (const result of results) context.emit('out', result)
  return DROP
}

/** The outputs of a call. */
export function resultsIn({ node, members }: Call): Value[] {
  return members.flatMap((member) => resultsOf(node, member))
}

function* generate(call: Call): Generator<Value> {
  yield* resultsIn(call)
}

async function* generateLate(call: Call, trial: Trial, label: string): AsyncGenerator<Value> {
  const signal = trial.signalOf(call)
  await trial.scheduler.step(label, signal)
  for (const result of resultsIn(call)) {
    yield result
    await trial.scheduler.step(`${label} after ${result.text}`, signal)
  }
}

import { performance } from 'node:perf_hooks'
import autocannon, { type Options, type Result } from 'autocannon'

/** As many clients as the workload speaks of; each sends its next request when it has its answer. */
export const CONNECTIONS = 50
/** It ends at the end of a sample, so that a short one is waited for less. */
const SAMPLE_MS = 20

export interface Volley {
  readonly url: string
  readonly requests: number
  readonly body: string
  /** What every answer has to be. */
  readonly answer: string
}

/**
 * Sends a number of requests and gives the milliseconds from the first of them to the last answer. Measured here, since
 * autocannon's own time ends with a sample.
 *
 * @throws when an answer is missing, is none of the statuses of success, or is another one
 */
export async function fire({ url, requests, body, answer }: Volley): Promise<number> {
  const options: Options = {
    url,
    connections: CONNECTIONS,
    amount: requests,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    expectBody: answer,
    sampleInt: SAMPLE_MS,
  }
  const began = performance.now()
  let endedMs = began
  let left = requests
  const { errors, non2xx, mismatches } = await volley(options, () => {
    left--
    if (left === 0) endedMs = performance.now()
  })
  if (left === 0 && errors + non2xx + mismatches === 0) return endedMs - began
  const counts = `${errors} errors, ${non2xx} of another status, ${mismatches} of another text`
  throw new Error(`${url}: of ${requests} requests ${left} had no answer; ${counts}`)
}

/** Its own promise tells of no single answer. */
function volley(options: Options, onResponse: () => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    autocannon(options, (error, result) => (error ? reject(error) : resolve(result))).on('response', onResponse)
  })
}

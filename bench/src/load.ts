import { count, type Figures } from './figures.js'
import { ask } from './http/answers.js'
import { CONNECTIONS, fire, type Volley } from './http/fire.js'
import { billOf, orderOf } from './http/order.js'
import { type Served, serveApart } from './http/served.js'
import type { ServerName } from './http/servers.js'
import { ordered } from './race.js'
import { median, noise, ratio } from './statistics.js'
import { judge } from './targets.js'
import type { Block, Load, Row, Scale, Visited } from './workload.js'

const WARM_UP_ROUNDS = 2
/** Orders that every route is asked about before it is measured. */
const LOOKED_AT = 8

/** One volley at one route, per request. */
interface Sample {
  readonly wallUs: number
  /** Processor time of the server. */
  readonly cpuUs: number
}

/** A route, what it is asked, and what that took in each round. */
interface Visit {
  readonly contestant: Visited
  readonly volley: Volley
  readonly samples: Sample[]
}

/**
 * Sends the same requests to each route of a server in turn, round after round, and compares them within each round as a
 * race does. The routes are in one process, and what asks them is in this one: time is on the wall, as clients see it,
 * and the processor time of the server is told beside it, which is less noisy where others use the machine too.
 *
 * @throws when a route answers anything else than it should, at any time
 */
export async function runLoad(
  { title, server, requests, contestants, targets }: Load,
  { size, rounds }: Scale,
  serve: (name: ServerName) => Promise<Served> = serveApart,
): Promise<Block> {
  const served = await serve(server)
  try {
    const visits = await Promise.all(contestants.map((one) => visitTo(served, one, requests[size])))
    const warmUps = size === 'quick' ? 0 : WARM_UP_ROUNDS
    for (let round = -warmUps; round < rounds; round++) {
      for (const { volley, samples } of ordered(visits, round + warmUps)) {
        const sample = await take(served, volley)
        if (round >= 0) samples.push(sample)
      }
    }
    const rows = rowsOf(visits)
    return {
      title: `${title}; ${CONNECTIONS} connections, ${count(requests[size])} requests`,
      columns: ['requestsPerSecond', 'ofOurs', 'noise', 'cpuUsPerRequest', 'cpuOfOurs', 'serverBusy'],
      rows,
      verdicts: size === 'quick' ? [] : targets.map((target) => judge(target, rows)),
    }
  } finally {
    await served.close()
  }
}

/** Makes sure that a route bills several orders as it should, and finds out what the one of the volley is answered with. */
async function visitTo(served: Served, contestant: Visited, requests: number): Promise<Visit> {
  const url = `${served.url}${contestant.path}`
  for (let id = 0; id < LOOKED_AT; id++) {
    const right = billOf(orderOf(id))
    const { text, bills } = await ask(url, JSON.stringify(orderOf(id)))
    const [bill] = bills
    if (bills.length !== 1 || bill?.order !== right.order || bill.total !== right.total)
      throw new Error(`${url}: ${text} instead of ${JSON.stringify(right)}`)
  }
  const body = JSON.stringify(orderOf(LOOKED_AT))
  const { text: answer } = await ask(url, body)
  return { contestant, volley: { url, requests, body, answer }, samples: [] }
}

async function take(served: Served, volley: Volley): Promise<Sample> {
  const startedNs = await served.cpuNs()
  const wallMs = await fire(volley)
  const cpuNs = (await served.cpuNs()) - startedNs
  return { wallUs: (wallMs * 1e3) / volley.requests, cpuUs: cpuNs / 1e3 / volley.requests }
}

function rowsOf(visits: readonly Visit[]): Row[] {
  const timed = visits.map(({ contestant, samples }) => ({
    contestant,
    wallUs: samples.map(({ wallUs }) => wallUs),
    cpuUs: samples.map(({ cpuUs }) => cpuUs),
  }))
  const [mine] = timed
  return timed.map(({ contestant: { name, ours = false }, wallUs, cpuUs }) => {
    const figures: Figures = {
      requestsPerSecond: 1e6 / median(wallUs),
      ofOurs: ratio(wallUs, mine?.wallUs ?? []),
      noise: noise(wallUs),
      cpuUsPerRequest: median(cpuUs),
      cpuOfOurs: ratio(cpuUs, mine?.cpuUs ?? []),
      serverBusy: ratio(cpuUs, wallUs),
    }
    return { name, ours, figures, samples: wallUs }
  })
}

import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { progress } from '@pipelines/observe'
import { moduleCoros, Plumber, type RunReport } from '@pipelines/plumber'
import { processes, threads } from '@pipelines/workers'
import { isRight, paint } from './pictures.js'

const NUMBERS = [...Array(24).keys()]
const GRAPH = readFileSync(new URL('../graph.json', import.meta.url), 'utf8')

/** Makes thumbnails of all pictures in a folder; Ctrl-C ends it early. */
async function run(env: { readonly from: string; readonly to: string }): Promise<RunReport> {
  const executors = [threads(), processes()]
  const coroMap = moduleCoros(new URL('./coros.js', import.meta.url))
  const pipeline = (await Plumber.create(GRAPH, { coroMap, executors })).createPipeline({ env })
  progress(pipeline, process.stderr)
  process.once('SIGINT', () => pipeline.doomsday('Stopped by Ctrl-C.'))
  try {
    return await pipeline.settled
  } finally {
    await Promise.all(executors.map((executor) => executor.close()))
  }
}

/** Gives the exit code. */
async function main(root: string): Promise<number> {
  const env = { from: join(root, 'pictures'), to: join(root, 'thumbnails') }
  for (const folder of Object.values(env)) await mkdir(folder, { recursive: true })
  for (const number of NUMBERS) await paint(env.from, number)
  const { outcome, nodes, errors, durationMs } = await run(env)
  const problems = errors.map(({ message }) => `\n  ${message}`).join('')
  console.log(`${outcome} in ${(durationMs / 1000).toFixed(1)} s: ${nodes.save?.completed} in ${env.to}${problems}`)
  const right = (await Promise.all(NUMBERS.map((number) => isRight(env.to, number)))).filter(Boolean)
  console.log(`${right.length} of ${NUMBERS.length} have the shape and the colours of their pictures.`)
  return right.length === NUMBERS.length ? 0 : 1
}

process.exitCode = await main(resolve(process.argv[2] ?? join(tmpdir(), 'pipelines-thumbnails')))

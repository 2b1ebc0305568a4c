import { moduleCoros, Plumber } from '@pipelines/plumber'
import { processes, threads } from '@pipelines/workers'

/*
 * A pipeline that stands, with threads and child processes. It is neither drained nor closed: the program ends by itself.
 */

const coroMap = moduleCoros(new URL('./standing-coros.mjs', import.meta.url))
const away = (executor) => ({ coro: 'whereabouts', properties: { executor, workers: 2 } })
const plumber = await Plumber.create(
  {
    nodes: { in: { coro: 'std.inlet' }, thread: away('thread'), process: away('process') },
    graph: { in: ['thread'], thread: ['process'] },
  },
  { coroMap, executors: [threads(), processes()] },
)
const pids = new Set()
let done = () => {}
const answered = new Promise((resolve) => {
  done = resolve
})
let outputs = 0
const pipeline = plumber.createPipeline({
  onOutput: ({ value }) => {
    for (const pid of value) if (pid !== process.pid) pids.add(pid)
    if (++outputs === 40) done()
  },
})
for (let n = 0; n < 40; n++) await pipeline.put([])
await answered

if (process.argv[2] === 'idles') {
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  // What Node still compiles and collects of the start is not what is asked here.
  await later(1_500)
  const before = process.cpuUsage()
  console.log(JSON.stringify({ pids: [...pids] }))
  await later(5_000)
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify({ cpuMs: (user + system) / 1_000 }))
}
process.on('exit', (code) => console.log(JSON.stringify({ code, outputs, state: pipeline.snapshot().state })))

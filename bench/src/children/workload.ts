import { loadWorkload } from '../catalogue.js'
import { answer } from '../child.js'
import { measure } from '../measure.js'
import type { Scale } from '../workload.js'

/** One workload in a process of its own: what ran before would leave its traces in the compiled code. */
const [name = '', scale = ''] = process.argv.slice(2)
await answer(async () => measure(await loadWorkload(name), JSON.parse(scale) as Scale))

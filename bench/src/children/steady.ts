import { answer } from '../child.js'
import { type Flow, steady } from '../steady.js'

const [flow, items] = process.argv.slice(2)
await answer(() => steady(flow as Flow, Number(items)))

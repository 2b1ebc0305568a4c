import { answer } from '../child.js'
import { peak } from '../workers/peak.js'

const [transfer, items] = process.argv.slice(2)
await answer(() => peak(transfer === 'true', Number(items)))

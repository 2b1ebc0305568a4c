import { answer } from '../child.js'
import { growth } from '../growth.js'

await answer(() => growth(Number(process.argv[2])))

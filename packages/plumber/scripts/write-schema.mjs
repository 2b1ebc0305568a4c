// Writes graph.schema.json from the table of node properties. Run it after `npm run build`:
//   node packages/plumber/scripts/write-schema.mjs
import { writeFileSync } from 'node:fs'
import { schemaText } from '../dist/graph/schema.js'

writeFileSync(new URL('../graph.schema.json', import.meta.url), schemaText())

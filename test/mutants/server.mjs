/** Starts a test server: see `serve.ts`, which the config of the tests of mutants brings in. */
import { fileURLToPath } from 'node:url'
import { createVitest } from 'vitest/node'

const vitest = await createVitest('test', {
  config: fileURLToPath(new URL('vitest.config.ts', import.meta.url)),
  watch: false,
  reporters: [{}],
})
await vitest.standalone()

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const PROGRAM = fileURLToPath(new URL('fixtures/typed.mjs', import.meta.url))

test('coroutines in TypeScript run where Node can load them; elsewhere it is said what to do', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM])
  const { typescript } = process.features as { readonly typescript?: unknown }
  const said = typescript ? /^\[2,3\]/ : /Unknown file extension ".ts".* Point moduleCoros\(\) at the built \.js file/
  expect(stdout).toMatch(said)
})

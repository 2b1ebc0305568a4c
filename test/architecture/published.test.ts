import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

/** What users get: the built files, through `exports`. `npm test` builds before it tests. */
const root = join(import.meta.dirname, '../..')
const here = join(root, 'test')

const run = (...args: readonly string[]): string =>
  execFileSync(process.execPath, args, { cwd: here, encoding: 'utf8' }).trim()

describe('the built packages', () => {
  test('load by import', () => {
    const code = `import { Plumber } from '@pipelines/plumber'; import { DROP } from '@pipelines/core'
      const plumber = new Plumber({ nodes: { a: { coro: 'std.inlet' }, b: { coro: 'odd' } }, graph: { a: ['b'] } },
        { coroMap: { odd: (n) => (n % 2 ? n : DROP) } })
      console.log(JSON.stringify(await plumber.collect([1, 2, 3])))`
    expect(run('--input-type=module', '-e', code)).toBe('[1,3]')
  })

  test('load by require, for programs that are not modules yet', () => {
    const code = `const { Plumber } = require('@pipelines/plumber'); console.log(Plumber.check('{}').length > 0)`
    expect(run('--no-warnings', '-e', code)).toBe('true')
  })

  test('ship every file that their manifest promises, with types and source maps', () => {
    for (const name of readdirSync(join(root, 'packages'))) {
      const folder = join(root, 'packages', name)
      const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      for (const entry of Object.values<string | Record<string, string>>(exports)) {
        const files = typeof entry === 'string' ? [entry] : Object.values(entry)
        for (const file of files) expect(existsSync(join(folder, file)), `${name}: ${file}`).toBe(true)
      }
      expect(existsSync(join(folder, 'dist/index.js.map'))).toBe(true)
    }
  })
})

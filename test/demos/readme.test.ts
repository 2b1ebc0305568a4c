import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Plumber } from '@pipelines/plumber'
import { expect, test } from 'vitest'
import * as strings from '../../demos/readme/src/strings.js'
import { demoFolder, start } from './demo.js'

const folder = demoFolder('readme')

/** The pairs that were printed; fails on any other line. */
function pairsOf(out: string): string[][] {
  return out
    .trimEnd()
    .split('\n')
    .map((line) => /^output~> \('(.{36})', '(.{36})'\)$/.exec(line)?.slice(1) ?? [line])
}

test.each([['by name', []] as const, ['as functions', ['functions']] as const])(
  'the demo prints twenty strings, each beside its own reverse, with its coroutines %s',
  async (_how, args) => {
    const { code, out, err } = await start(folder, args)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const pairs = pairsOf(out)
    expect(pairs.map(([original = '']) => [original, [...original].reverse().join('')])).toEqual(pairs)
    expect(new Set(pairs.map(([original]) => original)).size).toBe(20)
    expect(pairs).toHaveLength(20)
  },
)

test('its graph has no issue, and its schema is where it says', () => {
  const text = readFileSync(join(folder, 'graph.json'), 'utf8')
  expect(Plumber.check(text, { coroMap: { strings } })).toEqual([])
  expect(existsSync(join(folder, JSON.parse(text).$schema))).toBe(true)
})

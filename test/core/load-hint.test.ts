import { loadHint } from '@pipelines/core'
import { expect, test } from 'vitest'

const failed = (code: string): Error => Object.assign(new Error('no'), { code })

test.each(['ERR_UNKNOWN_FILE_EXTENSION', 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX'])('%s has a hint', (code) => {
  expect(loadHint(failed(code))).toMatch(/^Point moduleCoros\(\) at the built \.js file/)
})

test('other reasons have none', () => {
  const proxy = new Proxy(new Error('no'), {
    has: () => {
      throw new Error('mine')
    },
  })
  for (const cause of [failed('ENOENT'), new Error('no'), 'no', undefined, proxy])
    expect(loadHint(cause)).toBeUndefined()
})

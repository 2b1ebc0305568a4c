import { Plumber } from '@pipelines/plumber'
import { expect, test } from 'vitest'
import { failureOf } from '../support/blackbox.js'

test('a Plumber without options is told what its graph lacks', async () => {
  const document = { nodes: { a: { coro: 'a' } }, graph: {} }
  for (const make of [() => new Plumber(document), () => Plumber.create(document)])
    expect(await failureOf(make)).toMatchObject({
      code: 'PLB_GRAPH_INVALID',
      details: { issues: [{ code: 'PLB_CORO_NOT_FOUND' }] },
    })
})

test('a near miss of an option is refused, with what was meant', async () => {
  const error = await failureOf(
    () => new Plumber({ nodes: { a: { coro: () => [] } }, graph: {} }, { lmits: {} } as never),
  )
  expect(error).toMatchObject({ code: 'PLB_OPTION_INVALID', message: expect.stringContaining('"limits"') })
})

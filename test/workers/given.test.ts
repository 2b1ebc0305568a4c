import fc from 'fast-check'
import { expect, test } from 'vitest'
import { apart, type Given, together } from '../../packages/workers/src/given.js'

const output = fc.oneof(
  fc.record({ value: fc.anything() }),
  fc.record({ value: fc.anything(), port: fc.string(), meta: fc.option(fc.constant({ m: 1 }), { nil: undefined }) }),
)

test('what was given together comes apart as it was', () => {
  const lists = fc.tuple(fc.array(output), fc.boolean(), fc.option(fc.nat(), { nil: undefined }))
  fc.assert(
    fc.property(lists, ([outputs, isStream, wants]) => {
      const given: Given[] = outputs.map((one, place) => ({ ...one, ...(isStream && { inputs: place }) }))
      if (wants !== undefined) given.push({ wants, inputs: given.length })
      expect(apart(together(given))).toEqual(given)
    }),
  )
})

import { readFileSync, writeFileSync } from 'node:fs'
import { NODE_PROPERTIES } from '@pipelines/core'
import { expect, test } from 'vitest'
import { repositoryRoot } from '../support/repository.js'
import { propertyTable, withPropertyTable } from './property-table.js'

const file = new URL('docs/guide/properties.md', repositoryRoot)

test('the table of node properties is the one that the code makes', () => {
  const text = readFileSync(file, 'utf8')
  const fresh = withPropertyTable(text)
  if (process.env.UPDATE_DOCS !== undefined) writeFileSync(file, fresh)
  else expect(text).toBe(fresh)
})

test('the table has a row for every property', () => {
  for (const name of Object.keys(NODE_PROPERTIES)) expect(propertyTable()).toContain(`| \`${name}\` |`)
})

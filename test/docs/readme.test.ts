import { expect, test } from 'vitest'
import { examplesOf } from './examples.js'
import { proseOf, readPages } from './markdown.js'

const readme = readPages().find(({ path }) => path === 'README.md')
if (readme === undefined) throw new Error('there is a README.md')
const headings = [...proseOf(readme).matchAll(/^## (.+)$/gm)].map((match) => match[1])

test('says what it is not before it says how to install it', () => {
  expect(headings.indexOf('What it is not')).toBeGreaterThanOrEqual(0)
  expect(headings.indexOf('What it is not')).toBeLessThan(headings.indexOf('Install'))
})

test('has an example of about twenty lines, and shows what it prints', () => {
  const [example] = examplesOf(readme)
  const code = example?.steps[0]?.block.code ?? ''
  expect(code.split('\n').length).toBeLessThanOrEqual(24)
  expect(example?.steps[0]?.output).toContain("[ 'ant', 'tna' ]")
})

test('has no badges', () => {
  expect(readme.text).not.toMatch(/!\[[^\]]*\]\(https?:/)
})

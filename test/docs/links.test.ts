import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { NODE_PROPERTIES } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { repositoryRoot } from '../support/repository.js'
import { anchorsOf, linksOf, type Page, pageOf, proseOf, readPages, spansOf } from './markdown.js'

const pages = readPages()
const exists = (path: string): boolean => existsSync(new URL(path, repositoryRoot))
const manifest: { scripts: Record<string, string> } = JSON.parse(
  readFileSync(new URL('package.json', repositoryRoot), 'utf8'),
)

/** Links to a file, or to a heading in a page, that is not there. */
function brokenLinks(page: Page): string[] {
  return linksOf(page).flatMap(({ target, anchor }) => {
    const path = target === '' ? page.path : posix.normalize(posix.join(posix.dirname(page.path), target))
    if (!exists(path)) return [`${path} does not exist`]
    const other = pages.find((known) => known.path === path)
    if (anchor === undefined || other === undefined || anchorsOf(other).has(anchor)) return []
    return [`${path} has no heading #${anchor}`]
  })
}

/** Files that a page names in code spans, and that are not there. */
function missingFiles(page: Page): string[] {
  const paths = spansOf(page).filter((span) => /^(?:packages|test|docs|demos|bench|scripts)\/[\w./-]+$/.test(span))
  return paths.filter((path) => !exists(path))
}

/** Commands that a page tells people to run, and that package.json does not have. */
function missingScripts(page: Page): string[] {
  const lines = [
    ...page.blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.split('\n')),
    ...spansOf(page),
  ]
  const names = lines.flatMap((line) => /^npm (?:run )?(?!install|ci|run)([\w:-]+)/.exec(line)?.[1] ?? [])
  return names.filter((name) => !Object.hasOwn(manifest.scripts, name))
}

describe.each(pages)('$path', (page) => {
  test('has links that lead somewhere', () => {
    expect(brokenLinks(page)).toEqual([])
  })

  test('names files that exist', () => {
    expect(missingFiles(page)).toEqual([])
  })

  test('names commands that exist', () => {
    expect(missingScripts(page)).toEqual([])
  })
})

test('every page of the guide is linked from README.md', () => {
  const readme = pages.find(({ path }) => path === 'README.md')
  const linked = readme === undefined ? [] : linksOf(readme).map(({ target }) => posix.normalize(target))
  expect(pages.map(({ path }) => path).filter((path) => path.startsWith('docs/') && !linked.includes(path))).toEqual([])
})

test('the guide says more of every property than its row in the table', () => {
  const guide = pages
    .filter(({ path }) => path.startsWith('docs/guide/'))
    .map((page) => proseOf(page).replace(/^\| .*$/gm, ''))
    .join('\n')
  expect(Object.keys(NODE_PROPERTIES).filter((name) => !new RegExp(`[\`"]${name}[\`"]`).test(guide))).toEqual([])
})

describe('each check can fail:', () => {
  const page = (text: string): Page => pageOf('docs/x.md', text)

  test('links', () => {
    expect(brokenLinks(page('[a](errors.md) [b](../README.md) [c](https://example.org/x)'))).toEqual([])
    expect(brokenLinks(page('[a](nowhere.md)'))).toEqual(['docs/nowhere.md does not exist'])
    expect(brokenLinks(page('[a](errors.md#nothing)'))).toEqual(['docs/errors.md has no heading #nothing'])
  })

  test('files', () => {
    expect(missingFiles(page('`packages/core/src/queue.ts` `packages/core/src/no.ts`'))).toEqual([
      'packages/core/src/no.ts',
    ])
  })

  test('commands', () => {
    expect(missingScripts(page('`npm test` and\n\n```sh\nnpm start\nnpm run nothing\n```'))).toEqual(['nothing'])
  })
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Example, ExampleFiles, isCode, type Step } from './examples.js'
import { type Page, readPages } from './markdown.js'

/** A file beside the examples: threads and processes load it by itself, so it cannot be a part of one of them. */
export interface ModuleFile {
  readonly name: string
  readonly code: string
}

/** Pages whose examples need such files. */
const PAGES: ReadonlySet<string> = new Set(['docs/guide/workers.md', 'packages/workers/README.md'])

export const workerPages = (): readonly Page[] => readPages().filter(({ path }) => PAGES.has(path))

/** The files of a page: blocks of JavaScript whose first line is a comment with a name. */
export function modulesOf({ blocks }: Page): ModuleFile[] {
  return blocks.flatMap(({ language, code }) => {
    const [, name] = /^\/\/ ([\w-]+\.mjs)\n/.exec(code) ?? []
    return language === 'js' && name !== undefined ? [{ name, code }] : []
  })
}

/** The programs of a page, each with the text block that follows it as what it prints. */
export function programsOf({ path, blocks }: Page): Example[] {
  return blocks.flatMap((block, place): Example[] => {
    const { language, line } = block
    if (!isCode(block) || language !== 'ts') return []
    const next = blocks[place + 1]
    const steps: Step[] = [{ block, output: next?.language === 'text' ? next.code : undefined }]
    return [{ name: `${path}:${line}`, language, steps }]
  })
}

/** A folder with the files of a page; its programs may be written there. */
export function filesOf(page: Page): ExampleFiles {
  const files = new ExampleFiles()
  for (const { name, code } of modulesOf(page)) writeFileSync(join(files.folder, name), code)
  return files
}

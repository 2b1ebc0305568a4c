import { existsSync, readFileSync } from 'node:fs'
import { repositoryFiles, repositoryRoot } from '../support/repository.js'

/** A page of the documentation. */
export interface Page {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
}

/** A fenced code block. */
export interface Block {
  readonly language: string
  readonly code: string
  /** Number of its first line of code, from 1. */
  readonly line: number
  /** The HTML comments right above it: `<!-- skip: why -->` is `skip` with the value `why`. */
  readonly marks: ReadonlyMap<string, string>
}

/** Marks that a block may have, and what follows each of them. */
export const MARKS: ReadonlyMap<string, 'nothing' | 'text'> = new Map([
  // Not run; the text says why.
  ['skip', 'text'],
  // Runs after the block before it, in the same module.
  ['continues', 'nothing'],
  // What the block before it prints.
  ['output', 'nothing'],
  // A graph document that is wrong on purpose, and the codes that it gets.
  ['issues', 'text'],
])

const PAGES = /^(?:README|CHANGELOG)\.md$|^docs\/.*\.md$|^packages\/[^/]+\/README\.md$/

export function readPages(): readonly Page[] {
  const paths = repositoryFiles().filter((path) => PAGES.test(path) && existsSync(new URL(path, repositoryRoot)))
  return paths.toSorted().map((path) => pageOf(path, readFileSync(new URL(path, repositoryRoot), 'utf8')))
}

export function pageOf(path: string, text: string): Page {
  return { path, text, blocks: blocksOf(text) }
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = []
  let open: { language: string; fence: string; line: number; code: string[]; marks: Map<string, string> } | undefined
  let marks = new Map<string, string>()
  for (const [place, line] of text.split('\n').entries()) {
    if (open !== undefined) {
      if (line.trim() !== open.fence) open.code.push(line)
      else {
        blocks.push({ language: open.language, code: open.code.join('\n'), line: open.line, marks: open.marks })
        open = undefined
      }
      continue
    }
    const fence = /^(`{3,})(\w*)$/.exec(line)
    const mark = /^<!-- ([a-z]+)(?:: (.*))? -->$/.exec(line)
    if (fence !== null) {
      open = { language: fence[2] ?? '', fence: fence[1] ?? '', line: place + 2, code: [], marks }
      marks = new Map()
    } else if (mark !== null) marks.set(mark[1] ?? '', mark[2] ?? '')
    else if (line.trim() !== '') marks = new Map()
  }
  if (open !== undefined) throw new Error(`line ${open.line - 1}: a code block without an end`)
  return blocks
}

/** The text of a page without its code blocks. */
export function proseOf({ text }: Page): string {
  return text.replace(/^(`{3,})\w*\n[\s\S]*?\n\1$/gm, '')
}

/** Where relative links of a page lead to: path from the page, and the heading behind `#`. */
export function linksOf(page: Page): { readonly target: string; readonly anchor: string | undefined }[] {
  const targets = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '')
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#')
      return { target: path, anchor }
    })
}

/** What GitHub makes of the headings of a page. */
export function anchorsOf(page: Page): ReadonlySet<string> {
  const headings = [...proseOf(page).matchAll(/^#{1,6} (.+)$/gm)].map((match) => match[1] ?? '')
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** Code spans of a page, in the prose only. */
export function spansOf(page: Page): string[] {
  return [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '')
}

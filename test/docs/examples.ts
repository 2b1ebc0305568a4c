import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { format } from 'node:util'
import { repositoryRoot } from '../support/repository.js'
import type { Block, Page } from './markdown.js'

/** Code blocks of one page that make one module: a block, and those that continue it. */
export interface Example {
  /** Page and line, to be found again. */
  readonly name: string
  readonly language: 'ts' | 'js'
  readonly steps: readonly Step[]
}

export interface Step {
  readonly block: Block
  /** What it must print; `undefined` where the page does not say. */
  readonly output: string | undefined
}

const CODE: ReadonlySet<string> = new Set(['ts', 'js'])

export const isCode = ({ language }: Block): boolean => CODE.has(language)

export function examplesOf(page: Page): Example[] {
  const examples: { name: string; language: 'ts' | 'js'; steps: Step[] }[] = []
  for (const [place, block] of page.blocks.entries()) {
    if (!isCode(block) || block.marks.has('skip')) continue
    const next = page.blocks[place + 1]
    const step = { block, output: next?.marks.has('output') ? next.code : undefined }
    const last = examples.at(-1)
    const { language } = block
    if (block.marks.has('continues') && last?.language === language) last.steps.push(step)
    else if (language === 'ts' || language === 'js')
      examples.push({ name: `${page.path}:${block.line}`, language, steps: [step] })
  }
  return examples
}

/** Printed between two steps. */
const CUT = '--- next step ---'

/** The module of an example, each line at the number that it has on its page. */
export function moduleOf({ steps }: Example): string {
  let source = ''
  for (const { block } of steps) {
    if (source !== '') source += `\nconsole.log('${CUT}')`
    source += '\n'.repeat(block.line - source.split('\n').length) + block.code
  }
  return `${source}\nexport {}\n`
}

/** Splits what an example printed into what each of its steps printed. */
export function outputsOf(lines: readonly string[]): string[] {
  return lines
    .join('\n')
    .split(CUT)
    .map((text) => text.replace(/^\n|\n$/g, ''))
}

/** Files of examples in a folder of their own, for as long as they are needed. */
export class ExampleFiles {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'pipelines-docs-'))

  constructor() {
    // Frameworks that examples import.
    const modules = fileURLToPath(new URL('test/node_modules', repositoryRoot))
    symlinkSync(modules, join(this.folder, 'node_modules'), 'junction')
  }

  write(example: Example): string {
    const path = join(this.folder, `${fileNameOf(example)}.${example.language}`)
    writeFileSync(path, moduleOf(example))
    return path
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

export const fileNameOf = ({ name }: Example): string => name.replaceAll('/', '__').replaceAll(':', '--')

/** Runs a module; gives the lines that it printed. */
export async function linesOf(path: string): Promise<string[]> {
  const lines: string[] = []
  const { log } = console
  console.log = (...values: unknown[]): void => void lines.push(format(...values))
  try {
    await import(/* @vite-ignore */ pathToFileURL(path).href)
  } finally {
    console.log = log
  }
  return lines
}

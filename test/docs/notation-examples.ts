import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { repositoryRoot } from '../support/repository.js'
import { type Example, ExampleFiles } from './examples.js'
import type { Block, Page } from './markdown.js'

/** A file beside the examples, because threads and processes load it. Its block begins with its name: `// work.ts`. */
const FILE = /^\/\/ ([\w-]+\.ts)\n/

/** A block that needs such a file. */
const NEEDS = /^import .* from '\.\/[\w-]+\.js'$/m

export const isFile = ({ language, code }: Block): boolean => language === 'ts' && FILE.test(code)

/** The programs of a page that need files of it, each with the text that follows as what it prints. */
export function programsOf({ path, blocks }: Page): Example[] {
  return blocks.flatMap((block, place): Example[] => {
    if (block.language !== 'ts' || !NEEDS.test(block.code)) return []
    const next = blocks[place + 1]
    const output = next?.language === 'text' ? next.code : undefined
    return [{ name: `${path}:${block.line}`, language: 'ts', steps: [{ block, output }] }]
  })
}

/** Writes the files of pages, and their programs, into one folder. */
export function filesOf(pages: readonly Page[]): ExampleFiles {
  const files = new ExampleFiles()
  // `wx`: two pages must not give one name to two files.
  for (const { code } of pages.flatMap(({ blocks }) => blocks.filter(isFile)))
    writeFileSync(join(files.folder, FILE.exec(code)?.[1] ?? ''), code, { flag: 'wx' })
  for (const program of pages.flatMap(programsOf)) files.write(program)
  writeFileSync(join(files.folder, 'package.json'), '{ "type": "module" }')
  return files
}

/** Builds all of a folder, as workers load JavaScript only. Gives what the compiler says of it. */
export function built(folder: string): string {
  const root = fileURLToPath(repositoryRoot)
  const compilerOptions = {
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    rootDir: folder,
    typeRoots: [join(root, 'node_modules/@types')],
  }
  const project = { extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  try {
    return execFileSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' })
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
  }
}

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished } from 'vitest'

/** A folder for one test. */
export interface Folder {
  readonly path: string
  /** The path of a file in it. */
  of(name: string): string
  /** What is in a file. */
  text(name: string): string
  /** Everything in it, hidden files too. */
  names(): string[]
}

/** Makes a folder with files in it; it is removed when the test has finished. */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>> = {}): Folder {
  const path = mkdtempSync(join(tmpdir(), 'pipelines-std-'))
  onTestFinished(() => {
    rmSync(path, { recursive: true })
    expect(openFilesIn(path), 'files that are still open').toEqual([])
  })
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), content)
  }
  return {
    path,
    of: (name) => join(path, name),
    text: (name) => readFileSync(join(path, name), 'utf8'),
    names: () => readdirSync(path).sort(),
  }
}

const DESCRIPTORS = '/proc/self/fd'

/** The files of a folder that this process has open, where the system tells. */
function openFilesIn(path: string): string[] {
  if (!existsSync(DESCRIPTORS)) return []
  return readdirSync(DESCRIPTORS).flatMap((descriptor) => {
    try {
      const file = readlinkSync(join(DESCRIPTORS, descriptor))
      return file.startsWith(path) ? [file] : []
    } catch {
      return [] // it was that of this very list
    }
  })
}

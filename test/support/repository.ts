import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the whole repository. */
export const repositoryRoot: URL = new URL('../../', import.meta.url)

/**
 * Lists the files of the repository: tracked by git, or about to be. In a copy without git history, all files outside
 * of the folders that installing and building make.
 */
export function repositoryFiles(): string[] {
  try {
    const list = execFileSync(
      'git',
      ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '-z'],
      {
        cwd: repositoryRoot,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
    return list.split('\0').filter((path) => path !== '')
  } catch {
    return readdirSync(repositoryRoot, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(fileURLToPath(repositoryRoot).length))
      .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path))
  }
}

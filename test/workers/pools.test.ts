import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const PROGRAM = fileURLToPath(new URL('fixtures/pool-program.mjs', import.meta.url))
/** How Node ends a program that waits for a promise when nothing is left that could settle it. */
const NEVER = 13

/** What a library says when a worker does something, and how the program ends. */
function ask(library: string, what: 'exit' | 'kill' | 'pid'): Promise<object> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [PROGRAM, library, what], (_error, out) =>
      resolve({ code: child.exitCode, said: out === '' ? undefined : JSON.parse(out) }),
    )
  })
}

const ended = (message: string): object => ({ code: 0, said: { message } })

describe('what docs/architecture.md says of other pools:', () => {
  test('tinypool never settles the call of a thread that exits', async () => {
    expect(await ask('tinypool', 'exit')).toEqual({ code: NEVER, said: undefined })
  })

  test('tinypool does not tell how a child ended', async () => {
    expect(await ask('tinypool, children', 'exit')).toEqual(ended('Worker exited unexpectedly'))
    expect(await ask('tinypool, children', 'kill')).toEqual(ended('Worker exited unexpectedly'))
  })

  test('piscina tells the exit code of a thread, which is part of this process', async () => {
    expect(await ask('piscina', 'exit')).toEqual(ended('worker exited with code: 3'))
    expect(await ask('piscina', 'pid')).toEqual({ code: 0, said: { here: true } })
  })
})

test('our threads and processes tell how they ended', async () => {
  expect(await ask('thread', 'exit')).toEqual(ended('A worker of node "task" ended with the exit code 3.'))
  expect(await ask('process', 'exit')).toEqual(ended('A worker of node "task" ended with the exit code 3.'))
  expect(await ask('process', 'kill')).toEqual(ended('A worker of node "task" was killed by SIGKILL.'))
  expect(await ask('process', 'pid')).toEqual({ code: 0, said: { here: false } })
})

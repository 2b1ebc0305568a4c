import { fork } from 'node:child_process'

/**
 * Runs a script of this folder in a process of its own, with `gc`, and gives the one message that it sends.
 *
 * @throws when it ends without a message; what it had to say about that is on the terminal
 */
export async function inChild<T>(script: string, args: readonly string[]): Promise<T> {
  const child = fork(new URL(script, import.meta.url), args, { execArgv: ['--expose-gc'], serialization: 'advanced' })
  return new Promise((resolve, reject) => {
    let sent: { readonly message: T } | undefined
    child.once('message', (message) => {
      sent = { message: message as T }
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (sent !== undefined && code === 0) resolve(sent.message)
      else reject(new Error(`${script} ${args.join(' ')} ended with ${signal ?? code}`))
    })
  })
}

/** The other side of `inChild`. */
export async function answer(work: () => Promise<unknown>): Promise<void> {
  const message = await work()
  await new Promise<void>((resolve, reject) => {
    if (process.send === undefined) reject(new Error('this script is started by the bench'))
    else process.send(message, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })
  process.disconnect()
}

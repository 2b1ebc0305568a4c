import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CoroMap, Plumber } from '@pipelines/plumber'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { demoFolder } from './demo.js'

/** A demo that listens, in a process of its own. */
export interface Served {
  readonly url: string
  /** Ends it as a process manager does; gives its exit code. */
  stop(): Promise<number | null>
}

/** Starts a built demo on a free port of loopback, for the running test; settles when it listens. */
export async function serve(name: string, env: NodeJS.ProcessEnv = {}): Promise<Served> {
  const { child, url } = begin(name, env)
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM')
    await ended
    return child.exitCode
  }
  return { url: await url, stop }
}

/** Its graph has no issue, and its schema is where it says; all its sources together are short. */
export function expectTidy(name: string, coroMap: CoroMap): void {
  const folder = demoFolder(name)
  const graph = readFileSync(join(folder, 'graph.json'), 'utf8')
  expect(Plumber.check(graph, { coroMap })).toEqual([])
  expect(existsSync(join(folder, JSON.parse(graph).$schema))).toBe(true)
  const sources = readdirSync(join(folder, 'src')).map((file) => readFileSync(join(folder, 'src', file), 'utf8'))
  expect(sources.join('').split('\n').length).toBeLessThanOrEqual(100)
}

/** Starts one for all tests of a file; gives where it listens, once they run. */
export function serveAll(name: string): () => string {
  let [where, end] = ['', () => {}]
  beforeAll(async () => {
    const { child, url } = begin(name, {})
    end = () => void child.kill('SIGKILL')
    where = await url
  })
  afterAll(() => end())
  return () => where
}

function begin(name: string, env: NodeJS.ProcessEnv): { readonly child: ChildProcess; readonly url: Promise<string> } {
  const child = spawn(process.execPath, [join(demoFolder(name), 'dist/main.js')], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { child, url: listening(child) }
}

/** Where a process says that it listens. */
function listening({ stdout }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    stdout?.on('data', (text) => {
      printed += text
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? []
      if (url !== undefined) resolve(url)
    })
    stdout?.once('end', () => reject(new Error(`It never listened: ${printed}`)))
  })
}

/** Sends a body of a type; JSON unless it says otherwise. */
export function post(url: string, body: string | ReadableStream, type = 'application/json'): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': type }, body, duplex: 'half' })
}

/** A body that is written while its request is answered. */
export class Upload {
  readonly body: ReadableStream<Uint8Array>
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>

  constructor() {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    this.body = readable
    this.#writer = writable.getWriter()
  }

  /** Writes a line; settles when it was taken. */
  line(value: unknown): Promise<void> {
    return this.#writer.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`))
  }

  end(): Promise<void> {
    return this.#writer.close()
  }
}

/** The records of an NDJSON answer, one by one. */
export async function* recordsOf({ body }: Response): AsyncGenerator<unknown, void, void> {
  let text = ''
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = `${text}${piece}`.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line)
  }
}

/** All of them. Node 20 has no `Array.fromAsync`. */
export async function list<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

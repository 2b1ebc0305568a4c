import { PassThrough, type Readable } from 'node:stream'
import { Agent, type Dispatcher, request } from 'undici'

/** What a request says. */
export interface Ask {
  /** @defaultValue `'/'` */
  readonly path?: string
  /** @defaultValue `'POST'` */
  readonly method?: Dispatcher.HttpMethod
  /** @defaultValue `'application/json'` */
  readonly type?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | Readable | undefined
}

/** An answer that was read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
  /** The text as JSON. Throws if it is none. */
  readonly json: unknown
}

/** An answer that is read record by record. */
export interface Stream {
  readonly status: number
  readonly headers: Answer['headers']
  /** The next record; `undefined` at the end. */
  next(): Promise<string | undefined>
  /** All that are left. */
  rest(): Promise<readonly string[]>
  /** Ends the connection. */
  leave(): void
}

/** An HTTP client of one server. */
export class Client {
  readonly #url: string
  // Without limits of time: undici keeps a timer for those, for as long as the process lives.
  readonly #agent = new Agent({ connections: 200, headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 0 } })

  constructor(url: string) {
    this.#url = url
  }

  /** Sends a value as JSON. */
  post(value: unknown, ask: Ask = {}): Promise<Answer> {
    return this.send({ ...ask, body: JSON.stringify(value) })
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send({ path, headers, method: 'GET', type: undefined })
  }

  /** Sends values line by line. */
  lines(values: readonly unknown[], ask: Ask = {}): Promise<Answer> {
    return this.send({ type: NDJSON, ...ask, body: values.map((value) => `${JSON.stringify(value)}\n`).join('') })
  }

  async send(ask: Ask): Promise<Answer> {
    const { statusCode: status, headers, body } = await this.#request(ask)
    const text = await body.text()
    return {
      status,
      headers,
      text,
      get json() {
        return JSON.parse(text)
      },
    }
  }

  /** Sends a request, and reads the answer as far as it is wanted. `end` is what ends a record. */
  async open(ask: Ask, end = '\n'): Promise<Stream> {
    const { statusCode: status, headers, body } = await this.#request(ask)
    const pieces = body[Symbol.asyncIterator]()
    let text = ''
    const next = async (): Promise<string | undefined> => {
      while (!text.includes(end)) {
        const step = await pieces.next()
        if (step.done === true) return undefined
        text += String(step.value)
      }
      const at = text.indexOf(end)
      const record = text.slice(0, at)
      text = text.slice(at + end.length)
      return record
    }
    const rest = async (): Promise<readonly string[]> => {
      const found: string[] = []
      for (let record = await next(); record !== undefined; record = await next()) found.push(record)
      return found
    }
    const leave = (): void => {
      body.on('error', () => {}) // whoever leaves does not mind
      body.destroy()
    }
    return { status, headers, next, rest, leave }
  }

  /** Sends a request and leaves when `left` says so, without an answer. */
  async leaving(ask: Ask, left: Promise<unknown>): Promise<void> {
    const controller = new AbortController()
    const asked = this.#request({ ...ask }, controller.signal).then(
      ({ body }) => void body.on('error', () => {}),
      () => {},
    )
    await left
    controller.abort()
    await asked
  }

  /** Ends every connection. */
  close(): Promise<void> {
    return this.#agent.destroy()
  }

  #request(ask: Ask, signal?: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { path = '/', method = 'POST', headers = {}, body } = ask
    const type = 'type' in ask ? ask.type : JSON_TYPE
    return request(`${this.#url}${path}`, {
      method,
      headers: { ...(type !== undefined && { 'content-type': type }), ...headers },
      body: body ?? null,
      dispatcher: this.#agent,
      ...(signal && { signal }),
    })
  }
}

export const JSON_TYPE = 'application/json'
export const NDJSON = 'application/x-ndjson'

/** A body that is written by and by. */
export function upload(...pieces: readonly (string | Uint8Array)[]): PassThrough {
  const body = new PassThrough()
  body.on('error', () => {}) // the server may not want all of it
  for (const piece of pieces) body.write(piece)
  return body
}

/** The records of an NDJSON answer. */
export function recordsOf({ text }: Pick<Answer, 'text'>): unknown[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

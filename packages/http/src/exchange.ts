import type { Logger } from '@pipelines/core'

/** One request, as much of it as every framework has. */
export interface Exchange {
  /** The framework's own request: what hooks of users are given. */
  readonly raw: unknown
  /** Names the request in logs. */
  readonly id: string
  /** Where the framework has one for this request. */
  readonly logger?: Logger | undefined
  /** The address of whoever asks, where it is known. */
  readonly address?: string | undefined
  /** What the framework has made of the body, if it has. */
  readonly parsed?: { readonly value: unknown } | undefined
  /** A header by its name in lower case; several of one name are joined as the framework does that. */
  header(name: string): string | undefined
  /** The body as it comes, otherwise. May be asked for once; ending it early leaves the connection as it is. */
  bytes(): AsyncIterable<Uint8Array>
  /**
   * Calls `tell` when the client has left before its answer was complete; what comes back ends that. Which event this is
   * differs: an aborted *request* is none, because that event comes for every body that was read.
   */
  onGone(tell: () => void): () => void
  /** Ends the connection, or what is left of the answer. */
  drop(): void
}

/** What is answered. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The whole text; or pieces of it, which are asked for as fast as they can be sent. */
  readonly body: string | AsyncGenerator<string, void, void>
  /** Milliseconds after which a client that does not take it may be cut off. */
  readonly readerTimeoutMs?: number
}

/**
 * Answers requests, whichever framework they come by: adapters make handlers of it. Rejects with what {@link toHttpError}
 * turns into an answer.
 */
export type Endpoint = (exchange: Exchange) => Promise<Reply>

/** A reply in JSON. */
export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': JSON_TYPE, ...headers }, body: JSON.stringify(value) }
}

export const JSON_TYPE = 'application/json; charset=utf-8'

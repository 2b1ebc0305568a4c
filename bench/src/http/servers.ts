import type { Listening } from './listening.js'

/** By name, what starts a server; loads its framework. */
export const SERVERS = {
  fastify: async () => (await import('./fastify.js')).fastifyServer(),
  express: async () => (await import('./express.js')).expressServer(),
  node: async () => (await import('./node.js')).nodeServer(),
  fetch: async () => (await import('./fetch.js')).fetchServer(),
} as const satisfies Readonly<Record<string, () => Promise<Listening>>>

export type ServerName = keyof typeof SERVERS

import type { Load, Workload } from '../workload.js'

const PROCESS = 'Pipelines, process'
const VALUE = 'Pipelines, handler, value'
const LATER = 'Pipelines, process'
const UNORDERED = 'Pipelines, process, ordered: false'
const BARE = 'bare handler'
const BARE_LATER = 'bare handler that waits'
const REQUESTS: Load['requests'] = { full: 5_000, short: 1_000, quick: 60 }

/** What a warm graph costs per request, against a handler that calls the same three functions. */
export const requests: Workload = {
  name: 'W11',
  parts: [
    {
      kind: 'load',
      title: 'W11: inlet → three sync functions, Fastify',
      server: 'fastify',
      requests: REQUESTS,
      contestants: [
        { name: PROCESS, ours: true, path: '/process' },
        { name: VALUE, ours: true, path: '/value' },
        { name: 'Pipelines, handler, array', ours: true, path: '/array' },
        { name: 'Pipelines, handler, ndjson', ours: true, path: '/ndjson' },
        { name: 'Pipelines, handler, sse', ours: true, path: '/sse' },
        { name: BARE, path: '/bare' },
        { name: 'bare handler, ndjson', path: '/bare-ndjson' },
      ],
      targets: [PROCESS, VALUE].map((ours) => ({ kind: 'speed', ours, of: [BARE], atLeast: 0.9 })),
    },
    {
      kind: 'load',
      title: 'W11: the same, one of the functions waits 2 ms; 64 workers',
      server: 'fastify',
      requests: REQUESTS,
      contestants: [
        { name: LATER, ours: true, path: '/later' },
        { name: UNORDERED, ours: true, path: '/unordered' },
        { name: BARE_LATER, path: '/bare-later' },
      ],
      targets: [LATER, UNORDERED].map((ours) => ({ kind: 'speed', ours, of: [BARE_LATER], atLeast: 0.95 })),
    },
    elsewhere('express', 'Express'),
    elsewhere('node', 'node:http'),
    elsewhere('fetch', 'fetch, on node:http by the server of Hono'),
  ],
}

/** One route of ours, and one without us. */
function elsewhere(server: Load['server'], name: string): Load {
  return {
    kind: 'load',
    title: `W11: inlet → three sync functions, ${name}`,
    server,
    requests: REQUESTS,
    contestants: [
      { name: VALUE, ours: true, path: '/value' },
      { name: BARE, path: '/bare' },
    ],
    targets: [],
  }
}

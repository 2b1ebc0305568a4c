import type { Logger } from '@pipelines/core'

/** One call of a logger. */
export interface Entry {
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string | undefined
}

/** A logger that remembers, of the shape that Fastify asks for; its children bring their fields with them. */
export function logged(): { readonly logger: Logger; readonly entries: readonly Entry[] } {
  const entries: Entry[] = []
  const make = (bound: Entry['fields']): Logger => {
    const at =
      (level: string) =>
      (first: object | string, second?: string): void => {
        if (typeof first === 'string') entries.push({ level, fields: bound, message: first })
        else entries.push({ level, fields: { ...bound, ...first }, message: second })
      }
    const levels = ['debug', 'info', 'warn', 'error', 'fatal', 'trace', 'silent']
    const calls = Object.fromEntries(levels.map((level) => [level, at(level)]))
    // It has these four, and what Fastify wants besides.
    return { ...calls, level: 'info', child: (more: object) => make({ ...bound, ...more }) } as unknown as Logger
  }
  return { logger: make({}), entries }
}

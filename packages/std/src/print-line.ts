import type { Writable } from 'node:stream'
import type { Context } from '@pipelines/core/coro'
import type { ArgSchema } from './args.js'
import { Room } from './room.js'

/** Where lines go. */
export type Target = 'stdout' | 'stderr'

export const TARGET: Target = 'stdout'

/** The arg that says where lines go. */
export const TARGET_ARG: ArgSchema = {
  type: 'string',
  enum: ['stdout', 'stderr'],
  default: TARGET,
  description: 'Which output of the program gets the lines.',
}

const rooms = new WeakMap<Writable, Room>()

/** Writes a line; a promise where the next one has to wait until somebody has read. A closed output is no error. */
export function printLine(line: string, to: Target, ctx: Pick<Context, 'signal'>): undefined | Promise<void> {
  // The console, and not the stream: it takes no harm when the stream is closed, and people may have put theirs in its place.
  if (to === 'stdout') console.log(line)
  else console.error(line)
  const stream = process[to]
  return stream.writableNeedDrain ? roomOf(stream).wait(ctx.signal) : undefined
}

function roomOf(stream: Writable): Room {
  const room = rooms.get(stream) ?? new Room(stream)
  rooms.set(stream, room)
  return room
}

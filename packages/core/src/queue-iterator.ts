import type { Packet } from './packet.js'
import type { Queue } from './queue.js'

/** Takes packets until the queue has ended; leaving the loop closes it. */
export async function* packetsOf(queue: Queue): AsyncGenerator<Packet, void, void> {
  let wake = (): void => {}
  queue.attach({ arrived: () => wake(), inputEnded: () => wake() }, 0)
  try {
    while (!queue.over) {
      const packet = queue.take()
      if (packet !== undefined) yield packet
      else
        await new Promise<void>((resume) => {
          wake = resume
        })
    }
  } finally {
    queue.close()
  }
}

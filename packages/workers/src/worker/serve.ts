import { encodeError } from '../error-code.js'
import type { Session } from '../session.js'
import { type HostPort, SessionPort } from './host-port.js'
import { load } from './load.js'
import { SessionWork } from './session-work.js'

/** Works for a host: one session after the other, until the host wants no more or something ends this worker. */
export function serve(host: HostPort): void {
  let port: SessionPort | undefined
  let work: SessionWork | undefined
  let uncaught: { readonly error: unknown } | undefined
  const open = async (session: Session, own: SessionPort): Promise<void> => {
    try {
      work = new SessionWork(session, await load(session), own)
      own.post({ type: 'opened' })
    } catch (error) {
      own.post({ type: 'refused', error: encodeError(error) })
    }
  }
  host.listen((message) => {
    if (message.type === 'open') {
      port = new SessionPort(host, message.session.id)
      void open(message.session, port)
    } else if (message.type === 'close') {
      work = undefined
      port?.post({ type: 'closed' })
      port?.close()
    } else work?.received(message)
  })
  process.on('uncaughtExceptionMonitor', (error) => {
    uncaught = { error }
  })
  // The last chance to say what was done, and what was not begun.
  process.on('exit', () => {
    work?.flush()
    port?.post({
      type: 'exiting',
      call: work?.present ?? null,
      ...(uncaught && { error: encodeError(uncaught.error) }),
    })
  })
}

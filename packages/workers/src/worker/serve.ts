import { encodeError } from '../error-code.js'
import type { Session } from '../session.js'
import type { HostPort } from './host-port.js'
import { load } from './load.js'
import { SessionWork } from './session-work.js'

/** Works for a host: one session after the other, until the host wants no more or something ends this worker. */
export function serve(port: HostPort): void {
  let work: SessionWork | undefined
  let uncaught: unknown
  const open = async (session: Session): Promise<void> => {
    try {
      work = new SessionWork(session, await load(session), port)
      port.post({ type: 'opened' })
    } catch (error) {
      port.post({ type: 'refused', error: encodeError(error) })
    }
  }
  port.listen((message) => {
    if (message.type === 'open') void open(message.session)
    else if (message.type === 'close') {
      work = undefined
      port.post({ type: 'closed' })
    } else work?.received(message)
  })
  process.on('uncaughtExceptionMonitor', (error) => {
    uncaught = error
  })
  // The last chance to say what was done, and what was not begun.
  process.on('exit', () => {
    work?.flush()
    const error = uncaught === undefined ? {} : { error: encodeError(uncaught) }
    port.post({ type: 'exiting', call: work?.present ?? null, ...error })
  })
}

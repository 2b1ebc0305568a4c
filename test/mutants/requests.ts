import { of } from './catchers.js'
import type { Mutant } from './mutant.js'

/** Mistakes with requests: how many there may be, what they are answered with, and what their calls see. */
export const REQUESTS: readonly Mutant[] = [
  {
    name: 'a request is answered with its first output',
    what: 'Other outputs of a request are not waited for.',
    changes: [
      {
        file: 'leaf.ts',
        search: 'if (taken || !this.#o.isDoomed()) scope.leave()',
        replace: 'scope.leave()\n      scope.request?.onSettled()',
      },
    ],
    caughtBy: of('e2e/requests', 'process, of any other number of outputs than one'),
  },
  {
    name: 'one request too many is let in',
    what: 'One request more than `maxInFlight` is in flight.',
    changes: [{ file: 'requests.ts', search: 'this.#inside >= maxInFlight', replace: 'this.#inside > maxInFlight' }],
    caughtBy: of('e2e/requests-gone', 'as many requests are let in as may be'),
  },
  {
    name: 'the place of a request is not given back',
    what: 'Of a request that has left, the place counts for ever.',
    changes: [{ file: 'requests.ts', search: 'request.onLeft = this.#leave', replace: '' }],
    caughtBy: of('e2e/requests-failing', 'are refused at once with PLB_RUN_OVERLOADED', 'wait if asked'),
  },
  {
    name: 'the last of the requests that wait goes first',
    what: 'Requests that wait are not let in in the order in which they came.',
    changes: [
      {
        file: 'requests.ts',
        search: 'const next = this.#waiting.shift()\n      if (next === undefined) return\n',
        replace: `let next = this.#waiting.shift()
      if (next === undefined) return
      for (let more = this.#waiting.size; more > 0; more--) {
        this.#waiting.push(next)
        next = this.#waiting.shift()
      }
`,
      },
    ],
    caughtBy: of('e2e/requests-failing', 'wait if asked'),
  },
  {
    name: 'requests are not told that the run is over',
    what: 'On doomsday the requests in flight are forgotten.',
    changes: [{ file: 'network.ts', search: 'this.#requests?.doom(end.error)', replace: '{}' }],
    caughtBy: of('e2e/requests-failing', 'what ends the run is what every request gets: doomsday'),
  },
  {
    name: 'the time of a request goes on when that is answered',
    what: 'The timer of `timeoutMs` is left behind.',
    changes: [{ file: 'request.ts', search: 'this.#timeouts?.remove(this)', replace: '' }],
    caughtBy: of('e2e/requests-failing', 'does not keep the process alive'),
  },
  {
    name: 'a request listens to its signal when that is answered',
    what: 'The listener on the signal of a request is left behind.',
    changes: [{ file: 'request.ts', search: 'this.#unlisten?.()', replace: '' }],
    caughtBy: of('e2e/requests-cancelled', 'is not listened to any more'),
  },
  {
    name: 'each request listens for itself',
    what: 'A signal that many requests share has a listener for each of them.',
    changes: [{ file: 'aborts.ts', search: 'known.set(signal, entry)', replace: '' }],
    caughtBy: of('e2e/requests-cancelled', 'may be that of many requests without a warning'),
  },
  {
    name: 'a request that has failed is answered first',
    what: 'The last packet of a request ends before its failure is known.',
    changes: [
      {
        file: 'settling-node.ts',
        search:
          'else request.fail(error) // before its last packet may end: it would be answered then\n    this.#over(packet)',
        replace: 'this.#over(packet)\n    request?.fail(error)',
      },
    ],
    caughtBy: of('e2e/requests-failing', 'rejects its request with the error that a run would have'),
  },
  {
    name: 'a request that fails ends the run',
    what: 'An item of a request fails as one that was put.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'if (request === undefined || this.doomed) this',
        replace: 'if (packet !== undefined) this',
      },
    ],
    caughtBy: of('e2e/requests-failing', 'a failure of a request fails neither the run'),
  },
  {
    name: 'a request does not say what was left out',
    what: 'That an item of it was skipped is not the cause of a request that has no output.',
    changes: [
      {
        file: 'settling-node.ts',
        search: 'if (scope.request !== undefined) scope.request.skipped ??= error',
        replace: '',
      },
    ],
    caughtBy: of('e2e/requests-failing', 'leaves its request without an output, and is the cause'),
  },
  {
    name: 'the outputs of requests go to everybody',
    what: 'What a request gave is handed to `onOutput`, too.',
    changes: [
      {
        file: 'leaf.ts',
        search: 'const { request } = scope\n',
        replace: 'const { request } = scope\n    if (request !== undefined) this.#deliver(port, value, meta)\n',
      },
    ],
    caughtBy: of('e2e/requests', 'go to their caller, and those of put to onOutput'),
  },
  {
    name: 'a request has the env of the pipeline',
    what: '`ctx.env` does not show what the request brought.',
    changes: [{ file: 'slot.ts', search: 'this.packet?.scope.request?.env ?? ', replace: '' }],
    caughtBy: of('e2e/requests', 'is laid over that of the pipeline'),
  },
  {
    name: 'the env of the pipeline is laid over that of a request',
    what: 'Where both name something, that of the pipeline counts.',
    changes: [{ file: 'request.ts', search: '{ ...below, ...above }', replace: '{ ...above, ...below }' }],
    caughtBy: of('e2e/requests', 'is laid over that of the pipeline'),
  },
  {
    name: 'a call runs in the context of whoever woke its node',
    what: 'A coroutine sees the async context of another request.',
    changes: [
      {
        file: 'calling-node.ts',
        search: 'return packet.scope.run(runner.run, runner, value, slot)',
        replace: 'return runner.run(value, slot)',
      },
    ],
    caughtBy: of('e2e/requests-context', 'never see each other’s context'),
  },
  {
    name: 'the meta of a request is lost',
    what: 'The packet of a request has no meta.',
    changes: [{ file: 'requests.ts', search: 'meta === undefined ? NO_META', replace: 'true ? NO_META' }],
    caughtBy: of('e2e/requests', 'goes with its value, and with what descends'),
  },
]

import { Link, STRETCH } from './chain.js'
import { PipelineError } from './errors.js'
import { type BareInput, Faulty, type Inlet, type InletHooks } from './inlet.js'
import { isThenable } from './iterate.js'
import { type LinkOwner, type Stumble, WORKED_OFF } from './link-owner.js'
import type { NodeOptions } from './node-options.js'
import { pacer } from './pacer.js'
import { Bundle, type Packet } from './packet.js'
import type { Token } from './regions.js'
import { WorkerSlot } from './slot.js'
import { TryingNode } from './trying-node.js'

export interface ChainedNodeOptions extends NodeOptions {
  readonly inlet: (hooks: InletHooks) => Inlet
  /** Tokens that an item inside the node holds: see `NodeRegions`. */
  readonly holds: readonly Token[]
  /** Whether the inlet has to know when a packet is worked off. */
  readonly tells: boolean
}

/** A node whose plain calls are made by a link: by its only worker in stretches, or by its predecessor. */
export abstract class ChainedNode extends TryingNode implements LinkOwner {
  protected readonly inlet: Inlet
  protected readonly tells: boolean
  /** Whether a call may have to wait before its item is taken. */
  protected readonly gated: boolean
  protected readonly chain: Link
  /** A packet that was taken and cannot be passed in a chain. */
  protected odd: Packet | undefined
  /** Where items come from, if they may come bare. */
  readonly #input: BareInput | undefined
  /** Whether nothing is asked of a call but that it is made. */
  #isPlain: boolean
  /** The context in which keys are asked for. */
  #asking: WorkerSlot | undefined

  constructor(options: ChainedNodeOptions) {
    super(options, options.holds)
    this.tells = options.tells
    this.gated = this.plan.properties.rateLimit !== undefined || this.outlet.places !== undefined
    this.#isPlain = !this.tries && !this.tells && !this.gated && !this.demanding
    this.inlet = options.inlet({
      keyOf: (packet) => this.#keyOf(packet),
      wake: () => this.waits(),
      onFault: (packet, error) => void this.fault(packet, error, 0),
      onGivenUp: (packet) => this.givenUp(packet),
      onPassed: (packet) => this.passed(packet),
    })
    this.#input = this.inlet.bareInput
    this.chain = new Link(this, this.outlet, { slot: new WorkerSlot(this, 0), inputs: this.#input?.width })
  }

  /** Where its predecessor may call it on the spot, if items may come bare. */
  get link(): Link | undefined {
    return this.#input && this.chain
  }

  override setWorkers(count: number): void {
    if (count !== 1) this.chain.region?.end()
    super.setWorkers(count)
    this.reopen()
  }

  override pause(): void {
    super.pause()
    this.chain.close()
  }

  override resume(): void {
    super.resume()
    this.reopen()
  }

  override get inProgress(): number {
    return super.inProgress + (this.chain.isCalling && this.slots.holdNothing ? this.chain.completes : 0)
  }

  /** Goes on with a call that a link has made; a promise where its own worker has made it, who has to wait for that. */
  goOn(slot: WorkerSlot, packet: Packet, stumble: Stumble): Promise<void> | undefined {
    const isOver = stumble === WORKED_OFF
    if (!isOver) slot.packet = packet
    this.skipTurnsTo(isOver || slot.lapsed ? slot.index + 1 : slot.index)
    if (this.movement.active > 0) return this.#goesOn(slot, packet, stumble)
    this.slots.claim(slot)
    this.takeOver(slot, () => this.#goesOn(slot, packet, stumble))
    return undefined
  }

  land(packet: Packet): void {
    this.inlet.land?.(packet)
  }

  protected override giveUp(slot: WorkerSlot): void {
    if (this.chain.isCalling) this.skipTurnsTo(slot.index) // of the calls that the link has made no turn was passed
    super.giveUp(slot)
  }

  /** A worker of its own goes on with a call. */
  protected abstract takeOver(slot: WorkerSlot, end: () => Promise<void>): void
  /** Whether it has nothing to do, and may do something. */
  protected abstract get isIdle(): boolean

  protected override unwanted(): void {
    super.unwanted()
    this.chain.close()
  }

  /** What came without a frame has handed on its token with its output. */
  protected override get isFramed(): boolean {
    return this.chain.region === undefined
  }

  protected override get inChain(): boolean {
    return this.chain.isCalling
  }

  protected override halted(doomed: boolean): void {
    super.halted(doomed)
    this.chain.close()
    if (doomed) this.inlet.clear()
    else this.inlet.close()
  }

  /** Lets its predecessor call it on the spot, if it is idle. */
  protected reopen(): void {
    const { chain } = this
    if (this.#input === undefined || chain.isCalling) return
    const isOpen = this.#isPlain && this.workers === 1 && this.isIdle && this.#input.isIdle
    const slot = isOpen ? this.slots.idle(this.runner) : undefined
    if (slot === undefined) chain.close()
    else chain.open(this.runner, slot)
  }

  /** Whether its only worker may make calls in stretches. */
  protected get stretches(): boolean {
    return this.#isPlain && this.workers === 1 && this.movement.active === 1
  }

  /** Takes items for as long as nothing has to wait; a promise where something has. */
  protected stretch(slot: WorkerSlot, most: number): Promise<void> | undefined {
    const { chain, inlet } = this
    const input = this.#input
    chain.begin(this.runner, slot)
    let leaving: Promise<void> | undefined
    for (let left = most; left > 0 && inlet.ready; left--) {
      leaving = input?.bare ? chain.pass(input.takeBare()) : this.#passPacket()
      if (leaving !== undefined || chain.state !== STRETCH || this.odd !== undefined || pacer.due()) break
    }
    chain.end()
    if (leaving === undefined) this.skipTurnsTo(chain.taken)
    return leaving
  }

  #passPacket(): Promise<void> | undefined {
    const packet = this.inlet.take() as Packet | undefined // nothing fails before its call where nothing is tried
    if (packet === undefined) return undefined
    if (packet.scope === this.host.scope && !(packet instanceof Bundle)) return this.chain.passPacket(packet)
    this.odd = packet
    return undefined
  }

  async #goesOn(slot: WorkerSlot, packet: Packet, stumble: Stumble): Promise<void> {
    if (stumble === WORKED_OFF) return
    if ('error' in stumble) return this.failed(slot, packet, stumble.error)
    if ('sent' in stumble) {
      const { sent } = stumble
      return this.settle(slot, packet, typeof sent === 'boolean' ? sent : await this.movement.until(sent))
    }
    let { result } = stumble
    try {
      if (isThenable(result)) {
        this.#isPlain = false // what has given a promise once will do so again
        this.waits()
        result = await result
      }
    } catch (error) {
      return this.failed(slot, packet, error)
    }
    return this.given(slot, packet, result)
  }

  /** Asks for the key of a packet. It has failed where there is none, which waits its turn if it is to be routed. */
  #keyOf(packet: Packet): { readonly key: unknown } | Faulty | undefined {
    const { partitionBy, properties } = this.plan
    this.#asking ??= new WorkerSlot(this, 0)
    this.#asking.begin(packet, this.chain.taken)
    try {
      const key = packet.scope.run(() => partitionBy?.(packet.value, this.#asking as WorkerSlot), undefined)
      if (!isThenable(key)) return { key }
      key.then(undefined, () => {}) // it is not waited for
      throw new PipelineError('CORO_TYPE', { node: this.name, what: 'has a "partitionBy" that answers with a promise' })
    } catch (error) {
      const failure = this.failure(error, 'partitionBy')
      if (properties.onError === 'route') return new Faulty(packet, failure)
      void this.fault(packet, failure, 0)
      return undefined
    }
  }
}

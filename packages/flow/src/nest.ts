export type { GroupKind, Member, StepOptions } from './nest/members.js'
export { as, broadcast, by, Group, parallel, Step, seq, serial, step, zip } from './nest/members.js'
export { Nest, type NestOptions, nest } from './nest/nest.js'
export type { Layout } from './nest/nest-graph.js'
export type { ErrorHandler } from './nest/nest-run.js'
export { Payload, type PayloadParts } from './nest/payload.js'
export {
  batch,
  type Called,
  constant,
  filter,
  iter,
  type MoreOf,
  map,
  print,
  read,
  stamp,
  write,
} from './nest/ready.js'
export { type Cut, type QueueInfo, Stage, type StageInfo } from './nest/stage.js'
export { type StageClass, stageCoro } from './nest/stage-coro.js'
export type { WatchOptions } from './nest/watch.js'

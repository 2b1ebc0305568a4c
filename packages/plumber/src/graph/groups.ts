import type { NodeProperties, Window } from '@pipelines/core'

/** The windows of a node, whichever way they are written. */
export function windowOf({ window, stateful }: NodeProperties): Window | undefined {
  return typeof stateful === 'number' ? { size: stateful, step: 1, partial: false } : window
}

/** The property by which an output of a node belongs to several items, if it has one. */
export function mergesBy(properties: NodeProperties): 'batch' | 'window' | 'stateful' | undefined {
  if (properties.batch?.returns === 'one') return 'batch'
  if (properties.window !== undefined) return 'window'
  return typeof properties.stateful === 'number' ? 'stateful' : undefined
}

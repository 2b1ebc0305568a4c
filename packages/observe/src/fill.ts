import type { EdgeSnapshot } from '@pipelines/core'

/** How much of an edge's capacity is in use, from 0 to 1. */
export function fillOf({ depth, capacity }: Pick<EdgeSnapshot, 'depth' | 'capacity'>): number {
  return depth > 0 ? Math.min(1, depth / capacity) : 0
}

import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * How much larger than what lives in it the heap may grow before V8 collects garbage, in percent. Left alone, V8 decides that
 * anew after each collection, and counts the buffers of sockets among what has grown. A photo that passes through is
 * nothing but such buffers: all of the heap was collected after each 8 MB, which took more time than passing them on.
 */
const GROWTH_PERCENT = 100;
/**
 * How large the part of the heap may become that new objects are made in, in bytes. Left alone it grows to 100 MB where many
 * of them live for a moment, as those of a library do that is being read, and keeps that memory.
 */
const YOUNG_BYTES = 16 * 1024 * 1024;

/**
 * Bounds what V8 takes beyond what lives, for this process and its threads. Both flags are numbers that V8 looks at each
 * time it decides; the one for the size of the young part (`--max-semi-space-size`) it reads before any program runs.
 */
export function boundHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
  let mayGrow = true;
  const observer = new PerformanceObserver(() => {
    const isSmall = youngBytes() < YOUNG_BYTES;
    if (isSmall === mayGrow) return;
    mayGrow = isSmall;
    setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`);
  });
  observer.observe({ entryTypes: ['gc'] });
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}

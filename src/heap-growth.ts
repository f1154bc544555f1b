import { setFlagsFromString } from 'node:v8';

/**
 * How much larger than what lives in it the heap may grow before V8 collects garbage, in percent.
 *
 * V8 decides that anew after each collection, from how fast objects are made, and counts the buffers of sockets among them.
 * Left alone it is wrong both ways. A photo that passes through is nothing but buffers: there it collected all of the heap
 * after each 8 MB, which took more time than passing them on. While a large library is read it let garbage pile up to
 * several times of what lived.
 */
const GROWTH_PERCENT = 60;

/** For this process and all its threads, from the next collection on. To be called before any work begins. */
export function boundHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

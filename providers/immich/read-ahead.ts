export interface ReadAheadLimits<T> {
  /** How many results may be in the making or wait to be taken. */
  readonly maxReads: number;
  /** What one costs, and how much they may cost together. One alone may cost more. */
  readonly weightOf: (entry: T) => number;
  readonly maxWeight: number;
}

/**
 * The results of `read` in the order of `entries`, some of them read ahead. A failure is thrown at its place in the
 * order. What is still being read when the consumer stops is left to the caller's own abort signal.
 */
export async function* readAhead<T, R>(
  entries: readonly T[],
  read: (entry: T) => Promise<R>,
  limits: ReadAheadLimits<T>,
): AsyncGenerator<R, void, undefined> {
  const queue: { readonly result: Promise<R>; readonly weight: number }[] = [];
  let next = 0;
  let weight = 0;
  const fill = () => {
    for (let entry = entries[next]; entry !== undefined; entry = entries[next]) {
      const cost = limits.weightOf(entry);
      const hasRoom = queue.length < limits.maxReads && weight + cost <= limits.maxWeight;
      if (queue.length > 0 && !hasRoom) return;
      const result = read(entry);
      // Thrown again where it is awaited; until then it must not count as unhandled.
      result.catch(() => undefined);
      queue.push({ result, weight: cost });
      weight += cost;
      next += 1;
    }
  };
  fill();
  for (let head = queue[0]; head !== undefined; head = queue[0]) {
    yield await head.result;
    queue.shift();
    weight -= head.weight;
    fill();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Space } from '../model/space.ts';

/** How long a reading counts. Clients ask with each listing, and the numbers are for people. */
const FRESH_MS = 10_000;
/** What a listing waits for a disk at most; a network disk that hangs answers after minutes. */
const PATIENCE_MS = 150;

/** Asks a source; null when it cannot tell. */
export type SpaceReader = () => Promise<Space | null>;

/**
 * The space of each source, read when asked for and kept for a few seconds. A source that does not answer at once is
 * asked on in the background, one question at a time, and until it has answered its last answer stands.
 */
export class SpaceReadings {
  readonly #readers: ReadonlyMap<number, SpaceReader>;
  readonly #readings = new Map<number, Reading>();

  /** @param readers by source id. */
  constructor(readers: ReadonlyMap<number, SpaceReader>) {
    this.#readers = readers;
  }

  /** What is known of these sources, each at most once; those that cannot tell are left out. */
  async of(sourceIds: readonly number[]): Promise<ReadonlyMap<number, Space>> {
    const read = await Promise.all(
      sourceIds.map(async (id): Promise<[number, Space][]> => {
        const space = await this.#read(id);
        return space === null ? [] : [[id, space]];
      }),
    );
    return new Map(read.flat());
  }

  async #read(sourceId: number): Promise<Space | null> {
    const reader = this.#readers.get(sourceId);
    if (reader === undefined) return null;
    const reading = this.#readings.get(sourceId) ?? { space: null, readAtMs: 0, pending: null };
    this.#readings.set(sourceId, reading);
    if (Date.now() - reading.readAtMs < FRESH_MS) return reading.space;
    reading.pending ??= this.#ask(reader, reading);
    await Promise.race([reading.pending, sleep(PATIENCE_MS, undefined, { ref: false })]);
    return reading.space;
  }

  async #ask(reader: SpaceReader, reading: Reading): Promise<void> {
    try {
      reading.space = await reader();
    } catch {
      // A disk that is away has no space that could be told; the scan says what is wrong with it.
      reading.space = null;
    }
    reading.readAtMs = Date.now();
    reading.pending = null;
  }
}

interface Reading {
  space: Space | null;
  readAtMs: number;
  pending: Promise<void> | null;
}

/** Of several sources together; disks that they share count once. Null for none. */
export function totalSpace(spaces: Iterable<Space>): Space | null {
  const volumes = new Map([...spaces].map((space) => [space.volume, space]));
  if (volumes.size === 0) return null;
  const sum = (of: (space: Space) => number) =>
    [...volumes.values()].reduce((total, space) => total + of(space), 0);
  return {
    availableBytes: sum((space) => space.availableBytes),
    usedBytes: sum((space) => space.usedBytes),
    volume: [...volumes.keys()].join(' '),
  };
}

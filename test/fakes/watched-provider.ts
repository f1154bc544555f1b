import { setTimeout as sleep } from 'node:timers/promises';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { contentTypeOf, mediaKindOf } from '../../src/model/content-type.ts';
import type {
  AssetEvent,
  Call,
  CollectionEvent,
  LookEvent,
  Provider,
  ScanCall,
  ScanEvent,
  WatchHint,
} from '../../src/provider/provider.ts';
import { MemoryProvider } from './memory-provider.ts';

interface Place {
  readonly ref: string;
  /** Null for a collection. */
  readonly version: string | null;
  readonly modifiedMs: number;
}

const LONG_AGO_MS = Date.UTC(2024, 0, 1);

/** A tree of paths in memory that can be watched. Changing it hints at nothing: that is the test's to do. */
export class WatchedProvider extends MemoryProvider implements Provider {
  readonly #places = new Map<string, Place>();
  readonly #waiting: (WatchHint | Error | 'end')[] = [];
  #wake: () => void = () => undefined;
  /** Errors that the next looks throw, one each. */
  readonly lookErrors: Error[] = [];
  readonly looks: string[] = [];
  scans = 0;
  watches = 0;
  /** Called in a scan before what is at the path is told. */
  beforeTelling: (path: string) => Promise<void> = async () => undefined;
  /** Called before a look. */
  beforeLooking: (path: string) => Promise<void> = async () => undefined;

  put(path: string, ref: string, version: string | null = 'v1', modifiedMs = LONG_AGO_MS): void {
    this.#places.set(path, { ref, version: version === null ? null : `${version}-${ref}`, modifiedMs });
  }

  folder(path: string, ref: string): void {
    this.put(path, ref, null);
  }

  /** With everything below it. */
  take(path: string): void {
    for (const each of this.#within(path)) this.#places.delete(each);
  }

  /** With everything below it. */
  relocate(from: string, to: string): void {
    const moved = this.#within(from).map((path) => [path, this.#places.get(path)] as const);
    this.take(from);
    for (const [path, place] of moved) {
      if (place !== undefined) this.#places.set(`${to}${path.slice(from.length)}`, place);
    }
  }

  hint(...paths: string[]): void {
    this.#send(...paths.map((path): WatchHint => ({ kind: 'path', path })));
  }

  lose(reason = 'Something was missed.'): void {
    this.#send({ kind: 'lost', reason });
  }

  endWatch(error?: Error): void {
    this.#send(error ?? 'end');
  }

  override async *scan(_call: ScanCall): AsyncGenerator<ScanEvent> {
    this.scans += 1;
    for (const path of [...this.#places.keys()].sort()) {
      await this.beforeTelling(path);
      const event = this.#eventAt(path);
      if (event !== null) yield event;
    }
  }

  async *watch(call: Call): AsyncGenerator<WatchHint> {
    this.watches += 1;
    const end = () => this.endWatch();
    call.signal.addEventListener('abort', end, { once: true });
    for (;;) {
      const next = this.#waiting.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (next instanceof Error) throw next;
      else if (next === 'end') return;
      else yield next;
    }
  }

  async *look(path: string, _call: ScanCall): AsyncGenerator<LookEvent> {
    this.looks.push(path);
    await this.beforeLooking(path);
    const error = this.lookErrors.shift();
    if (error !== undefined) throw error;
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth += 1) {
      const above = names.slice(0, depth).join('/');
      const event = this.#eventAt(above);
      if (event === null) {
        yield { kind: 'gone', path: above };
        return;
      }
      yield event;
    }
    if (!this.#places.has(path)) yield { kind: 'gone', path };
    for (const each of this.#within(path).sort()) {
      await sleep(0);
      const event = this.#eventAt(each);
      if (event !== null) yield event;
    }
  }

  #send(...sent: (WatchHint | Error | 'end')[]): void {
    this.#waiting.push(...sent);
    this.#wake();
  }

  #within(path: string): string[] {
    return [...this.#places.keys()].filter((each) => each === path || each.startsWith(`${path}/`));
  }

  #eventAt(path: string): CollectionEvent | AssetEvent | null {
    const place = this.#places.get(path);
    if (place === undefined) return null;
    const { ref, version, modifiedMs } = place;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const parent = this.#places.get(path.slice(0, Math.max(path.lastIndexOf('/'), 0)))?.ref ?? null;
    if (version === null) return { kind: 'collection', ref, parent, name, modifiedMs, createdMs: null };
    const facts = {
      ...{ ...UNKNOWN_MEDIA, ref: { id: ref, path }, version, sizeBytes: version.length, digests: {} },
      ...{ contentType: contentTypeOf(name), kind: mediaKindOf(name) },
      ...{ modifiedMs, createdMs: null, statusChangedMs: null },
    };
    return { kind: 'asset', collection: parent, name, facts };
  }
}

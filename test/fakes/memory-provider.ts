import { Readable } from 'node:stream';
import { type AssetFacts, UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { CodedError, type ErrorCode } from '../../src/model/coded-error.ts';
import { contentTypeOf, mediaKindOf } from '../../src/model/content-type.ts';
import type { Call, Provider, ScanCall, ScanEvent, Traits, Want } from '../../src/provider/provider.ts';

/** A source in memory that misbehaves on request, for the rooms above the provider. */
export class MemoryProvider implements Provider {
  readonly traits: Traits;
  /** What the next scans tell; throw from within by an entry that is an Error. */
  events: (ScanEvent | Error)[] = [];
  /** Contents by ref id. */
  readonly contents = new Map<string, Buffer>();
  /** Errors that the next calls of `open` reject with, one each. */
  readonly openErrors: Error[] = [];
  /** Bytes that `open` adds to (or, when negative, keeps from) what it should give. */
  lengthError = 0;
  /** `open` never answers. */
  hangs = false;
  openCalls = 0;
  openStreams = 0;

  constructor(traits: Partial<Traits> = {}) {
    this.traits = { identity: 'stable', ranges: 'native', membership: 'one', naming: 'disk', ...traits };
  }

  async *scan(_call: ScanCall): AsyncGenerator<ScanEvent> {
    for (const event of this.events) {
      if (event instanceof Error) throw event;
      yield event;
    }
  }

  async describe(ref: { id: string }): Promise<AssetFacts> {
    const found = this.events.find(
      (event) => !(event instanceof Error) && event.kind === 'asset' && event.facts.ref.id === ref.id,
    );
    if (found === undefined || found instanceof Error || found.kind !== 'asset') throw coded('not-found');
    return found.facts;
  }

  async open(ref: { id: string }, want: Want, call: Call): Promise<Readable> {
    this.openCalls += 1;
    if (this.hangs) await new Promise((_, reject) => call.signal.addEventListener('abort', reject));
    const error = this.openErrors.shift();
    if (error !== undefined) throw error;
    const content = this.contents.get(ref.id);
    if (content === undefined) throw coded('not-found');
    const { start, end } = want.range ?? { start: 0, end: content.length - 1 };
    const bytes = Buffer.concat([
      content.subarray(start, end + 1),
      Buffer.alloc(Math.max(this.lengthError, 0)),
    ]);
    const stream = Readable.from([bytes.subarray(0, bytes.length + Math.min(this.lengthError, 0))]);
    this.openStreams += 1;
    stream.once('close', () => {
      this.openStreams -= 1;
    });
    return stream;
  }

  async close(): Promise<void> {
    this.events = [];
  }

  /** Adds an asset with its content and returns its event. */
  addAsset(id: string, name: string, content: string, collection: string | null = null): ScanEvent {
    const bytes = Buffer.from(content);
    this.contents.set(id, bytes);
    const facts: AssetFacts = {
      ...UNKNOWN_MEDIA,
      ref: { id, path: name },
      version: `v1-${id}`,
      sizeBytes: bytes.length,
      contentType: contentTypeOf(name),
      kind: mediaKindOf(name),
      modifiedMs: Date.UTC(2024, 5, 15),
      createdMs: null,
      statusChangedMs: null,
      digests: {},
    };
    const event: ScanEvent = { kind: 'asset', collection, name, facts };
    this.events.push(event);
    return event;
  }

  addCollection(ref: string, name: string, parent: string | null = null): void {
    const times = { modifiedMs: Date.UTC(2024, 0, 1), createdMs: null };
    this.events.push({ kind: 'collection', ref, parent, name, ...times });
  }
}

export function coded(code: ErrorCode, retryAfterMs?: number): CodedError {
  return new CodedError(code, `a ${code} for the test`, retryAfterMs === undefined ? {} : { retryAfterMs });
}

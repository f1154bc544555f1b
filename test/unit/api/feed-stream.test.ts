import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiUnderTest, type ApiUnderTestOptions } from './api-under-test.ts';

interface StreamEvent {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly removed: boolean; readonly node?: { readonly name: string } };
}

const FAST = { pollMs: 20, heartbeatMs: 60, stuckMs: 200 };
const NEVER_MS = 3_600_000;

let api: ApiUnderTest;
const sockets: Socket[] = [];
const start = async (options: ApiUnderTestOptions = {}): Promise<void> => {
  api = await ApiUnderTest.start(options);
};
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await api.stop();
});

/** A reader that only listens, as an EventSource does. */
class Reader {
  readonly socket: Socket;
  text = '';
  isClosed = false;

  constructor(path: string, headers: Record<string, string> = {}) {
    this.socket = connect(api.port, '127.0.0.1');
    sockets.push(this.socket);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join('')}\r\n`);
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** Events so far; chunk sizes of the transfer coding lie between whole events here. */
  get events(): StreamEvent[] {
    const blocks = this.text.matchAll(/id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n/g);
    return [...blocks].map(([, id = '', event = '', data = '']) => ({ id, event, data: JSON.parse(data) }));
  }

  get names(): (string | undefined)[] {
    return this.events.flatMap(({ data }) => (data.node?.name === 'photos' ? [] : data.node?.name));
  }

  async until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 5_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`still not so: ${condition}\n${this.text.slice(-500)}`);
      await sleep(5);
    }
  }
}

describe('/api/v1/changes/stream', () => {
  it('tells what was and what comes, each with its cursor as id', async () => {
    await start({ streamLimits: { pollMs: NEVER_MS } });
    await api.addFile('a.jpg', { media: null });
    const reader = new Reader('/api/v1/changes/stream?cursor=0');
    await reader.until(() => reader.names.includes('a.jpg'));
    expect(reader.text).toMatch(/^HTTP\/1.1 200 OK/);
    expect(reader.text).toMatch(/content-type: text\/event-stream/i);
    expect(reader.text).toMatch(/retry: 2000\n\n/);
    // Nobody polls, so it is the bell that wakes it.
    await api.addFile('b.jpg', { media: null });
    await reader.until(() => reader.names.includes('b.jpg'));
    const last = reader.events.find(({ data }) => data.node?.name === 'b.jpg');
    expect(last?.event).toBe('change');
    const { changes } = await api.json<{ changes: unknown[] }>(
      `/api/v1/changes?cursor=${Number(last?.id) - 1}`,
    );
    expect(changes[0]).toEqual(last?.data);
    await api.catalog.writer.removeAt(api.source().id, ['b.jpg']);
    await reader.until(() => reader.events.some(({ data }) => data.removed));
  });

  it('goes on behind Last-Event-ID, whatever the query says', async () => {
    await start();
    for (const name of ['a', 'b', 'c']) await api.addFile(`${name}.jpg`, { media: null });
    const first = new Reader('/api/v1/changes/stream');
    await first.until(() => first.names.includes('c.jpg'));
    const id = first.events.find(({ data }) => data.node?.name === 'a.jpg')?.id ?? '';
    const second = new Reader('/api/v1/changes/stream?cursor=0', { 'Last-Event-ID': id });
    await second.until(() => second.names.includes('c.jpg'));
    expect(second.names).toEqual(['b.jpg', 'c.jpg']);
    expect(await api.problem('/api/v1/changes/stream', { headers: { 'Last-Event-ID': 'x' } })).toMatchObject({
      status: 400,
      detail: expect.stringContaining('Last-Event-ID'),
    });
  });

  it('never loses or repeats what happens while it reads', async () => {
    await start({ streamLimits: FAST });
    const reader = new Reader('/api/v1/changes/stream');
    const names = Array.from({ length: 500 }, (_, at) => `${at}.jpg`);
    for (const name of names) {
      await api.addFile(name, { media: null });
      if (name.endsWith('7.jpg')) await sleep(1);
    }
    await reader.until(() => reader.names.includes('499.jpg'));
    expect(reader.names).toEqual(names);
  });

  it('notices what another process wrote, by looking', async () => {
    await start({ streamLimits: FAST });
    const reader = new Reader('/api/v1/changes/stream');
    await reader.until(() => reader.events.length > 0);
    const { DatabaseSync } = await import('node:sqlite');
    const other = new DatabaseSync(`${api.folder}/catalog.db`);
    const { seq } = other.prepare('SELECT max(changed_seq) + 1 AS seq FROM node').get() ?? {};
    other.prepare('UPDATE node SET changed_seq = ?').run(Number(seq));
    other.close();
    await reader.until(() => reader.events.length > 1);
  });

  it('shows that it lives, and moves the id past what is not told', async () => {
    await start({ streamLimits: FAST });
    const reader = new Reader('/api/v1/changes/stream');
    await reader.until(() => /: still here\nid: \d+\n\n/.test(reader.text));
    await api.addFile('a.jpg', { media: null });
    await api.catalog.writer.removeAt(api.source().id, ['a.jpg']);
    const head = await api.catalog.reader.headSeq();
    await reader.until(() => reader.text.includes(`: still here\nid: ${head}\n\n`));
  });

  it('cuts off a reader that takes nothing', async () => {
    await start({ streamLimits: { ...FAST, stuckMs: 300 } });
    const reader = new Reader('/api/v1/changes/stream');
    await reader.until(() => reader.events.length > 0);
    reader.socket.pause();
    const isCut = (): boolean =>
      api.log.some(({ message }) => message === 'a slow reader of changes was cut off');
    // More than any socket holds, written while it looks away.
    const entries = Array.from({ length: 40_000 }, (_, at) => fileEntry(at));
    for (let at = 0; at < entries.length; at += 2_000) {
      await api.apply(entries.slice(at, at + 2_000));
      await sleep(0);
    }
    await reader.until(isCut);
    reader.socket.resume();
    await reader.until(() => reader.isClosed);
    // It goes on where it was, with what its last id says.
    const last = reader.events.at(-1)?.id ?? '0';
    const again = new Reader('/api/v1/changes/stream', { 'Last-Event-ID': last });
    await again.until(() => again.text.includes('"39999.jpg"'));
  });

  it('lets go of readers that leave', async () => {
    await start({ streamLimits: { ...FAST, maxStreams: 2 } });
    const [first] = [new Reader('/api/v1/changes/stream'), new Reader('/api/v1/changes/stream')];
    await sleep(50);
    const full = await api.ask('/api/v1/changes/stream');
    expect(full).toMatchObject({ status: 503, headers: { 'retry-after': '30' } });
    first?.socket.destroy();
    await sleep(50);
    const third = new Reader('/api/v1/changes/stream');
    await third.until(() => third.events.length > 0);
  });

  it('ends when the server stops', async () => {
    await start();
    const reader = new Reader('/api/v1/changes/stream');
    await reader.until(() => reader.events.length > 0);
    const closed = once(reader.socket, 'close');
    const startedMs = Date.now();
    await api.stop();
    await closed;
    expect(Date.now() - startedMs).toBeLessThan(2_000);
    expect(reader.text.endsWith('0\r\n\r\n')).toBe(true);
    await start();
  });

  it('answers HEAD and is not opened by it', async () => {
    await start({ streamLimits: { maxStreams: 0 } });
    const answer = await api.ask('/api/v1/changes/stream', { method: 'HEAD' });
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    });
  });
});

function fileEntry(at: number) {
  const name = `${at}.jpg`;
  const nothing = { width: null, height: null, orientation: null, durationMs: null, latitude: null };
  const known = {
    longitude: null,
    camera: null,
    taken: null,
    thumbhash: null,
    livePhotoId: null,
    createdMs: null,
    digests: {},
  };
  const facts = {
    ...{
      ref: { id: name, path: name },
      version: 'v',
      sizeBytes: 1,
      contentType: 'image/jpeg',
      kind: 'image' as const,
    },
    ...{ modifiedMs: 1, statusChangedMs: null, ...nothing, ...known },
  };
  return { kind: 'asset' as const, facts, collection: null, anchor: null, name, naming: 'free' as const };
}

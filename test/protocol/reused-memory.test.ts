import { randomFillSync } from 'node:crypto';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createImmichProvider } from '../../providers/immich/provider.ts';
import { BlockMemory } from '../../src/content/cache/block-memory.ts';
import { RemoteCache } from '../../src/content/cache/remote-cache.ts';
import type { Content } from '../../src/http/send-content.ts';
import { sendContent } from '../../src/http/send-content.ts';
import type { ByteRange } from '../../src/model/byte-range.ts';
import { createPathFilter } from '../../src/source/path-filter.ts';
import { Source } from '../../src/source/source.ts';
import { QUIET_LOGGER } from '../fakes/quiet-logger.ts';
import { LOOPBACK_CERTIFICATE } from '../unit/http/loopback-certificate.ts';
import { closeAll, startListener } from '../unit/http/running-listener.ts';

const MIB = 1024 ** 2;
const EVERYTHING = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });
/** Two contents, so that a block of one may turn up in the other. No multiple of anything. */
const CONTENTS = [9, 6].map((mebibytes) => randomFillSync(Buffer.alloc(mebibytes * MIB + 777)));
const IDS = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];

let folder: string;
let cache: RemoteCache;
let upstream: Upstream;
let source: Source;
let givenBack: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-reused-'));
  cache = openCache(64 * MIB);
  upstream = await startUpstream();
  const provider = createImmichProvider({ url: upstream.url, apiKey: 'key' });
  source = new Source({ name: 'immich', provider, filter: EVERYTHING, logger: QUIET_LOGGER });
  givenBack = 0;
  const giveBack = BlockMemory.prototype.giveBack;
  // Whoever still reads it reads this.
  vi.spyOn(BlockMemory.prototype, 'giveBack').mockImplementation(function (this: BlockMemory, memory) {
    givenBack += 1;
    memory.fill(0xee);
    giveBack.call(this, memory);
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await closeAll();
  await cache.close();
  await source.close();
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
});

function openCache(maxBytes: number): RemoteCache {
  const opened = RemoteCache.open({ folder: join(folder, 'cache'), maxBytes, logger: QUIET_LOGGER });
  if (opened === null) throw new Error('the cache does not open');
  return opened;
}

interface Upstream {
  readonly url: string;
  /** Breaks off every so many answers, somewhere. */
  breaksOff: boolean;
  close(): Promise<void>;
}

/** Originals by their ids, in pieces of all sizes. */
async function startUpstream(): Promise<Upstream> {
  let answers = 0;
  const server: Server = createServer(async (req, res) => {
    if (req.url?.endsWith('/server/version') === true) {
      res.setHeader('content-type', 'application/json');
      res.end('{"major":2,"minor":7,"patch":5}');
      return;
    }
    const bytes = CONTENTS[IDS.findIndex((id) => req.url?.includes(id))] ?? Buffer.alloc(0);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? '') ?? [];
    const [start, end] = [Number(first ?? 0), Number(last ?? bytes.length - 1)];
    const whole = first === undefined;
    res.writeHead(whole ? 200 : 206, {
      'content-type': 'image/jpeg',
      'content-length': end - start + 1,
      ...(whole ? {} : { 'content-range': `bytes ${start}-${end}/${bytes.length}` }),
    });
    answers += 1;
    const breakAt = upstream.breaksOff && answers % 3 === 0 ? start + 1.3 * MIB : bytes.length;
    const sizes = [1, 70_000, 16_384, 300_001, 999, 5];
    for (let at = start, turn = answers; at <= end && !res.destroyed; turn += 1) {
      if (at > breakAt) {
        res.destroy();
        return;
      }
      const piece = bytes.subarray(at, Math.min(at + (sizes[turn % sizes.length] ?? 1), end + 1));
      at += piece.length;
      await new Promise((resolve) => res.write(piece, resolve));
      if (turn % 17 === 0) await sleep(1);
    }
    res.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    breaksOff: false,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function contentOf(index: number): Content {
  const bytes = CONTENTS[index] ?? Buffer.alloc(0);
  const id = IDS[index] ?? '';
  const remote = {
    ...{ key: `content ${index}`, sizeBytes: bytes.length, digests: {}, path: 'a.jpg' },
    wantsDigests: true,
    onDigests: () => undefined,
    fetch: (
      range: ByteRange | undefined,
      signal: AbortSignal,
      onState: (state: string) => void,
      landing: Parameters<Parameters<RemoteCache['open']>[0]['fetch']>[3],
    ) => {
      const want = { version: 'sha1:x', sizeBytes: bytes.length, ...(range && { range }), onState, landing };
      return source.open({ id, path: 'a.jpg' }, want, signal);
    },
  };
  const must = <T>(opened: T | null): T => {
    if (opened === null) throw new Error('the cache steps aside');
    return opened;
  };
  return {
    ...{ etag: `"${index}"`, modifiedMs: 0, contentType: 'image/jpeg', sizeBytes: bytes.length },
    open: (range, signal): Promise<Readable> => must(cache.open(remote, range, signal)),
    openPieces: (range, signal) => must(cache.openPieces(remote, range, signal)),
  };
}

async function serve(isSecure: boolean): Promise<(index: number, range?: string) => Socket> {
  const { port } = await startListener(
    (exchange) => sendContent(exchange, contentOf(exchange.target.path === '/0' ? 0 : 1)),
    isSecure ? { tls: LOOPBACK_CERTIFICATE } : {},
  );
  return (index, range) => {
    const socket = isSecure
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : connect(port, '127.0.0.1');
    socket.write(
      `GET /${index} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${range === undefined ? '' : `Range: bytes=${range}\r\n`}\r\n`,
    );
    return socket;
  };
}

interface Pace {
  readonly pauseMs: number;
  /** Leaves when it has so many bytes. */
  readonly leavesAt: number;
}

/** Compares what comes, as far as it comes, byte by byte. @returns how many bytes of the body there were. */
async function readAndCompare(socket: Socket, wanted: Buffer, { pauseMs, leavesAt }: Pace): Promise<number> {
  let head: Buffer | null = Buffer.alloc(0);
  let seen = 0;
  let wrongAt = -1;
  socket.on('data', (chunk: Buffer) => {
    let body = chunk;
    if (head !== null) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      // A source that broke off before the first byte.
      if (!/^HTTP\/1\.1 20[06] /.test(head.toString('latin1', 0, 15))) {
        socket.destroy();
        return;
      }
      body = head.subarray(end + 4);
      head = null;
    }
    if (wrongAt === -1 && !body.equals(wanted.subarray(seen, seen + body.length))) wrongAt = seen;
    seen += body.length;
    if (seen >= leavesAt) socket.destroy();
    else if (pauseMs > 0) {
      socket.pause();
      setTimeout(() => socket.resume(), pauseMs);
    }
  });
  socket.on('error', () => socket.destroy());
  await new Promise((resolve) => socket.once('close', resolve));
  expect(wrongAt).toBe(-1);
  return seen;
}

const NEVER = Number.POSITIVE_INFINITY;
const PACES: readonly Pace[] = [
  { pauseMs: 0, leavesAt: NEVER },
  { pauseMs: 1, leavesAt: NEVER },
  { pauseMs: 2, leavesAt: NEVER },
  { pauseMs: 1, leavesAt: 2.5 * MIB },
  { pauseMs: 0, leavesAt: 100_000 },
];

function whole(index: number): Buffer {
  return CONTENTS[index] ?? Buffer.alloc(0);
}

/** Many at once, of both contents: whole and in parts. @returns how many of those who stayed got all they wanted. */
async function readByMany(open: (index: number, range?: string) => Socket): Promise<number> {
  const results = await Promise.all(
    [0, 1].flatMap((index) =>
      PACES.flatMap((pace) =>
        [undefined, [1_500_000, whole(index).length - 1] as const, [5, 3_300_000] as const].map(
          async (range) => {
            await sleep(Math.floor(Math.random() * 40));
            const wanted = range === undefined ? whole(index) : whole(index).subarray(range[0], range[1] + 1);
            const socket = open(index, range === undefined ? undefined : `${range[0]}-${range[1]}`);
            const seen = await readAndCompare(socket, wanted, pace);
            return pace.leavesAt === NEVER && seen === wanted.length;
          },
        ),
      ),
    ),
  );
  return results.filter(Boolean).length;
}

const STAYING = 2 * 3 * 3;

async function damageFiles(): Promise<void> {
  const files = join(folder, 'cache', 'contents');
  for (const name of await readdir(files)) {
    const file = await open(join(files, name), 'r+');
    for (const at of [10, 2 * MIB + 10, 4 * MIB + 10]) await file.write('damage', at);
    await file.close();
  }
}

describe.each([
  ['plain', false],
  ['through TLS', true],
])('memory of blocks that is used again, %s', { timeout: 90_000 }, (_, isSecure) => {
  it('never gives one reader the bytes of another, at whatever pace they read and leave', async () => {
    const open = await serve(isSecure);
    // From the source, then from the disk.
    for (let round = 0; round < 2; round += 1) expect(await readByMany(open)).toBe(STAYING);
    expect(givenBack).toBeGreaterThan(20);
  });

  it('nor where the cache has room for a part, and the disk damages that', async () => {
    await cache.close();
    cache = openCache(5 * MIB);
    const open = await serve(isSecure);
    for (let round = 0; round < 2; round += 1) {
      expect(await readByMany(open)).toBe(STAYING);
      await damageFiles();
    }
  });

  it('nor where the source breaks off again and again: what comes is right as far as it comes', async () => {
    upstream.breaksOff = true;
    const open = await serve(isSecure);
    await readByMany(open);
    upstream.breaksOff = false;
    // Answers that began before may still break off.
    await readByMany(open);
    expect(await readByMany(open)).toBe(STAYING);
  });
});

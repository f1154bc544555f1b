import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { BodyWriter } from '../../../src/dav/body-writer.ts';
import type { Exchange } from '../../../src/http/exchange.ts';

/** A response that takes what it is given, or says that it is full. */
class FakeResponse extends EventEmitter {
  readonly heads: [number, Record<string, unknown>][] = [];
  readonly written: string[] = [];
  isFull = false;
  ended: string | undefined;

  get headersSent(): boolean {
    return this.heads.length > 0;
  }

  writeHead(status: number, headers: Record<string, unknown>): void {
    this.heads.push([status, headers]);
  }

  write(text: string): boolean {
    this.written.push(text);
    return !this.isFull;
  }

  end(text: string): void {
    this.ended = text;
  }
}

function makeWriter() {
  const res = new FakeResponse();
  const controller = new AbortController();
  const exchange = { res, req: { headers: {} }, signal: controller.signal } as unknown as Exchange;
  return { res, controller, body: new BodyWriter(exchange, 207, { 'Content-Type': 'text/x' }) };
}

describe('BodyWriter', () => {
  it('sends nothing before the first piece, so that the request may still fail', () => {
    const { res, body } = makeWriter();
    body.add('x'.repeat(100_000));
    expect(body.isFull).toBe(true);
    expect(res.headersSent).toBe(false);
    expect(res.written).toEqual([]);
  });

  it('sends what fits into one piece with its length in bytes', async () => {
    const { res, body } = makeWriter();
    body.add('caf\u00e9');
    body.add('!');
    await body.end();
    expect(res.heads).toEqual([[207, { 'Content-Type': 'text/x', 'Content-Length': 6 }]]);
    expect(res.ended).toBe('caf\u00e9!');
  });

  it('sends a longer one piece by piece, without a length', async () => {
    const { res, body } = makeWriter();
    body.add('one');
    await body.flush();
    body.add('two');
    await body.flush();
    body.add('three');
    await body.end();
    expect(res.heads).toEqual([[207, { 'Content-Type': 'text/x' }]]);
    expect([...res.written, res.ended]).toEqual(['one', 'two', 'three']);
  });

  it('lets others have their turn between two pieces, also when the client takes everything at once', async () => {
    const { body } = makeWriter();
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    for (let piece = 0; piece < 10; piece += 1) await body.flush();
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  it('waits for a client that is slow', async () => {
    const { res, body } = makeWriter();
    res.isFull = true;
    body.add('one');
    let isFlushed = false;
    const flushed = body.flush().then(() => {
      isFlushed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isFlushed).toBe(false);
    res.emit('drain');
    await flushed;
  });

  it.each([true, false])('gives up when the client leaves, waiting: %s', async (isFull) => {
    const { res, controller, body } = makeWriter();
    res.isFull = isFull;
    const flushed = body.flush();
    controller.abort(new Error('the client left'));
    await expect(flushed).rejects.toThrow();
    expect(res.listenerCount('drain')).toBe(0);
  });
});

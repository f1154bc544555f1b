import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { PassingDigests } from '../../../src/content/passing-digests.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { AssetNode } from '../../../src/model/node.ts';
import { asset } from '../../conformance/catalog-entries.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';

const BYTES = Buffer.from('0123456789');
const DIGESTS = Object.fromEntries(
  ['sha256', 'sha1', 'md5'].map((algorithm) => [
    algorithm,
    createHash(algorithm).update(BYTES).digest('hex'),
  ]),
);

function nodeWith(digests: Record<string, string> = {}, sourceId = 1): AssetNode {
  const { facts } = asset('a1', 'a.jpg');
  const place = { kind: 'asset', id: 5, parentId: 1, sourceId, name: 'a.jpg', storedName: 'a.jpg' } as const;
  const times = { modifiedMs: facts.modifiedMs, createdMs: null, changedSeq: 1 };
  return { ...place, ...times, asset: { ...facts, digests }, twinId: null };
}

function passing() {
  const enrich = vi.fn(async () => true);
  const warn = vi.fn();
  const logger = { ...QUIET_LOGGER, warn };
  return {
    enrich,
    warn,
    digests: new PassingDigests({ sourceIds: new Set([1]), writer: { enrich }, logger }),
  };
}

const chunks = () => Readable.from([BYTES.subarray(0, 3), BYTES.subarray(3)]);

it('notes the digests of what passes, which stays as it is', async () => {
  const { digests, enrich } = passing();
  expect(await buffer(digests.follow(nodeWith(), chunks()))).toEqual(BYTES);
  expect(enrich.mock.calls).toEqual([
    [1, 'a1', 'v-a1', expect.objectContaining({ digests: DIGESTS, contentType: null })],
  ]);
});

it('leaves alone what is known, what others read, and what is on its way already', async () => {
  const { digests, enrich } = passing();
  for (const node of [nodeWith(DIGESTS), nodeWith({}, 2)]) {
    const stream = chunks();
    expect(digests.follow(node, stream)).toBe(stream);
    stream.destroy();
  }
  const [first, second] = [chunks(), chunks()].map((stream) => digests.follow(nodeWith(), stream));
  await Promise.all([first, second].map((stream) => buffer(stream ?? Readable.from([]))));
  expect(enrich).toHaveBeenCalledTimes(1);
});

it('notes nothing of what breaks off, on either side, and follows the next one', async () => {
  const { digests, enrich } = passing();
  const source = chunks();
  const left = digests.follow(nodeWith(), source);
  left.destroy();
  await turn();
  expect(source.destroyed).toBe(true);

  const broken = async function* () {
    yield BYTES.subarray(0, 3);
    throw new CodedError('corrupt', 'cut');
  };
  await expect(buffer(digests.follow(nodeWith(), Readable.from(broken())))).rejects.toThrow('cut');
  expect(enrich).not.toHaveBeenCalled();
  await buffer(digests.follow(nodeWith(), chunks()));
  expect(enrich).toHaveBeenCalledTimes(1);
});

it('notes nothing that contradicts the source, says so, and gives nobody all of it', async () => {
  const { digests, enrich, warn } = passing();
  const wrong = digests.follow(nodeWith({ sha1: '0'.repeat(40) }), chunks());
  const seen: Buffer[] = [];
  const reading = (async () => {
    for await (const chunk of wrong) seen.push(chunk);
  })();
  await expect(reading).rejects.toMatchObject({ code: 'corrupt' });
  expect(Buffer.concat(seen).length).toBeLessThan(BYTES.length);
  expect(enrich).not.toHaveBeenCalled();
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('other bytes than its sha1'), { path: 'a.jpg' });
});

it('gives all bytes although the catalog cannot note anything', async () => {
  const { digests, enrich, warn } = passing();
  enrich.mockRejectedValue(new CodedError('no-space', 'full'));
  expect(await buffer(digests.follow(nodeWith(), chunks()))).toEqual(BYTES);
  await turn();
  expect(warn).toHaveBeenCalledWith(expect.any(String), { code: 'no-space', reason: 'full' });
});

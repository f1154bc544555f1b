import { describe, expect, it } from 'vitest';
import { authorizeWrite } from '../../../src/dav/authorize-write.ts';
import type { DavRequest } from '../../../src/dav/dav-request.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { Node } from '../../../src/model/node.ts';
import { ResourcePath } from '../../../src/model/resource-path.ts';
import type { WritePlace } from '../../../src/vfs/write-place.ts';

const PATH = ResourcePath.of(['a.jpg']);

function fileOf(version: string): Node {
  return { kind: 'asset', modifiedMs: 1_500_000_000_000, asset: { version } } as Node;
}

/** A request for a file that may become another while the request waits for its turn. */
function requestFor(method: string, headers: Record<string, string>) {
  const there: { node: Node | null; tokens: readonly string[] } = { node: fileOf('one'), tokens: [] };
  const request = {
    path: PATH,
    exchange: { req: { method, headers }, target: { authority: 'localhost' } },
    header: (name: string) => headers[name],
    vfs: {
      resolve: async () => {
        if (there.node === null) throw new CodedError('not-found', 'There is nothing of that name.');
        return there.node;
      },
      keyOf: async () => PATH.key,
    },
    stores: {
      now: () => 0,
      locks: { covering: async () => there.tokens.map((token) => ({ token })), below: async () => [] },
    },
  } as unknown as DavRequest;
  const place = { path: PATH, key: PATH.key, node: there.node } as WritePlace;
  return { there, permit: () => authorizeWrite(request, place, []) };
}

describe('when the turn of a write comes, it is not permitted any more', () => {
  it.each(['PUT', 'DELETE', 'MOVE', 'COPY', 'PROPPATCH'])(
    '%s, if its conditions do not hold now',
    async (method) => {
      for (const headers of [{ 'if-match': '"one"' }, { if: '(["one"])' }]) {
        const { there, permit } = requestFor(method, headers as Record<string, string>);
        const again = await permit();
        await again();
        there.node = fileOf('two');
        await expect(again()).rejects.toMatchObject({ code: 'precondition' });
        there.node = null;
        await expect(again()).rejects.toMatchObject({ code: 'precondition' });
      }
    },
  );

  it('if what was not to be there has come', async () => {
    const { there, permit } = requestFor('PUT', { 'if-none-match': '"two"' });
    const again = await permit();
    there.node = fileOf('two');
    await expect(again()).rejects.toMatchObject({ code: 'precondition' });
  });
});

it('a lock of its own that has ended meanwhile does not stop a write', async () => {
  const { there, permit } = requestFor('PUT', { if: '(<urn:uuid:1> ["one"])' });
  there.tokens = ['urn:uuid:1'];
  const again = await permit();
  there.tokens = [];
  await again();
});

it('a write without conditions asks for none', async () => {
  const { there, permit } = requestFor('DELETE', {});
  const again = await permit();
  there.node = fileOf('two');
  await again();
});

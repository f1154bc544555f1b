import type { CollectionNode, Node } from '../model/node.ts';
import { ResourcePath } from '../model/resource-path.ts';
import type { DavRequest } from './dav-request.ts';
import { answerPropfind } from './propfind.ts';

/**
 * PROPFIND of `/` on the port where the tree is at `/dav/`: a collection with the tree in it. Explorer and GNOME look at
 * the parents of what they mount, and give up when there are none.
 * @param name of the tree in it.
 */
export async function propfindParent(request: DavRequest, name: string): Promise<void> {
  const tree = async (): Promise<CollectionNode> => {
    const node = await request.vfs.resolve(ResourcePath.ROOT);
    if (node.kind !== 'collection') throw new Error('the top of the tree is no collection');
    return node;
  };
  async function* members(): AsyncGenerator<readonly Node[]> {
    yield [{ ...(await tree()), name }];
  }
  await answerPropfind(request, async () => ({ ...(await tree()), name: '' }), members);
}

import type { IncomingMessage } from 'node:http';
import { v2 as webdav } from 'webdav-server';
import { codeOf } from '../model/coded-error.ts';
import type { Node } from '../model/node.ts';

/** The package wants every file system to be storable; ours is the settings' business. */
const NOT_STORED: webdav.FileSystemSerializer = {
  uid: () => 'mediadav',
  serialize: (_fileSystem, callback) => callback(undefined as unknown as Error, {}),
  unserialize: (_data, callback) => callback(webdav.Errors.Forbidden),
};

/**
 * A mount point in the package's table. It answers the one question that the package asks before every method,
 * what kind of resource is meant; listing and reading go through the `Vfs` in our own methods.
 */
export class VfsFileSystem extends webdav.FileSystem {
  readonly #nodeOf: (request: IncomingMessage) => Promise<Node> | null;

  /** @param nodeOf the resource that a request under way is about. */
  constructor(nodeOf: (request: IncomingMessage) => Promise<Node> | null) {
    super(NOT_STORED);
    this.doNotSerialize();
    this.#nodeOf = nodeOf;
  }

  protected override _type(
    _path: webdav.Path,
    info: webdav.TypeInfo,
    callback: webdav.ReturnCallback<webdav.ResourceType>,
  ): void {
    const none = undefined as unknown as Error;
    const { request } = info.context as webdav.HTTPRequestContext;
    const node = request === undefined ? null : this.#nodeOf(request);
    if (node === null) {
      callback(none, webdav.ResourceType.Directory);
      return;
    }
    node.then(
      ({ kind }) =>
        callback(none, kind === 'asset' ? webdav.ResourceType.File : webdav.ResourceType.Directory),
      // The method asks again, gets the same error and answers it.
      (error) => callback(codeOf(error) === 'not-found' ? webdav.Errors.ResourceNotFound : (error as Error)),
    );
  }

  protected override _lockManager(
    _path: webdav.Path,
    _info: webdav.LockManagerInfo,
    callback: webdav.ReturnCallback<webdav.ILockManager>,
  ): void {
    callback(webdav.Errors.Forbidden);
  }

  protected override _propertyManager(
    _path: webdav.Path,
    _info: webdav.PropertyManagerInfo,
    callback: webdav.ReturnCallback<webdav.IPropertyManager>,
  ): void {
    callback(webdav.Errors.Forbidden);
  }
}

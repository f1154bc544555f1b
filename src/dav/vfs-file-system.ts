import { v2 as webdav } from 'webdav-server';

/** The package wants every file system to be storable; ours is the settings' business. */
const NOT_STORED: webdav.FileSystemSerializer = {
  uid: () => 'mediadav',
  serialize: (_fileSystem, callback) => callback(undefined as unknown as Error, {}),
  unserialize: (_data, callback) => callback(webdav.Errors.Forbidden),
};

/**
 * A mount point in the package's table. Listing and reading go through the `Vfs` in our own methods. What kind of
 * resource is meant, the package asks before every method, but only to list what is allowed there in a header of its own.
 */
export class VfsFileSystem extends webdav.FileSystem {
  constructor() {
    super(NOT_STORED);
    this.doNotSerialize();
  }

  protected override _type(
    _path: webdav.Path,
    _info: webdav.TypeInfo,
    callback: webdav.ReturnCallback<webdav.ResourceType>,
  ): void {
    callback(undefined as unknown as Error, webdav.ResourceType.File);
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

import { v2 as webdav } from 'webdav-server';
import { ShellRequest } from './shell-request.ts';

/**
 * Tells the package who the user is. The listener has checked the credentials already; the package's own
 * authenticators let people in without a password (measured; see src/README.md).
 */
export class EdgeAuthentication implements webdav.HTTPAuthentication {
  askForAuthentication(): { [header: string]: string } {
    return {};
  }

  getUser(context: webdav.HTTPRequestContext, callback: (error: Error, user?: webdav.IUser) => void): void {
    const username = ShellRequest.of(context).request.exchange.user;
    const none = undefined as unknown as Error;
    if (username === null) {
      callback(webdav.Errors.UserNotFound);
      return;
    }
    const user = { uid: username, username, isAdministrator: false, isDefaultUser: false };
    callback(none, user as webdav.IUser);
  }
}

/** Everybody who got this far may read everything. What may be written our own methods decide, not the package. */
export class EdgePrivileges extends webdav.PrivilegeManager {
  protected override _can(
    _path: webdav.Path,
    _user: webdav.IUser,
    _resource: webdav.Resource,
    privilege: string,
    callback: webdav.PrivilegeManagerCallback,
  ): void {
    callback(undefined as unknown as Error, privilege.startsWith('canRead'));
  }
}

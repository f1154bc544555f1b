import dns from 'node:dns';
import { existsSync } from 'node:fs';

/** The one name that is looked up here, and where it leads. */
export const SWITCHED_NAME = 'immich.test';

/**
 * Loaded into a server by `node --import`: names that end in `.test` lead to this machine, as long as there is no file
 * FAILING_DNS. No real resolver can be broken for one process.
 */
const file = process.env.FAILING_DNS;
if (file !== undefined) {
  const real = dns.lookup;
  const lookup = (name: string, options: unknown, done: unknown) => {
    const answer = (typeof options === 'function' ? options : done) as (...values: unknown[]) => void;
    if (name !== SWITCHED_NAME) return (real as (...values: unknown[]) => void)(name, options, done);
    if (existsSync(file)) {
      const failure = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
      return process.nextTick(answer, failure);
    }
    const wantsAll = typeof options === 'object' && options !== null && 'all' in options && options.all;
    const address = '127.0.0.1';
    if (wantsAll) process.nextTick(answer, null, [{ address, family: 4 }]);
    else process.nextTick(answer, null, address, 4);
  };
  dns.lookup = lookup as typeof dns.lookup;
}

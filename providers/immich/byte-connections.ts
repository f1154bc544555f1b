import { validateHeaderValue } from 'node:http';
import { type ByteAnswer, ByteConnection } from './byte-connection.ts';

export interface ByteGet {
  /** One that `canReach` is true for. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Until the head of the answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Connections that wait for another request, of each server. */
const MAX_FREE = 16;

/** GETs over connections that are kept, and read without new memory for each piece; see `ByteConnection`. */
export class ByteConnections {
  readonly #connectMs: number;
  readonly #all = new Set<ByteConnection>();
  /** By host and port, the one used last at the end. */
  readonly #free = new Map<string, ByteConnection[]>();

  constructor(connectMs: number) {
    this.#connectMs = connectMs;
  }

  /** Not through TLS, and not with a password in the address. */
  static canReach(url: string): boolean {
    const { protocol, username, password } = new URL(url);
    return protocol === 'http:' && username === '' && password === '';
  }

  /** Rejects with errors of Node, or the reason of the signal. The caller consumes or destroys the body. */
  async get({ url, headers, timeoutMs, signal }: ByteGet): Promise<ByteAnswer> {
    const { host, hostname, port, pathname, search } = new URL(url);
    const head = headOf(`${pathname}${search}`, { host, connection: 'keep-alive', ...headers });
    const free = this.#free.get(host) ?? [];
    this.#free.set(host, free);
    let connection = free.pop();
    // One that is about to end may not have said so.
    while (connection?.isOpen === false) connection = free.pop();
    connection ??= this.#connect(hostname, Number(port || '80'), free);
    return await connection.ask({ head, timeoutMs, signal });
  }

  /** Breaks every connection, those in use too. */
  close(): void {
    for (const connection of this.#all) connection.destroy();
  }

  #connect(hostname: string, port: number, free: ByteConnection[]): ByteConnection {
    // An address of IPv6 has brackets in a URL.
    const host = hostname.replace(/^\[|\]$/g, '');
    const connection: ByteConnection = new ByteConnection({ host, port }, this.#connectMs, () => {
      if (connection.isOpen && free.length < MAX_FREE) {
        free.push(connection);
        return;
      }
      const at = free.indexOf(connection);
      if (at !== -1) free.splice(at, 1);
      this.#all.delete(connection);
      connection.destroy();
    });
    this.#all.add(connection);
    return connection;
  }
}

function headOf(target: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => {
    validateHeaderValue(name, value);
    return `${name}: ${value}\r\n`;
  });
  return `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

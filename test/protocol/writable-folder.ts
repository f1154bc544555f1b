import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { type Ask, ask, propfind, type WireAnswer } from './dav-wire.ts';

/** As the change feed tells it. */
export interface FedChange {
  readonly removed: boolean;
  readonly node?: { readonly id: string; readonly name: string; readonly sha256: string };
}

/** The app over a source that can be written to, for all tests of a file; each has a folder of its own in it. */
export class WritableFolder {
  #app: FolderApp | null = null;
  #count = 0;

  constructor() {
    beforeAll(async () => {
      this.#app = await startFolderApp({ files: { 'a.jpg': 'a' }, env: { LOCAL_WRITABLE: 'true' } });
    });
    afterAll(() => this.app.stop());
    beforeEach(async () => {
      this.#count += 1;
      expect((await this.send('MKCOL', this.folder)).status).toBe(201);
    });
  }

  get app(): FolderApp {
    if (this.#app === null) throw new Error('only in a test');
    return this.#app;
  }

  get port(): number {
    return this.app.davPort;
  }

  /** In the mount, without a slash at its end. */
  get folder(): string {
    return `/photos/test${this.#count}`;
  }

  /** The same folder of this machine. */
  get disk(): string {
    return join(this.app.root, `test${this.#count}`);
  }

  send(method: string, path: string, request: Omit<Ask, 'method'> = {}): Promise<WireAnswer> {
    return ask(this.port, path, { method, ...request });
  }

  async put(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<number> {
    return (await this.send('PUT', path, { body, headers })).status;
  }

  /** Contents of the files on the disk, by their paths below the folder; `/` for what is a folder. */
  async onDisk(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const name of await readdir(this.disk, { recursive: true })) {
      const isFile = (await stat(join(this.disk, name))).isFile();
      found[name] = isFile ? await readFile(join(this.disk, name), 'utf8') : '/';
    }
    return found;
  }

  /** Names in a folder as a client lists it. */
  async listed(path = this.folder): Promise<string[]> {
    const answer = await propfind(this.port, `${path}/`, { headers: { Depth: '1' } });
    const hrefs = readMultistatus(answer.body).map(({ href }) => href);
    return hrefs.map((href) => decodeURIComponent(href.slice(path.length + 1))).filter(Boolean);
  }

  /** Where the change feed stands. */
  async head(): Promise<number> {
    return ((await this.#api('/cursor')) as { cursor: number }).cursor;
  }

  async feed(cursor: number): Promise<readonly FedChange[]> {
    const page = await this.#api(`/changes?cursor=${cursor}&max_size=1000`);
    return (page as { changes: FedChange[] }).changes;
  }

  /** Of the one that was changed last among those of the name. */
  async nodeIdOf(name: string): Promise<string | undefined> {
    return (await this.feed(0)).findLast(({ node }) => node?.name === name)?.node?.id;
  }

  async #api(path: string): Promise<unknown> {
    return JSON.parse((await ask(this.app.port, `/api/v1${path}`)).text);
  }
}

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../../src/app.ts';
import { readAppConfig } from '../../src/settings.ts';
import type { Album, Asset } from '../fakes/immich/model.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import type { Version } from '../fakes/immich/versions.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { type Ask, ask, propfind, type WireAnswer } from './dav-wire.ts';
import { SMALL_KEY, type SmallLibrary, smallLibrary } from './immich-small-library.ts';
import { type MisbehavingProxy, startProxy } from './misbehaving-proxy.ts';

export interface WriteAppOptions {
  readonly version?: Version;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: two albums of two photos each, `Album 1/photo 1-1.jpg` and so on. */
  readonly library?: SmallLibrary;
  /** There is a proxy between the app and Immich. */
  readonly isProxied?: boolean;
}

/** The app in this process over one Immich server that may be written to, mounted as `/immich/`. */
export class ImmichWriteApp {
  readonly fake: FakeImmich;
  readonly small: SmallLibrary;
  readonly work: string;
  readonly #proxy: MisbehavingProxy | null;
  readonly #env: Readonly<Record<string, string>>;
  #app: RunningApp | null = null;

  private constructor(
    parts: Pick<ImmichWriteApp, 'fake' | 'small' | 'work'>,
    proxy: MisbehavingProxy | null,
    env: Record<string, string>,
  ) {
    this.fake = parts.fake;
    this.small = parts.small;
    this.work = parts.work;
    this.#proxy = proxy;
    this.#env = env;
  }

  static async start({
    version = '3.1.0',
    env = {},
    library,
    isProxied = false,
  }: WriteAppOptions = {}): Promise<ImmichWriteApp> {
    const small = library ?? smallLibrary(2, 2);
    const fake = await startFakeImmich({ version, library: small.library });
    const proxy = isProxied ? await startProxy(fake.url) : null;
    const work = await mkdtemp(join(tmpdir(), 'mediadav-immich-write-'));
    const running = new ImmichWriteApp({ fake, small, work }, proxy, {
      HOME: work,
      PORT: '0',
      WEBDAV_PORT: '0',
      DATA_DIR: join(work, 'data'),
      LOG_LEVEL: 'error',
      IMMICH_URL: proxy?.url ?? fake.url,
      IMMICH_API_KEY: SMALL_KEY,
      IMMICH_WRITABLE: 'true',
      REFRESH_RATE_HOURS: '500',
      ...env,
    });
    await running.boot();
    return running;
  }

  /** Starts the app on the same catalog, with other settings if they are told. */
  async boot(env: Readonly<Record<string, string>> = {}, args: readonly string[] = []): Promise<void> {
    const argv = ['serve', ...args];
    const config = readAppConfig({ argv, env: { ...this.#env, ...env }, cwd: this.work });
    if (config.command !== 'serve') throw new Error('these settings do not serve');
    this.#app = await startApp(config);
    await this.#app.settled();
  }

  async halt(): Promise<void> {
    await this.app.stop();
    this.#app = null;
  }

  async stop(): Promise<void> {
    await this.#app?.stop();
    await this.#proxy?.close();
    await this.fake.close();
    await rm(this.work, { recursive: true, force: true });
  }

  get app(): RunningApp {
    if (this.#app === null) throw new Error('the app does not run');
    return this.#app;
  }

  get proxy(): MisbehavingProxy {
    if (this.#proxy === null) throw new Error('there is no proxy');
    return this.#proxy;
  }

  get port(): number {
    return Number(new URL(this.app.webdavUrl ?? '').port);
  }

  get url(): string {
    return `${this.app.webdavUrl}/immich`;
  }

  /** @param path below the source, not encoded. */
  send(method: string, path: string, request: Omit<Ask, 'method'> = {}): Promise<WireAnswer> {
    return ask(this.port, hrefOf(path), { method, ...request });
  }

  async put(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<number> {
    return (await this.send('PUT', path, { body, headers })).status;
  }

  move(from: string, to: string, headers: Record<string, string> = {}): Promise<WireAnswer> {
    return this.send('MOVE', from, { headers: { Destination: hrefOf(to), ...headers } });
  }

  copy(from: string, to: string, headers: Record<string, string> = {}): Promise<WireAnswer> {
    return this.send('COPY', from, { headers: { Destination: hrefOf(to), ...headers } });
  }

  async get(path: string): Promise<Buffer> {
    const answer = await this.send('GET', path);
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  /** Names in an album, or of the albums, as a client lists them. */
  async names(path = ''): Promise<string[]> {
    const href = path === '' ? '/immich/' : `${hrefOf(path)}/`;
    const answer = await propfind(this.port, href, { headers: { Depth: '1' } });
    const paths = readMultistatus(answer.body).map((each) => decodeURIComponent(each.href));
    const base = decodeURIComponent(href);
    return paths
      .map((each) => each.slice(base.length).replace(/\/$/, ''))
      .filter(Boolean)
      .sort();
  }

  /** Has the albums read again. What was written must not be undone by that. */
  async rescan(): Promise<void> {
    await this.app.settled();
  }

  album(name: string): Album {
    const found = [...this.fake.library.albums.values()].find((album) => album.albumName === name);
    if (found === undefined) throw new Error(`Immich has no album "${name}"`);
    return found;
  }

  /** Names of what Immich itself has in an album, without what is in the trash. */
  inImmich(albumName: string): string[] {
    const { library } = this.fake;
    const assets = [...this.album(albumName).assetIds].map((id) => library.asset(id));
    return assets
      .filter(({ deletedAt }) => deletedAt === null)
      .map(({ originalFileName }) => originalFileName)
      .sort();
  }

  asset(name: string): Asset {
    const found = [...this.fake.library.assets.values()].find((each) => each.originalFileName === name);
    if (found === undefined) throw new Error(`Immich has no "${name}"`);
    return found;
  }

  /** What waits on the disk of this machine. */
  async waitingUploads(): Promise<string[]> {
    const folder = join(this.work, 'data', 'uploads');
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }
}

export function hrefOf(path: string): string {
  return `/immich/${path.split('/').map(encodeURIComponent).join('/')}`;
}

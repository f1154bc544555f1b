import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type RunningApp, startApp } from '../../src/app.ts';
import { readAppConfig } from '../../src/settings.ts';

export interface FolderAppOptions {
  /** What the folder holds: relative path to content. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** `LOCAL_PATHS` among them takes the place of the folder. */
  readonly env?: Readonly<Record<string, string>>;
  /** Do not make the folder: its disk is not mounted. */
  readonly isMissing?: boolean;
}

/** The app in this process over one folder, which is mounted as `/photos/`. */
export interface FolderApp {
  /** Absolute path of the folder. Its parent is free for what must stay outside. */
  readonly root: string;
  /** WebDAV at `/`. */
  readonly davPort: number;
  /** Web page, API, and WebDAV at `/dav/`. */
  readonly port: number;
  readonly app: RunningApp;
  /** Reads the folder again. */
  rescan(): Promise<void>;
  stop(): Promise<void>;
}

/** Times of files are whole days apart and long past, so that no test depends on the clock. */
export const FIRST_TIME_S = Date.UTC(2020, 0, 1, 12) / 1000;
const DAY_S = 86_400;

export async function startFolderApp(options: FolderAppOptions = {}): Promise<FolderApp> {
  const work = await mkdtemp(join(tmpdir(), 'mediadav-dav-test-'));
  const root = join(work, 'photos');
  if (options.isMissing !== true) await mkdir(root);
  await writeFiles(root, options.files ?? {});
  // A folder that is named as an argument has to exist; one of the settings may be a disk that comes later.
  const isSetting = options.isMissing === true || options.env?.LOCAL_PATHS !== undefined;
  const env = {
    HOME: work,
    PORT: '0',
    WEBDAV_PORT: '0',
    DATA_DIR: join(work, 'data'),
    LOG_LEVEL: 'error',
    ...(isSetting ? { LOCAL_PATHS: root } : {}),
    ...options.env,
  };
  const config = readAppConfig({ argv: isSetting ? ['serve'] : ['serve', root], env, cwd: work });
  if (config.command !== 'serve') throw new Error('these settings do not serve');
  const app = await startApp(config);
  await app.settled();
  return {
    root,
    get davPort() {
      return portOf(app.webdavUrl);
    },
    port: portOf(app.url),
    app,
    rescan: () => app.settled(),
    stop: async () => {
      await app.stop();
      await rm(work, { recursive: true, force: true });
    },
  };
}

/** So many days are still past; a time to come would show as the present one, and be another at each look. */
const DAYS = 1000;

/** Writes files below a folder, with times a day apart in the order they are given; beyond a thousand, times repeat. */
export async function writeFiles(
  root: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<void> {
  for (const [index, [path, content]] of Object.entries(files).entries()) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
    const timeS = FIRST_TIME_S + (index % DAYS) * DAY_S;
    await utimes(target, timeS, timeS);
  }
}

/** Bytes that differ from place to place, so that a wrong range never looks right. */
export function patterned(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 1) bytes[at] = (at * 31 + (at >> 8) * 17 + (at >> 16)) & 0xff;
  return bytes;
}

function portOf(url: string | null): number {
  if (url === null) throw new Error('the port is off');
  return Number(new URL(url).port);
}

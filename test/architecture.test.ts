import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The rooms and what each may import: the table of src/README.md says the same. Node's own modules are always allowed. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'src/start.js': ['src/cli.ts', 'src/heap-growth.ts'],
  'src/heap-growth.ts': [],
  'src/cli.ts': ['src/cli', 'src/settings.ts', 'src/version.ts', 'src/model'],
  'src/cli': [
    ...['src/app.ts', 'src/settings.ts', 'src/source-member.ts', 'src/log.ts', 'src/model', 'src/provider'],
    ...['src/catalog', 'src/enrich', 'src/api'],
  ],
  'src/app.ts': ['*'],
  'src/settings.ts': ['src/config', 'src/model', 'src/source-settings.ts', 'setting tables'],
  'src/source-settings.ts': ['src/config', 'src/model', 'setting tables'],
  'src/source-member.ts': ['*'],
  'src/mount-lines.ts': ['src/api'],
  'src/private-file.ts': [],
  'src/status.ts': ['src/api', 'src/catalog', 'src/content', 'src/ingest', 'src/source-member.ts'],
  'src/version.ts': [],
  'src/log-settings.ts': ['src/model'],
  'src/log.ts': ['src/model'],
  'src/model': [],
  'src/config': ['src/model'],
  'src/catalog': ['src/model', 'src/private-file.ts'],
  'src/provider': ['src/model'],
  'src/source': ['src/model', 'src/provider'],
  'src/ingest': ['src/model', 'src/provider', 'src/catalog', 'src/source'],
  'src/enrich': ['src/model', 'src/catalog', 'src/source'],
  'src/content': ['src/model', 'src/catalog', 'src/source'],
  'src/vfs': ['src/model', 'src/catalog', 'src/content', 'src/scratch'],
  'src/http': ['src/model'],
  'src/dav': [
    ...['src/model', 'src/http', 'src/vfs'],
    // Locks and dead properties are the edge's own; of the tree it knows what the vfs shows.
    ...['src/catalog/lock-store.ts', 'src/catalog/property-store.ts'],
  ],
  'src/scratch': ['src/model', 'src/private-file.ts'],
  'src/api': ['src/model', 'src/http', 'src/catalog', 'src/content'],
  'providers/index.ts': ['src/provider', 'src/settings.ts', 'providers/local', 'providers/immich'],
  'providers/local': ['src/model', 'src/provider'],
  'providers/immich': ['src/model', 'src/provider'],
};

/** Packages that belong to one place. Every other dependency may be used by the rooms listed. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@fastify/swagger': ['src/api'],
  '@streamparser/json': ['providers/immich'],
  axios: ['providers/immich'],
  dotenv: ['src/config'],
  exifr: ['src/enrich'],
  fastify: ['src/api'],
  koffi: ['src/http'],
  mediabunny: ['src/enrich'],
  mime: ['src/model'],
  'node-cron': ['src/ingest'],
  'p-retry': ['src/source'],
  picomatch: ['src/source'],
  saxes: ['src/dav'],
  sharp: ['src/content', 'src/enrich'],
  thumbhash: ['src/enrich'],
  'webdav-server': ['src/dav'],
  winston: ['src/log.ts'],
  yaml: ['src/config'],
};

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const MAX_LINES = 450;

interface Import {
  readonly file: string;
  readonly target: string;
}

const files = ['src', 'providers'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[jt]s$/.test(name))
    .map((name) => join(folder, name)),
);
const imports = files.flatMap(importsOf);

describe('architecture', () => {
  it('puts every file into a room', () => {
    expect(files.filter((file) => roomOf(file) === null)).toEqual([]);
    expect(files.length).toBeGreaterThan(50);
  });

  it('tells in src/README.md what each room may import', () => {
    expect(roomsInReadme()).toEqual(
      Object.fromEntries(Object.entries(ROOMS).map(([room, allowed]) => [room, allowed.toSorted()])),
    );
  });

  it('imports only along the table', () => {
    const wrong = imports.filter(({ file, target }) => target.startsWith('.') && !isAllowed(file, target));
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('uses each package only where it belongs', () => {
    const wrong = imports.filter(({ file, target }) => {
      if (target.startsWith('.') || target.startsWith('node:')) return false;
      const owners = PACKAGES[target];
      return owners === undefined || !owners.includes(roomOf(file) ?? '');
    });
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('really uses every dependency, and declares every one it uses', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const used = new Set(imports.map(({ target }) => target).filter((target) => !/^(\.|node:)/.test(target)));
    const declared = { ...manifest.dependencies, ...manifest.optionalDependencies };
    expect(Object.keys(declared).sort()).toEqual([...used].sort());
  });

  it('reads the environment in config and at the entry only', () => {
    const readers = files.filter((file) =>
      /process\.(env|argv)\b/.test(readFileSync(join(ROOT, file), 'utf8')),
    );
    // `start.js` only says how many threads Node is to have, before any TypeScript is there.
    expect(readers).toEqual(['src/cli.ts', 'src/start.js']);
  });

  it('keeps files small enough to have one subject', () => {
    const large = files.filter(
      (file) => readFileSync(join(ROOT, file), 'utf8').split('\n').length > MAX_LINES,
    );
    expect(large).toEqual([]);
  });

  it('has no rooms for leftovers', () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|misc|manager)(\.ts|\/)/.test(file))).toEqual(
      [],
    );
  });
});

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = text.matchAll(
    /^(?:import|export)\s[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...found].map(([, from, bare, late]) => ({ file, target: packageOf(from ?? bare ?? late ?? '') }));
}

/** `@scope/name/sub` is the package `@scope/name`; relative targets stay as they are. */
function packageOf(target: string): string {
  if (target.startsWith('.') || target.startsWith('node:')) return target;
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The rows of the first table: rooms by their path from the top, with what they may import. */
function roomsInReadme(): Record<string, string[]> {
  const text = readFileSync(join(ROOT, 'src/README.md'), 'utf8');
  const rows = text.matchAll(/^\| (`[^|]+`) \| [^|]+ \| ([^|]+) \|$/gm);
  const pathOf = (name: string): string => {
    if (name === 'everything') return '*';
    return name === 'setting tables' ? name : join('src', name);
  };
  return Object.fromEntries(
    [...rows].flatMap(([, rooms = '', allowed = '']) => {
      const names = allowed === 'nothing' ? [] : allowed.split(', ').map(pathOf);
      const each = [...rooms.matchAll(/`([^`]+?)\/?`/g)].map(([, room = '']) => pathOf(room));
      return each.map((room) => [room, names.toSorted()]);
    }),
  );
}

function roomOf(file: string): string | null {
  const rooms = Object.keys(ROOMS).filter((room) => file === room || file.startsWith(`${room}/`));
  return rooms[0] ?? null;
}

function isAllowed(file: string, target: string): boolean {
  const path = relative(ROOT, resolve(ROOT, dirname(file), target));
  const room = roomOf(file);
  if (room === null) return false;
  if (roomOf(path) === room) return true;
  const allowed = ROOMS[room] ?? [];
  if (allowed.includes('*')) return true;
  if (allowed.includes('setting tables') && /(^|\/|-)settings\.ts$/.test(path)) return true;
  return allowed.some((entry) => path === entry || path.startsWith(`${entry}/`));
}

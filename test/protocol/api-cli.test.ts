import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linesOf, runCommand, startCommand } from './cli-command.ts';
import { startProcess, until } from './mediadav-process.ts';

let work: string;
let photos: string;
let dataDir: string;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-cli-'));
  [photos, dataDir] = [join(work, 'photos'), join(work, 'data')];
  await mkdir(join(photos, 'sub'), { recursive: true });
  await mkdir(dataDir);
  await writeFile(join(photos, 'a.jpg'), 'aaa');
  await writeFile(join(photos, 'sub', 'b.mp4'), 'bb');
});
afterEach(() => rm(work, { recursive: true, force: true }));

const run = (...args: string[]) => runCommand(args, dataDir);

describe('mediadav scan', () => {
  it('reads every source once, in plain lines where nobody watches', async () => {
    const first = await run('scan', photos);
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(
      /^photos: 2 files, 5 B in [\d.]+ s, [^;]+\/s; the catalog holds 2 files in 1 folders\nphotos, contents: 2 files, 5 B in [^;\n]+\n/,
    );
    // What is wrong with files is told each time, also when nobody has to look into them any more.
    const problems = 'photos: 1 × a file that is no image inside, such as "a.jpg"\n';
    expect(first.stdout).toContain(problems);
    const changes = linesOf((await run('changes')).stdout);
    const second = await run('scan', photos);
    expect(second).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(problems) });
    expect(linesOf((await run('changes')).stdout)).toEqual(changes);
  });

  it('tells no terminal what to do, whatever a file is called', async () => {
    await rm(join(photos, 'a.jpg'));
    await writeFile(join(photos, '\u001b[31mred\n.jpg'), 'no picture');
    const { stdout } = await run('scan', photos);
    expect(stdout).toContain('1 × a file that is no image inside, such as " [31mred .jpg"\n');
    expect(stdout).not.toContain('\u001b');
  });

  it('says which source could not be read, and reads the others', async () => {
    const gone = join(work, 'gone');
    const env = { LOCAL_PATHS: `${gone},${photos}` };
    const { exitCode, stdout } = await runCommand(['scan'], dataDir, env);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^gone: The folder is missing, empty or not mounted\.\nphotos: 2 files/);
  });

  it('takes an empty folder for an outage, unless told otherwise', async () => {
    await run('scan', photos);
    await rm(join(photos, 'a.jpg'));
    await rm(join(photos, 'sub'), { recursive: true });
    const refused = await run('scan', photos);
    expect(refused).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/suddenly empty/) });
    const names = async () => linesOf<{ node: { name: string } }>((await run('changes')).stdout).length;
    expect(await names()).toBe(4);
    expect((await run('scan', '--accept-empty', photos)).exitCode).toBe(0);
    expect(await names()).toBe(1);
  });

  it('and every other command refuse a catalog of a newer mediadav in one sentence', async () => {
    const newer = new DatabaseSync(join(dataDir, 'catalog.db'));
    newer.exec('PRAGMA user_version = 9999');
    newer.close();
    for (const command of [['scan', photos], ['serve', photos, '--port', '0'], ['changes'], ['list']]) {
      const refused = await run(...command);
      expect(refused, command[0]).toMatchObject({ exitCode: 1, stdout: '' });
      expect(refused.stderr).toMatch(
        /^The catalog was written by a newer mediadav \(.*\): update this one.*\n$/,
      );
    }
  });

  it('refuses while a server is at work there, and says what to do instead', async () => {
    const server = await startProcess({ args: [photos], dataDir });
    try {
      const refused = await run('scan', photos);
      expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
      expect(refused.stderr).toMatch(
        /^A mediadav server .* is at work with this DATA_DIR.*api\/refresh"\.\n$/,
      );
      // A second server, too.
      const second = await runCommand(['serve', photos], dataDir, { PORT: '0', WEBDAV_PORT: 'off' });
      expect(second).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/^Another mediadav writes/),
      });
      await writeFile(join(photos, 'c.jpg'), 'c');
      expect((await fetch(`${server.url}/api/refresh`, { method: 'POST' })).status).toBe(202);
      const names = async () => linesOf<{ node: { name: string } }>((await run('changes')).stdout);
      await until(async () => (await names()).some(({ node }) => node.name === 'c.jpg'));
      await server.kill();
      // Whatever a killed server left behind does not keep the next one out.
      expect((await run('scan', photos)).exitCode).toBe(0);
    } finally {
      await server.stop();
    }
  });

  it('does not hide what the server shows', async () => {
    const more = join(work, 'more');
    await mkdir(more);
    await writeFile(join(more, 'x.jpg'), 'x');
    await run('scan', photos);
    await run('scan', more);
    const names = linesOf<{ node: { name: string } }>((await run('changes')).stdout).map(
      ({ node }) => node.name,
    );
    expect(names.sort()).toEqual(['a.jpg', 'b.mp4', 'more', 'photos', 'sub', 'x.jpg']);
  });
});

describe('mediadav changes', () => {
  it('prints what came after a cursor, each line with its own', async () => {
    await run('scan', photos);
    const all = linesOf<{ cursor: number; removed: boolean; node: { name: string } }>(
      (await run('changes')).stdout,
    );
    expect(all.map(({ node }) => node.name).sort()).toEqual(['a.jpg', 'b.mp4', 'photos', 'sub']);
    const rest = linesOf((await run('changes', '--cursor', `${all[1]?.cursor}`)).stdout);
    expect(rest).toEqual(all.slice(2));
    const foreign = await run('changes', '--cursor', '99999');
    expect(foreign).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(/list anew/) });
  });

  it('says that there is no catalog yet', async () => {
    for (const command of ['changes', 'list']) {
      const { exitCode, stderr } = await run(command);
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: 'There is no catalog yet: start the server, or run "mediadav scan", first.\n',
      });
    }
  });

  it('follows what a running server writes', async () => {
    const env = { RESCAN_INTERVAL: '1' };
    const server = await startProcess({ args: [photos], dataDir, env });
    const child = startCommand(['changes', '--follow'], dataDir);
    const names: string[] = [];
    if (child.stdout === null) throw new Error('no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const change = JSON.parse(line) as { removed: boolean; node?: { name: string } };
      names.push(change.removed ? 'removed' : (change.node?.name ?? ''));
    });
    try {
      await until(() => names.includes('b.mp4'));
      await writeFile(join(photos, 'later.jpg'), 'later');
      await until(() => names.includes('later.jpg'));
      await rm(join(photos, 'later.jpg'));
      await until(() => names.includes('removed'));
    } finally {
      const exited = once(child, 'exit');
      child.kill('SIGINT');
      await exited;
      await server.stop();
    }
  });
});

describe('mediadav list', () => {
  beforeEach(async () => {
    await writeFile(join(photos, 'sub', 'copy.jpg'), 'aaa');
    await run('scan', photos);
  });

  it('prints the facts of /list, one line a content', async () => {
    const server = await startProcess({ args: [photos], dataDir });
    try {
      const listed = (await (await fetch(`${server.url}/list`)).json()) as Record<string, object>;
      const entries = Object.entries(listed).map(([hash, entry]) => ({ hash, ...entry }));
      expect(entries).toHaveLength(2);
      expect(linesOf((await run('list')).stdout)).toEqual(entries);
      const byMd5 = linesOf((await run('list', '--hash', 'md5')).stdout);
      expect(byMd5.map(({ hash, md5 }) => hash === md5)).toEqual([true, true]);
      expect(entries).toContainEqual(
        expect.objectContaining({ paths: [join(photos, 'a.jpg'), join(photos, 'sub', 'copy.jpg')] }),
      );
    } finally {
      await server.stop();
    }
  });

  it('ends quietly when whoever reads it has seen enough', async () => {
    const child = startCommand(['list'], dataDir);
    child.stdout?.destroy();
    const complaints: string[] = [];
    child.stderr?.on('data', (chunk) => complaints.push(String(chunk)));
    await once(child, 'exit');
    expect({ exitCode: child.exitCode, complaints }).toEqual({ exitCode: 0, complaints: [] });
  });
});

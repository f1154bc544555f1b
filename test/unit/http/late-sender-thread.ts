import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/* The thread that sends files, for a pipe instead of one: its disk hangs until somebody writes to the pipe. */
const { readSync } = fs;
fs.readSync = ((fd: number, buffer: Buffer) =>
  readSync(fd, buffer, 0, buffer.length, null)) as typeof fs.readSync;
syncBuiltinESMExports();
await import('../../../src/http/file-sender-thread.ts');

import { parentPort } from 'node:worker_threads';

/* A thread of the pool that takes a job and never answers. */
parentPort?.on('message', () => {
  for (;;) Math.random();
});

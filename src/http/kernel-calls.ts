/** Three calls of Linux that Node does not offer. */
export interface KernelCalls {
  /**
   * Hands bytes of a file to a socket, by reference: they are copied nowhere. Waits for the disk, but not for a socket that
   * does not wait itself, as those of Node do not (sendfile(2)).
   * @returns how many; 0 when the socket takes none now, at the end of the file, and for every error: an ordinary
   *   read and write of the same bytes tells which.
   */
  sendFile(socketFd: number, fileFd: number, position: number, lengthBytes: number): number;
  /**
   * Hands a copy of bytes to a socket, and does not wait for it (send(2)).
   * @returns how many; 0 when the socket takes none now, and for every error, as above.
   */
  sendCopy(socketFd: number, bytes: Uint8Array): number;
  /**
   * Another descriptor of the same thing, for the caller to close (fcntl(2), `F_DUPFD_CLOEXEC`).
   * @returns -1 when there is none to be had.
   */
  duplicate(fd: number): number;
}

const F_DUPFD_CLOEXEC = 1030;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/**
 * Through koffi, which is an optional package: it brings a binary for each system, and everything works without it.
 * Rejects where there is none, and elsewhere than on Linux of 64 bits, where file offsets are what they are here.
 */
export async function loadKernelCalls(): Promise<KernelCalls> {
  if (process.platform !== 'linux' || !WITH_64_BITS.has(process.arch)) throw new Error('not this system');
  const { load } = await import('koffi');
  // What Node itself is linked with: glibc or musl.
  const libc = load(null);
  const sendfile = libc.func('intptr_t sendfile(int, int, void *, size_t)');
  const send = libc.func('intptr_t send(int, const void *, size_t, int)');
  const fcntl = libc.func('int fcntl(int, int, int)');
  // Memory of its own, which no garbage collection moves.
  const offset = new BigInt64Array(new ArrayBuffer(8));
  return {
    sendFile(socketFd, fileFd, position, lengthBytes) {
      offset[0] = BigInt(position);
      return Math.max(0, Number(sendfile(socketFd, fileFd, offset, lengthBytes)));
    },
    sendCopy: (socketFd, bytes) =>
      Math.max(0, Number(send(socketFd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL))),
    duplicate: (fd) => fcntl(fd, F_DUPFD_CLOEXEC, 0),
  };
}

const WITH_64_BITS: ReadonlySet<string> = new Set(['x64', 'arm64', 'riscv64', 'loong64', 'ppc64']);

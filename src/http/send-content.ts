import { addAbortSignal } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { CodedError, codeOf } from '../model/coded-error.ts';
import { type AnswerPart, answerContent, type Content, type ContentAnswer } from './content-answer.ts';
import { sendError } from './error-status.ts';
import type { Reply } from './exchange.ts';
import { type BodyPart, type FileBody, sendFile } from './send-file.ts';
import { type PieceBody, sendPieces } from './send-pieces.ts';

export type { Content } from './content-answer.ts';

/**
 * Answers GET or HEAD of bytes: the one place for validators, ranges, 304, 206, 412 and 416 (RFC 9110 sections 13
 * and 14). Resolves when the response is finished.
 *
 * The source is opened, and its first bytes waited for, before the status line goes out: a source that fails is a
 * 503 or 404 and never a 200 with nothing. Bytes are counted: a source that ends short, runs long or fails midway
 * gets the socket destroyed. Whatever was opened is destroyed, on every path.
 *
 * @throws CodedError `precondition`; what `open` rejects with; `unavailable` when the content changed twice;
 * `corrupt` when the source does not keep its promise; `cancelled` when the client leaves.
 */
export async function sendContent(reply: Reply, content: Content): Promise<void> {
  let current = content;
  let refresh = content.refresh?.bind(content);
  for (;;) {
    const answer = answerContent(reply.req, current);
    if (answer.parts.length === 0) return sendBodyless(reply, answer);
    try {
      const short = shortBody(reply, current, answer);
      if (short !== null) return await sendShort(reply, answer, await short);
      const file = fileBody(reply, current, answer);
      if (file !== null) return await sendOpened(reply, answer, await file, sendFile);
      const pieces = pieceBody(reply, current, answer);
      if (pieces !== null) return await sendOpened(reply, answer, await pieces, sendPieces);
      return await sendBody(reply, current, answer);
    } catch (error) {
      if (reply.res.headersSent || !isOutdated(error)) throw error;
      if (refresh === undefined) {
        throw new CodedError('unavailable', 'The content is changing; try again soon.', { cause: error });
      }
      current = await refresh(reply.signal);
      refresh = undefined;
    }
  }
}

/** `range` from a source can only mean that it holds another content than the one these ranges were cut for. */
function isOutdated(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'changed' || code === 'range';
}

async function sendBodyless(reply: Reply, answer: ContentAnswer): Promise<void> {
  const { res, signal } = reply;
  if (answer.status === 416) {
    const error = new CodedError('range', 'The range lies behind the end of the content.');
    sendError(reply, error, { headers: answer.headers });
  } else {
    res.writeHead(answer.status, { ...answer.headers });
    res.end();
  }
  try {
    await finished(res, { readable: false, cleanup: true, signal });
  } catch (error) {
    throw clientLeft(error);
  }
}

/** The body as one piece; null when it is to be streamed. */
function shortBody({ signal }: Reply, content: Content, { parts }: ContentAnswer): Promise<Buffer> | null {
  const [part] = parts;
  if (part === undefined || parts.length > 1 || content.readShort === undefined) return null;
  signal.throwIfAborted();
  const bytes = content.readShort(part.range, signal);
  return bytes === null ? null : bytes.then((read) => checked(read, part));
}

function checked(bytes: Buffer, part: AnswerPart): Buffer {
  if (bytes.length !== part.lengthBytes) throw wrongLength(`${bytes.length}`, part);
  return bytes;
}

async function sendShort({ res, signal }: Reply, answer: ContentAnswer, bytes: Buffer): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => {
    // Comes after the last byte was handed over, and also when the client leaves before.
    res.once('close', resolve);
    res.writeHead(answer.status, { ...answer.headers });
    res.end(bytes);
  });
  if (!res.writableFinished) throw clientLeft(signal.reason);
}

/** The content as an open file; null where it is none. */
function fileBody({ signal }: Reply, content: Content, { parts }: ContentAnswer): Promise<FileBody> | null {
  if (parts.length > 1 || content.openFile === undefined || content.sizeBytes === 0) return null;
  signal.throwIfAborted();
  return content.openFile(signal);
}

/** The body in pieces; null when it is to be streamed. */
function pieceBody({ signal }: Reply, content: Content, { parts }: ContentAnswer): Promise<PieceBody> | null {
  if (parts.length > 1 || content.openPieces === undefined || content.sizeBytes === 0) return null;
  signal.throwIfAborted();
  return content.openPieces(parts[0]?.range, signal);
}

async function sendOpened<Body extends FileBody | PieceBody>(
  reply: Reply,
  { status, headers, parts }: ContentAnswer,
  body: Body,
  send: (reply: Reply, body: Body, part: BodyPart) => Promise<void>,
): Promise<void> {
  const { res, signal } = reply;
  const [part] = parts;
  const [startByte, lengthBytes] = [part?.range?.start ?? 0, part?.lengthBytes ?? 0];
  try {
    await send(reply, body, { status, headers, startByte, lengthBytes });
  } catch (error) {
    if (res.headersSent) res.destroy();
    if (!(error instanceof CodedError) && (res.headersSent || signal.aborted)) throw clientLeft(error);
    throw error;
  } finally {
    await body.close();
  }
}

async function sendBody(reply: Reply, content: Content, answer: ContentAnswer): Promise<void> {
  const { res, signal } = reply;
  const body = readParts(reply, content, answer);
  try {
    // Runs until there is something to send, so that a failure still finds the headers unsent.
    const first = await body.next();
    res.writeHead(answer.status, { ...answer.headers });
    await pipeline(restOf(first, body), res, { signal });
  } catch (error) {
    if (res.headersSent) res.destroy();
    // What the source did wrong once it was open is a CodedError by now.
    if (!(error instanceof CodedError) && (res.headersSent || signal.aborted)) throw clientLeft(error);
    throw error;
  } finally {
    // A pipeline that failed before its start never told the generator.
    await body.return();
  }
}

type Bytes = AsyncGenerator<Buffer, void, void>;

async function* restOf(first: IteratorResult<Buffer, void>, rest: Bytes): Bytes {
  if (first.done !== true) yield first.value;
  yield* rest;
}

async function* readParts(reply: Reply, content: Content, answer: ContentAnswer): Bytes {
  // One after the other: a request never holds more than one stream.
  for (const part of answer.parts) yield* readPart(reply, content, part);
  if (answer.epilogue !== '') yield Buffer.from(answer.epilogue);
}

/**
 * The text before a part, then exactly its bytes. The last of them wait for the end of the source, so that one
 * that runs long never looks like a whole answer.
 */
async function* readPart({ signal, log }: Reply, content: Content, part: AnswerPart): Bytes {
  signal.throwIfAborted();
  const stream = await content.open(part.range, signal);
  // An error nobody hears ends the process, and a stream may complain even after it was destroyed.
  stream.on('error', (error) => log.debug('a stream failed', { error: error.message }));
  addAbortSignal(signal, stream);
  let seenBytes = 0;
  let last: Buffer | undefined;
  try {
    for await (const given of stream) {
      const chunk: Buffer = Buffer.isBuffer(given) ? given : Buffer.from(given);
      if (chunk.length === 0) continue;
      if (seenBytes === 0 && part.preamble !== '') yield Buffer.from(part.preamble);
      seenBytes += chunk.length;
      if (seenBytes > part.lengthBytes) throw wrongLength('more', part);
      if (seenBytes < part.lengthBytes) yield chunk;
      else last = chunk;
    }
  } catch (error) {
    throw sourceFailure(error, signal);
  } finally {
    stream.destroy();
  }
  if (seenBytes < part.lengthBytes) throw wrongLength(`${seenBytes}`, part);
  if (last !== undefined) yield last;
}

function wrongLength(got: string, { lengthBytes }: AnswerPart): CodedError {
  return new CodedError('corrupt', `The source sent ${got} instead of ${lengthBytes} bytes.`);
}

/** What becomes of an error of a source's stream: its own code, or the one of a stream that just went away. */
function sourceFailure(error: unknown, signal: AbortSignal): CodedError {
  if (signal.aborted) return clientLeft(error);
  if (error instanceof CodedError) return error;
  if (error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE') {
    return new CodedError('unavailable', 'The source was closed early.', { cause: error });
  }
  return new CodedError('internal', 'The source failed.', { cause: error });
}

function clientLeft(cause: unknown): CodedError {
  return new CodedError('cancelled', 'The client left before the answer was finished.', { cause });
}

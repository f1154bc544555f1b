import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Version } from './versions.ts';

/** One part of a recorded multipart request; the bytes of a file part are known by their hash only. */
export interface RecordedPart {
  readonly name: string;
  readonly value?: string;
  readonly filename?: string;
  readonly contentType?: string;
  readonly bytes?: number;
  readonly sha1?: string;
}

/** One exchange with a real server. */
export interface Recording {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly as: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
  readonly note?: string;
}

export interface MediaIndex {
  readonly users: Readonly<Record<string, { email: string; ids: Record<Version, string> }>>;
  readonly albums: Readonly<Record<string, { albumName: string; ids: Record<Version, string> }>>;
  readonly tags: Readonly<Record<string, Record<Version, string>>>;
  readonly extractedByServer: Readonly<Record<string, { assetIds: Record<Version, string> }>>;
  readonly files: Readonly<Record<string, MediaFile>>;
}

export interface MediaFile {
  readonly sha1: string;
  readonly owner?: string;
  readonly albums?: readonly string[];
  readonly assetIds?: Record<Version, string>;
  readonly state?: string;
}

/** The folder of recordings: one folder for each version, `media.json` and `media/`. */
export class Recordings {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get exists(): boolean {
    return existsSync(join(this.folder, 'media.json'));
  }

  files(version: Version): string[] {
    return readdirSync(join(this.folder, version))
      .filter((file) => file.endsWith('.json'))
      .sort();
  }

  read(version: Version, file: string): Recording {
    return JSON.parse(readFileSync(join(this.folder, version, file), 'utf8')) as Recording;
  }

  media(): MediaIndex {
    return JSON.parse(readFileSync(join(this.folder, 'media.json'), 'utf8')) as MediaIndex;
  }

  mediaBytes(file: string): Buffer {
    return readFileSync(join(this.folder, 'media', file));
  }
}

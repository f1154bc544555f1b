import { describe, expect, it } from 'vitest';
import { ResourcePath } from '../../../src/model/resource-path.ts';
import { isSystemLitter } from '../../../src/model/system-litter.ts';

describe('system litter', () => {
  it.each([
    '/photos/._IMG_1.jpg',
    '/.DS_Store',
    '/photos/.Spotlight-V100/Store-V2/x.jpg',
    '/photos/Thumbs.db',
    '/photos/THUMBS.DB',
    '/photos/desktop.ini',
  ])('is what is at %s', (path) => {
    expect(isSystemLitter(ResourcePath.parse(path))).toBe(true);
  });

  // Trash holds what somebody had: it must not go where the oldest is let go.
  it.each([
    '/',
    '/photos/a.jpg',
    '/photos/.hidden.jpg',
    '/photos/DS_Store',
    '/photos/folder.jpg',
    '/photos/.Trashes/501/a.jpg',
    '/photos/$RECYCLE.BIN/a.jpg',
    '/photos/.Trash-1000/files/a.jpg',
  ])('is not what is at %s', (path) => {
    expect(isSystemLitter(ResourcePath.parse(path))).toBe(false);
  });
});

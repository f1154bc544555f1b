import { describe, expect, it } from 'vitest';
import { isSystemLitter, isSystemTrash } from '../../../src/model/system-litter.ts';

describe('system litter', () => {
  it.each(['._IMG_1.jpg', '.DS_Store', '.Spotlight-V100', 'Thumbs.db', 'THUMBS.DB', 'desktop.ini'])(
    'is what is called %s',
    (name) => {
      expect([isSystemLitter(name), isSystemTrash(name)]).toEqual([true, false]);
    },
  );

  // What somebody has made or thrown away must not go where the oldest is let go.
  it.each(['a.jpg', '.hidden.jpg', 'DS_Store', 'folder.jpg', '$RECYCLE.BIN', '.Trash-1000'])(
    'is not what is called %s',
    (name) => {
      expect(isSystemLitter(name)).toBe(false);
    },
  );

  it('tells trash apart', () => {
    expect([isSystemTrash('.Trashes'), isSystemTrash('.trashes')]).toEqual([true, true]);
  });
});

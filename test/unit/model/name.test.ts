import { describe, expect, it } from 'vitest';
import { foldName, safeName, tagName } from '../../../src/model/name.ts';

describe('safeName', () => {
  it.each([
    ['IMG_1.jpg', 'IMG_1.jpg'],
    ['a/b.jpg', 'a／b.jpg'],
    ['..', '.．'],
    ['.', '．'],
    ['', '_'],
    ['a:b?c*d"e<f>g|h\\i.jpg', 'a：b？c＊d＂e＜f＞g｜h＼i.jpg'],
    ['trailing.', 'trailing．'],
    ['trailing ', 'trailing␠'],
    ['CON.jpg', 'CON_.jpg'],
    ['con', 'con_'],
    ['com1.tar.gz', 'com1_.tar.gz'],
    ['CONcert.jpg', 'CONcert.jpg'],
    ['line\nbreak\u0000.jpg', 'line␊break␀.jpg'],
    ['lone \ud800.jpg', 'lone {U+D800}.jpg'],
    ['half \udfd6\ufe0f.jpg', 'half {U+DFD6}\ufe0f.jpg'],
    ['photo\u202egpj.exe', 'photo{U+202E}gpj.exe'],
    ['\u2066isolated\u2069', '{U+2066}isolated{U+2069}'],
    ['next\u0085line\u009b31m', 'next{U+0085}line{U+009B}31m'],
    // Marks that right-to-left names and emoji are written with.
    ['\u200fשלום\u200e 👨‍👩‍👧.jpg', '\u200fשלום\u200e 👨‍👩‍👧.jpg'],
    ['Strand 🏖️.jpg', 'Strand 🏖️.jpg'],
  ])('shows %j as %j on Windows', (stored, shown) => {
    expect(safeName(stored, 'windows')).toBe(shown);
  });

  it.each([
    ['a:b?.jpg', 'a:b?.jpg'],
    ['CON.jpg', 'CON.jpg'],
    ['trailing.', 'trailing.'],
    ['..', '.．'],
    ['a/b', 'a／b'],
    ['bell\u0007', 'bell␇'],
    ['a\u202eb\u0080', 'a{U+202E}b{U+0080}'],
  ])('shows %j as %j exactly', (stored, shown) => {
    expect(safeName(stored, 'exact')).toBe(shown);
  });

  it('cuts before the extension and never inside a character', () => {
    const name = safeName(`${'ü'.repeat(200)}🏖️.jpeg`, 'windows');
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(name).toMatch(/^ü+\.jpeg$/);
  });

  it('is idempotent', () => {
    for (const stored of [
      '..',
      'a?.',
      'CON',
      `${'x'.repeat(300)}. .jpg`,
      '\u0001 ',
      '\u202e.',
      '\u009f\ud800',
    ]) {
      const once = safeName(stored, 'windows');
      expect(safeName(once, 'windows')).toBe(once);
    }
  });
});

describe('tagName', () => {
  it('keeps the extension last', () => {
    expect(tagName('IMG_1.jpg', '3fa9')).toBe('IMG_1~3fa9.jpg');
    expect(tagName('README', '3fa9')).toBe('README~3fa9');
    expect(tagName('.hidden', '3fa9')).toBe('.hidden~3fa9');
  });

  it('still fits a name', () => {
    expect(Buffer.byteLength(tagName(`${'x'.repeat(250)}.jpg`, 'f'.repeat(16)))).toBeLessThanOrEqual(255);
  });
});

describe('foldName', () => {
  it('is the same for what a case-insensitive client takes for one name', () => {
    expect(foldName('IMG.JPG')).toBe(foldName('img.jpg'));
    expect(foldName('Ä.jpg'.normalize('NFD'))).toBe(foldName('ä.jpg'.normalize('NFC')));
  });
});

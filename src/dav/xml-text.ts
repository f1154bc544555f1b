const SPECIAL = /[&<>"]|[^\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const SPECIAL_ALL = /[&<>"]|[^\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // Written as they are, readers make other white space of them.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/**
 * Text for XML 1.0 content or a quoted attribute. What XML cannot hold at all (a lone surrogate, a control
 * character) becomes U+FFFD, because one such character would make a whole listing unreadable.
 */
export function escapeXml(text: string): string {
  return SPECIAL.test(text) ? text.replace(SPECIAL_ALL, (character) => ESCAPES[character] ?? '\ufffd') : text;
}

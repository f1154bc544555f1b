import type { Dice } from '../protocol/random-folder.ts';
import { mutated, nastyName } from './fuzz-names.ts';

const PROPERTIES = [
  ...[
    'displayname',
    'getetag',
    'getlastmodified',
    'getcontentlength',
    'resourcetype',
    'lockdiscovery',
    'sync-token',
  ],
  ...['quota-available-bytes', 'creationdate', 'supportedlock', '__proto__', 'constructor', 'x'],
] as const;

/**
 * The body of a method that takes XML.
 * @param isOrdinary nothing strange in it
 */
export function xmlBody(dice: Dice, method: string, isOrdinary = false): Buffer {
  const text = ordinary(dice, method);
  if (isOrdinary) return Buffer.from(text);
  const hostile = [
    () => '',
    () => '<',
    () => nastyName(dice),
    () => text.slice(0, dice.below(text.length)),
    () => text.replace('<D:', `<!DOCTYPE x [<!ENTITY e "${'e'.repeat(50)}">]><D:`),
    () => `<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;&b;</x>`,
    () => `<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>`,
    () => text.replace('xmlns:D="DAV:"', ''),
    () => text.replace('DAV:', nastyName(dice)),
    () => text.replace(/<D:(\w+)/, `<D:$1 xml:lang="${'l'.repeat(300)}" a="1" a="2"`),
    () => `${'<D:a xmlns:D="DAV:">'.repeat(dice.below(3_000))}`,
    () => nested(dice.below(200)),
    () => `<D:propfind xmlns:D="DAV:"><D:prop>${'<D:x/>'.repeat(dice.below(5_000))}</D:prop></D:propfind>`,
    () => `<D:propfind xmlns:D="DAV:"><D:prop>${property(dice)}</D:prop><D:allprop/></D:propfind>`,
    () => `<?xml version="1.0" encoding="${dice.pick(['utf-16', 'latin1', 'x', ''])}"?>${text}`,
    () =>
      text.replaceAll(
        '>',
        `>${dice.pick(['\u0000', '\u0007', '&#0;', '&#xFFFE;', '&nope;', ']]>', '<![CDATA['])}`,
      ),
    () => 'x'.repeat(dice.below(200_000)),
  ];
  if (dice.below(3) === 0) return mutated(dice, Buffer.from(text));
  const make = dice.pick(hostile);
  return Buffer.from(make === undefined ? '' : make(), dice.below(8) === 0 ? 'utf16le' : 'utf8');
}

function ordinary(dice: Dice, method: string): string {
  const some = Array.from({ length: 1 + dice.below(6) }, () => property(dice)).join('');
  switch (method) {
    case 'PROPPATCH':
      return `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:y xmlns:x="urn:x">${dice.below(9)}</x:y></D:prop></D:set><D:remove><D:prop>${some}</D:prop></D:remove></D:propertyupdate>`;
    case 'LOCK':
      return `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:${dice.pick(['exclusive', 'shared'])}/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner><D:href>me</D:href></D:owner></D:lockinfo>`;
    case 'REPORT':
      return `<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop>${some}</D:prop></D:sync-collection>`;
    default:
      return `<D:propfind xmlns:D="DAV:">${dice.pick(['<D:allprop/>', '<D:propname/>', `<D:prop>${some}</D:prop>`])}</D:propfind>`;
  }
}

function property(dice: Dice): string {
  const name = dice.pick(PROPERTIES) ?? 'x';
  return (
    dice.pick([
      `<D:${name}/>`,
      `<x:${name} xmlns:x="urn:x"/>`,
      `<${name} xmlns=""/>`,
      `<D:${name}>v</D:${name}>`,
    ]) ?? ''
  );
}

function nested(depth: number): string {
  return `${'<D:prop xmlns:D="DAV:">'.repeat(depth)}${'</D:prop>'.repeat(depth)}`;
}

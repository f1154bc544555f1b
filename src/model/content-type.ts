import mime from 'mime';

/** What a person would call the file; decides the `type` layout and what counts as media. */
export type MediaKind = 'image' | 'video' | 'audio' | 'raw' | 'other';

/**
 * Camera raw formats. Their MIME names are mostly unregistered; `image/x-…` is what desktop software uses.
 * Kept apart from images because neither browsers nor sharp can show them.
 */
const RAW_TYPES: Readonly<Record<string, string>> = {
  '3fr': 'image/x-hasselblad-3fr',
  ari: 'image/x-arriflex-ari',
  arw: 'image/x-sony-arw',
  cap: 'image/x-phaseone-cap',
  cr2: 'image/x-canon-cr2',
  cr3: 'image/x-canon-cr3',
  crw: 'image/x-canon-crw',
  dcr: 'image/x-kodak-dcr',
  dng: 'image/x-adobe-dng',
  erf: 'image/x-epson-erf',
  fff: 'image/x-hasselblad-fff',
  iiq: 'image/x-phaseone-iiq',
  k25: 'image/x-kodak-k25',
  kdc: 'image/x-kodak-kdc',
  mrw: 'image/x-minolta-mrw',
  nef: 'image/x-nikon-nef',
  nrw: 'image/x-nikon-nrw',
  orf: 'image/x-olympus-orf',
  ori: 'image/x-olympus-ori',
  pef: 'image/x-pentax-pef',
  raf: 'image/x-fuji-raf',
  raw: 'image/x-panasonic-raw',
  rw2: 'image/x-panasonic-rw2',
  rwl: 'image/x-leica-rwl',
  sr2: 'image/x-sony-sr2',
  srf: 'image/x-sony-srf',
  srw: 'image/x-samsung-srw',
  x3f: 'image/x-sigma-x3f',
};

/** Media extensions the general MIME table lacks or files under another top-level type. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  cin: 'image/x-cineon',
  hif: 'image/heif',
  insp: 'image/jpeg',
  insv: 'video/mp4',
  jfif: 'image/jpeg',
  jpe: 'image/jpeg',
  m2t: 'video/mp2t',
  m2ts: 'video/mp2t',
  m4v: 'video/x-m4v',
  mp: 'video/mp4',
  mpo: 'image/mpo',
  mts: 'video/mp2t',
  mxf: 'application/mxf',
  // The general table knows `.ts` as MPEG transport stream only in some versions.
  ts: 'video/mp2t',
  vob: 'video/mpeg',
};

const VIDEO_APPLICATION_TYPES = new Set(['application/mxf', 'application/vnd.rn-realmedia']);

const FALLBACK = 'application/octet-stream';

/** The extension in lower case without its dot; `''` when there is none. `.hidden` has none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot + 1).toLowerCase();
}

interface NamedType {
  readonly contentType: string;
  readonly kind: MediaKind;
}

/** A scan asks for each file, and there are few extensions; of names that somebody made up there may be any number. */
const KNOWN_EXTENSIONS = 1_000;
const byExtension = new Map<string, NamedType>();

/** The MIME type a name stands for; `application/octet-stream` when unknown. */
export function contentTypeOf(name: string): string {
  return namedTypeOf(name).contentType;
}

/** What kind of media a name stands for; `other` when it is none. */
export function mediaKindOf(name: string): MediaKind {
  return namedTypeOf(name).kind;
}

function namedTypeOf(name: string): NamedType {
  const extension = extensionOf(name);
  const known = byExtension.get(extension);
  if (known !== undefined) return known;
  const contentType = typeOfExtension(extension);
  const kind = Object.hasOwn(RAW_TYPES, extension) ? 'raw' : mediaKindOfType(contentType);
  if (byExtension.size >= KNOWN_EXTENSIONS) byExtension.clear();
  byExtension.set(extension, { contentType, kind });
  return { contentType, kind };
}

function typeOfExtension(extension: string): string {
  if (extension === '') return FALLBACK;
  const own = { ...MEDIA_TYPES, ...RAW_TYPES };
  return (Object.hasOwn(own, extension) ? own[extension] : mime.getType(extension)) ?? FALLBACK;
}

/** What kind of media a MIME type stands for. */
export function mediaKindOfType(contentType: string): MediaKind {
  if (contentType.startsWith('image/')) return contentType === 'image/vnd.dwg' ? 'other' : 'image';
  if (contentType.startsWith('video/') || VIDEO_APPLICATION_TYPES.has(contentType)) return 'video';
  if (contentType.startsWith('audio/')) return 'audio';
  return 'other';
}

const RAW =
  '.3fr .ari .arw .cap .cin .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mrw .nef .nrw .orf .ori .pef .psd .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f'.split(
    ' ',
  );
const WEB_IMAGES =
  '.avif .bmp .gif .heic .heif .hif .insp .jpe .jpeg .jpg .jxl .png .svg .tif .tiff .webp'.split(' ');
const VIDEOS = '.3gp .3gpp .avi .flv .insv .m2ts .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .webm .wmv'.split(
  ' ',
);

/** Learned after 1.118. The kind of an asset is asked without a version, so it knows them all. */
const LATER_VIDEOS = ['.m2t', '.mxf', '.ts', '.vob'];
const LATER_IMAGES = ['.jp2', '.mpo'];

export interface MediaTypes {
  readonly video: readonly string[];
  readonly image: readonly string[];
  readonly sidecar: readonly string[];
}

/** The accepted extensions: those of 1.118, plus what the version in question learned since. */
export function mediaTypes(moreVideo: readonly string[], moreImage: readonly string[]): MediaTypes {
  return {
    video: [...VIDEOS, ...moreVideo],
    image: [...RAW, ...WEB_IMAGES, ...moreImage],
    sidecar: ['.xmp'],
  };
}

const MIME: Readonly<Record<string, string>> = {
  '.3gp': 'video/3gpp',
  '.avi': 'video/msvideo',
  '.avif': 'image/avif',
  '.bmp': 'image/bmp',
  '.dng': 'image/dng',
  '.gif': 'image/gif',
  '.heic': 'image/heic',
  '.heif': 'image/heif',
  '.jpe': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.jxl': 'image/jxl',
  '.m4v': 'video/x-m4v',
  '.mkv': 'video/x-matroska',
  '.mov': 'video/quicktime',
  '.mp4': 'video/mp4',
  '.mpeg': 'video/mpeg',
  '.mpg': 'video/mpeg',
  '.png': 'image/png',
  '.svg': 'image/svg',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.webm': 'video/webm',
  '.webp': 'image/webp',
};

/** From the last dot of the name on, in lower case; empty when there is none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot).toLowerCase() : '';
}

/** Immich goes by the extension alone and never looks at the content. */
export function mimeOf(name: string): string {
  return MIME[extensionOf(name)] ?? 'application/octet-stream';
}

export function kindOf(name: string): 'IMAGE' | 'VIDEO' | 'OTHER' {
  const extension = extensionOf(name);
  if ([RAW, WEB_IMAGES, LATER_IMAGES].some((list) => list.includes(extension))) return 'IMAGE';
  if ([VIDEOS, LATER_VIDEOS].some((list) => list.includes(extension))) return 'VIDEO';
  return 'OTHER';
}

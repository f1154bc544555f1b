import type { Provider } from '../src/provider/provider.ts';
import type { SourceConfig } from '../src/settings.ts';
import { createImmichProvider } from './immich/provider.ts';
import { createLocalProvider } from './local/provider.ts';

/** What a provider that writes needs of this machine. */
export interface ProviderPlace {
  /** Of the catalog that it is shown by: the mark of what that one writes. */
  readonly epoch: string;
  /** Absolute path of a folder of its own, for what is on its way to a server; null: nothing is sent to any. */
  readonly uploadFolder: string | null;
}

/**
 * The provider for one configured source. The list is explicit: what is not here does not exist.
 */
export function createProvider(source: SourceConfig, { epoch, uploadFolder }: ProviderPlace): Provider {
  switch (source.provider) {
    case 'local':
      return createLocalProvider({ path: source.path, ...(source.isWritable && { writer: epoch }) });
    case 'immich':
      return createImmichProvider({
        ...source,
        // A smaller picture in place of what was uploaded would be another file.
        ...(source.isWritable && uploadFolder !== null && source.rendition !== 'preview'
          ? { write: { uploadFolder, deletes: source.deletes } }
          : {}),
      });
  }
}

import type { Provider } from '../src/provider/provider.ts';
import type { SourceConfig } from '../src/settings.ts';
import { createImmichProvider } from './immich/provider.ts';
import { createLocalProvider } from './local/provider.ts';

/**
 * The provider for one configured source. The list is explicit: what is not here does not exist.
 * @param epoch of the catalog that it is shown by: the mark of what that one writes.
 */
export function createProvider(source: SourceConfig, epoch: string): Provider {
  switch (source.provider) {
    case 'local':
      return createLocalProvider({ path: source.path, ...(source.isWritable && { writer: epoch }) });
    case 'immich':
      return createImmichProvider(source);
  }
}

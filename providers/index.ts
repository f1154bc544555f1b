import type { Provider } from '../src/provider/provider.ts';
import type { SourceConfig } from '../src/settings.ts';
import { createImmichProvider } from './immich/provider.ts';
import { createLocalProvider } from './local/provider.ts';

/** The provider for one configured source. The list is explicit: what is not here does not exist. */
export function createProvider(source: SourceConfig): Provider {
  switch (source.provider) {
    case 'local':
      return createLocalProvider(source);
    case 'immich':
      return createImmichProvider(source);
  }
}

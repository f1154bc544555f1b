import { writeFileSync } from 'node:fs';
import { envExampleText } from '../src/settings.ts';

writeFileSync(new URL('../.env.example', import.meta.url), envExampleText());

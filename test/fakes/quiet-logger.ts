import type { Logger } from '../../src/model/logger.ts';

const ignore = () => undefined;

/** For rooms under test whose log lines are not. */
export const QUIET_LOGGER: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

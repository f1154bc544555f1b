/** What a room needs of a logger. It is handed in; nobody imports one. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Facts beside the message, for machines; never a secret. */
export type LogFields = Readonly<Record<string, unknown>>;

import winston from 'winston';
import type { Logger } from './model/logger.ts';

export interface LogOptions {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** `text` for people, `json` for machines: one object a line. */
  readonly format: 'text' | 'json';
}

/** The root logger. Lines go to standard error, so that standard output stays for what a command prints. */
export function createLogger(options: LogOptions): Logger {
  const { combine, json, printf, timestamp } = winston.format;
  const logger = winston.createLogger({
    level: options.level,
    format:
      options.format === 'json'
        ? combine(timestamp(), json({ replacer: plainErrors }))
        : combine(timestamp(), printf(textLine)),
    transports: [
      new winston.transports.Console({
        stderrLevels: ['error', 'warn', 'info', 'debug'],
        forceConsole: false,
      }),
    ],
  });
  // winston words every line before it looks at the level, and there are several of these a request.
  if (!logger.isLevelEnabled('debug')) logger.debug = () => logger;
  return logger;
}

/** JSON knows no errors: without this, a bug in the log would be `{}`. */
function plainErrors(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { ...value, name, message, stack, cause };
}

function textLine(info: winston.Logform.TransformableInfo): string {
  const { level, message, timestamp, ...fields } = info;
  const time = String(timestamp).slice(11, 19);
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${textOf(value)}`);
  // One line each, whatever a file is called.
  return [time, level.toUpperCase().padEnd(5), oneLine(String(message)), ...rest].join(' ');
}

function textOf(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message);
  if (typeof value === 'string') return /^[\w./:@~-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? String(value);
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}

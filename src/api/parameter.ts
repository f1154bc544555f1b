import { CodedError } from '../model/coded-error.ts';
import { quote } from '../model/setting-parser.ts';

/** A parameter of a path or a query, as JSON Schema for the OpenAPI document and as the check of each request. */
export type Parameter = TextParameter | NumberParameter;

export interface TextParameter {
  readonly type: 'string';
  readonly description: string;
  readonly enum?: readonly string[];
  readonly maxLength?: number;
  readonly default?: string;
  readonly example?: string;
}

export interface NumberParameter {
  readonly type: 'integer';
  readonly description: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly default?: number;
}

export type ParameterTable = Readonly<Record<string, Parameter>>;

/** The values of a table after `readParameters`; undefined where nothing was given and there is no default. */
export type ParameterValues = Readonly<Record<string, string | number | undefined>>;

const LONGEST_TEXT = 1024;

/**
 * Checks what a request gave against a table. Other names are ignored, as a newer client may know more of them.
 * @throws CodedError `invalid` with a sentence that says what the value must be.
 */
export function readParameters(
  given: Readonly<Record<string, unknown>>,
  table: ParameterTable,
): ParameterValues {
  const values: Record<string, string | number | undefined> = {};
  for (const [name, parameter] of Object.entries(table)) {
    const value = given[name];
    if (value === undefined) values[name] = parameter.default;
    else if (typeof value !== 'string') throw invalid(name, 'must be given once');
    else
      values[name] =
        parameter.type === 'integer' ? numberOf(name, value, parameter) : textOf(name, value, parameter);
  }
  return values;
}

function numberOf(name: string, text: string, { minimum, maximum }: NumberParameter): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  // Written so that NaN fails too.
  if (value >= minimum && value <= maximum) return value;
  throw invalid(name, `must be a whole number from ${minimum} to ${maximum}, not ${quote(text)}`);
}

function textOf(name: string, text: string, parameter: TextParameter): string {
  const { enum: words, maxLength = LONGEST_TEXT } = parameter;
  if (words !== undefined && !words.includes(text)) {
    throw invalid(name, `must be one of ${words.join(', ')}, not ${quote(text)}`);
  }
  if (text.length > maxLength) throw invalid(name, `must not be longer than ${maxLength} characters`);
  return text;
}

function invalid(name: string, rule: string): CodedError {
  return new CodedError('invalid', `The parameter "${name}" ${rule}.`);
}

import { InvalidRequest, type Problem } from './errors.ts';
import type { Traits } from './versions.ts';

export type Body = Readonly<Record<string, unknown>>;

const UUID_V4 = /^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$/;

export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID_V4.test(value);
}

function uuidIssue(path: readonly (string | number)[]) {
  return {
    origin: 'string',
    code: 'invalid_format',
    format: 'uuid',
    pattern: String(UUID_V4),
    path,
    message: 'Invalid UUID',
  };
}

function typeIssue(path: string, expected: string, value: unknown, described = expected) {
  const received = value === undefined ? 'undefined' : value === null ? 'null' : typeof value;
  return {
    expected,
    code: 'invalid_type',
    path: path === '' ? [] : [path],
    message: `Invalid input: expected ${described}, received ${received}`,
  };
}

/** Reads fields of a body or query, collects what is wrong with them and refuses the request with the whole list. */
export class Fields {
  readonly #values: Body;
  readonly #traits: Traits;
  readonly #problems: Problem[] = [];

  constructor(values: unknown, traits: Traits) {
    this.#traits = traits;
    if (
      traits.errors === 'short' &&
      (values === undefined || typeof values !== 'object' || values === null)
    ) {
      throw new InvalidRequest([{ long: [], issue: typeIssue('', 'object', values) }]);
    }
    this.#values = (values ?? {}) as Body;
  }

  /** Call it after the last field. */
  check(): void {
    if (this.#problems.length > 0) throw new InvalidRequest(this.#problems);
  }

  raw(name: string): unknown {
    return this.#values[name];
  }

  string(name: string, isRequired = false): string | undefined {
    const value = this.#values[name];
    if (typeof value === 'string') return value;
    if (value === undefined && !isRequired) return undefined;
    this.#add([`${name} must be a string`], typeIssue(name, 'string', value));
    return undefined;
  }

  /** Text that may not be empty: the old validator says both when it is missing. */
  text(name: string): string {
    const value = this.#values[name];
    if (typeof value === 'string' && value !== '') return value;
    this.#add(
      [...(typeof value === 'string' ? [] : [`${name} must be a string`]), `${name} should not be empty`],
      typeIssue(name, 'string', value),
    );
    return '';
  }

  boolean(name: string): boolean | undefined {
    const value = this.#values[name];
    if (value === undefined) return undefined;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    this.#add([`${name} must be a boolean value`], typeIssue(name, 'boolean', value));
    return undefined;
  }

  /** A number; the older validator also takes the text of one. */
  number(name: string, min: number, max: number = Number.POSITIVE_INFINITY): number | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null) return undefined;
    const number = typeof value === 'string' && this.#traits.errors === 'long' ? Number(value) : value;
    if (typeof number !== 'number' || Number.isNaN(number)) {
      this.#add([`${name} must be an integer number`], typeIssue(name, 'number', value));
      return undefined;
    }
    if (number < min) {
      const message = `Too small: expected number to be >=${min}`;
      const issue = {
        origin: 'number',
        code: 'too_small',
        minimum: min,
        inclusive: true,
        path: [name],
        message,
      };
      this.#add([`${name} must not be less than ${min}`], issue);
    } else if (number > max) {
      const message = `Too big: expected number to be <=${max}`;
      const issue = {
        origin: 'number',
        code: 'too_big',
        maximum: max,
        inclusive: true,
        path: [name],
        message,
      };
      this.#add([`${name} must not be greater than ${max}`], issue);
    }
    return number;
  }

  uuid(name: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined || isUuid(value)) return value;
    this.#add([`${name} must be a UUID`], uuidIssue([name]));
    return undefined;
  }

  uuids(name: string, isRequired = false): string[] | undefined {
    const value = this.#values[name];
    if (value === undefined && !isRequired) return undefined;
    if (!Array.isArray(value)) {
      this.#add(
        [`each value in ${name} must be a UUID`, `${name} must be an array`],
        typeIssue(name, 'array', value),
      );
      return undefined;
    }
    const bad = value.flatMap((id: unknown, index) => (isUuid(id) ? [] : [uuidIssue([name, index])]));
    for (const issue of bad.slice(0, 1)) this.#add([`each value in ${name} must be a UUID`], issue);
    for (const issue of bad.slice(1)) this.#add([], issue);
    return value.filter(isUuid);
  }

  /** One of a closed set of texts. */
  choice(name: string, values: readonly string[], isRequired = false): string | undefined {
    const value = this.#values[name];
    if (value === undefined && !isRequired) return undefined;
    if (typeof value === 'string' && values.includes(value)) return value;
    const long = [`${name} must be one of the following values: ${values.join(', ')}`];
    if (value === undefined) long.push(`${name} should not be empty`);
    const message = `Invalid option: expected one of ${values.map((option) => JSON.stringify(option)).join('|')}`;
    this.#add(long, { code: 'invalid_value', values, path: [name], message });
    return undefined;
  }

  date(name: string, isRequired = false): number | undefined {
    const value = this.#values[name];
    if (value === undefined && !isRequired) return undefined;
    const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
    if (!Number.isNaN(at)) return at;
    const long = [`${name} must be a Date instance`, ...(isRequired ? [`${name} should not be empty`] : [])];
    this.#add(long, typeIssue(name, 'string', value, 'ISO 8601 datetime string'));
    return undefined;
  }

  #add(long: readonly string[], issue: Problem['issue']): void {
    this.#problems.push({ long, issue });
  }
}

import { escapeHtml, PAGE_STYLE } from './page.ts';

/** As much of an OpenAPI 3.1 document as the page shows. */
export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly ParameterEntry[];
  readonly responses: Readonly<Record<string, AnswerEntry>>;
}

interface ParameterEntry {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
  readonly schema?: Schema;
}

interface AnswerEntry {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema?: Schema; readonly example?: unknown }>>;
}

interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

const STYLE = `${PAGE_STYLE}
  section { margin: 2rem 0; }
  h3 { margin: 2rem 0 0; font-weight: 600; }
  h3 b { font-size: .8em; opacity: .75; }
  pre { overflow-x: auto; padding: .75rem; border: 1px solid #8884; border-radius: .35rem; font-size: .85rem; }
  td:first-child { white-space: nowrap; }
`;

/** The page at `/api/docs`, made from the document that programs read. Plain HTML, nothing from outside. */
export function docsPage(document: OpenApiDocument): string {
  const { info, tags = [] } = document;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags.map(({ name, description = '' }) => {
    const own = operations.filter(({ operation }) => operation.tags?.includes(name));
    return `<section><h2>${escapeHtml(name)}</h2><p>${escapeHtml(description)}</p>
${own.map(({ path, method, operation }) => operationText(path, method, operation)).join('\n')}</section>`;
  });
  const schemas = Object.entries(document.components?.schemas ?? {});
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(info.title)}: HTTP API</title>
<style>${STYLE}</style>
<h1>HTTP API</h1>
<p><small>${escapeHtml(info.title)} ${escapeHtml(info.version)}</small></p>
<p>${escapeHtml(info.description ?? '')} The same for programs: <a href="/api/openapi.json">openapi.json</a>.</p>
${sections.join('\n')}
<section><h2>Shapes</h2>
${schemas.map(([id, schema]) => shapeText(schema.title ?? id, schema)).join('\n')}</section>
</html>
`;
}

function operationText(path: string, method: string, operation: Operation): string {
  const { summary = '', description = '', parameters = [], responses } = operation;
  const rows = parameters.map(
    ({ name, in: where, description: text = '', schema }) =>
      `<tr><td><code>${escapeHtml(name)}</code><td>${escapeHtml(where)}<td>${escapeHtml(text)} ${limitsText(schema)}`,
  );
  const table = rows.length === 0 ? '' : `<table><tr><th>Parameter<th>In<th>\n${rows.join('\n')}</table>`;
  const answers = Object.entries(responses).map(
    ([status, answer]) => `<tr><td><code>${escapeHtml(status)}</code><td>${answerText(answer)}`,
  );
  return `<h3><b>${escapeHtml(method.toUpperCase())}</b> <code>${escapeHtml(path)}</code></h3>
<p>${escapeHtml(summary)}. ${escapeHtml(description)}</p>
${table}
<table><tr><th>Answer<th>
${answers.join('\n')}</table>
${exampleText(responses)}`;
}

function answerText({ description, content = {} }: AnswerEntry): string {
  const media = Object.entries(content).map(([type, { schema }]) => {
    const name = (schema?.$ref ?? schema?.additionalProperties?.$ref)?.split('/').at(-1);
    const link = name === undefined ? '' : `, <a href="#${escapeHtml(name)}">${escapeHtml(name)}</a>`;
    return `<code>${escapeHtml(type)}</code>${link}`;
  });
  return `${escapeHtml(description)} <small>${media.join(' ')}</small>`;
}

function exampleText(responses: Operation['responses']): string {
  const examples = Object.values(responses).flatMap(({ content = {} }) =>
    Object.values(content).flatMap(({ example }) => (example === undefined ? [] : [example])),
  );
  return examples.map((example) => `<pre>${escapeHtml(JSON.stringify(example, null, 2))}</pre>`).join('\n');
}

function shapeText(name: string, schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(
    ([property, { type, description = '', $ref }]) =>
      `<tr><td><code>${escapeHtml(property)}</code><td>${escapeHtml([type ?? $ref?.split('/').at(-1) ?? ''].flat().join(' or '))}` +
      `<td>${escapeHtml(description)}`,
  );
  return `<h3 id="${escapeHtml(name)}">${escapeHtml(name)}</h3>\n<table>${rows.join('\n')}</table>`;
}

function limitsText(schema: Schema = {}): string {
  const limits = [
    ...(schema.enum === undefined ? [] : [`one of ${schema.enum.join(', ')}`]),
    ...(schema.minimum === undefined || schema.maximum === undefined
      ? []
      : [`${schema.minimum} to ${schema.maximum}`]),
    ...(schema.default === undefined ? [] : [`default ${String(schema.default)}`]),
  ];
  return limits.length === 0 ? '' : `<small>${escapeHtml(limits.join('; '))}</small>`;
}

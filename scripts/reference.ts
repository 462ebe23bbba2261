/**
 * Writes docs/reference, docs/versions.md, a table of docs/coming-from-kind.md and the JSON Schema of the config file from the program itself: commands and
 * flags, exit codes, environment, the config file, what each version of Kubernetes needs.
 * `tsx scripts/reference.ts` writes; with --check it changes nothing and exits 1 when a page is not current.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Argument, Command, Option } from 'commander';
import { format, resolveConfig } from 'prettier';
import { z } from 'zod';
import { errorCodes, exitCodes } from '../src/errors.ts';
import { configSchema } from '../src/spec/schema.ts';
import { commandTree, describeOption, leavesOf, nameOf, sentence } from './command-tree.ts';
import { withKindLines } from './kind-lines.ts';
import { manPage } from './man-page.ts';
import { page, table } from './markdown.ts';
import { versionsPage } from './versions-page.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Part of the package: editors read it from there. */
const schemaPath = 'schema/cluster.schema.json';
/** Written by hand but for one table. */
const kindPath = 'docs/coming-from-kind.md';
/** Found by man(1) where npm or a package puts it. */
const manualPath = 'man/knest.1';

/** Path below the repository -> content, for every page of the reference. */
export async function referencePages(): Promise<Map<string, string>> {
  const program = commandTree();
  // what every editor knows
  const jsonSchema = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' }) as JsonSchema;
  const pages = [
    ['docs/reference/README.md', indexPage()],
    ['docs/reference/commands.md', commandsPage(program)],
    ['docs/reference/config.md', configPage(jsonSchema)],
    ['docs/reference/exit-codes.md', exitCodesPage()],
    ['docs/reference/errors.md', errorsPage()],
    ['docs/reference/environment.md', environmentPage()],
    ['docs/versions.md', versionsPage()],
    [kindPath, withKindLines((await currentText(kindPath)) ?? '')],
    [schemaPath, JSON.stringify(jsonSchema)],
  ] as const;
  const manual = manPage(program, { exitCodes: meaningOfKind, environment: environmentVariables });
  const formatted = pages.map(async ([path, text]) => {
    const options = await resolveConfig(join(root, path));
    return [path, await format(text, { ...options, filepath: join(root, path) })] as const;
  });
  return new Map([...(await Promise.all(formatted)), [manualPath, manual] as const]);
}

/** The pages that are missing or differ from what is written. */
export async function stalePages(): Promise<string[]> {
  const pages = await referencePages();
  const checked = [...pages].map(async ([path, text]) => ((await currentText(path)) === text ? [] : [path]));
  return (await Promise.all(checked)).flat();
}

async function currentText(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

function indexPage(): string {
  return page('Reference', [
    '- [Commands](commands.md)',
    `- [Config file](config.md), and its [JSON Schema](../../${schemaPath})`,
    '- [Exit codes](exit-codes.md)',
    '- [Errors](errors.md)',
    '- [Environment variables](environment.md)',
    '- [Kubernetes versions](../versions.md)',
  ]);
}

function commandsPage(program: Command): string {
  const leaves = leavesOf(program);
  return page('Commands', [
    'The result of a command is on stdout, its story on stderr. All commands take the [global options](#global-options).',
    '',
    ...leaves.map((command) => `- [${nameOf(command)}](#${anchorOf(command)}): ${command.description()}`),
    '',
    '## Global options',
    '',
    ...optionTable(program.options),
    ...leaves.flatMap(commandSection),
  ]);
}

function commandSection(command: Command): string[] {
  const { registeredArguments, options } = command;
  return [
    '',
    `## ${nameOf(command)}`,
    '',
    sentence(command.description()),
    '',
    '```',
    `${nameOf(command)} ${command.usage()}`,
    '```',
    '',
    ...(registeredArguments.length === 0 ? [] : [...argumentTable(registeredArguments), '']),
    ...(options.length === 0 ? [] : optionTable(options)),
  ];
}

function optionTable(options: readonly Option[]): string[] {
  const rows = options.map((option) => [`\`${option.flags}\``, describeOption(option)]);
  return table(['Option', 'Meaning'], rows);
}

function argumentTable(args: readonly Argument[]): string[] {
  const rows = args.map((argument) => {
    const choices = argument.argChoices === undefined ? '' : ` (one of ${argument.argChoices.join(', ')})`;
    return [`\`${argument.name()}${argument.variadic ? '...' : ''}\``, `${argument.description}${choices}`];
  });
  return table(['Argument', 'Meaning'], rows);
}

interface JsonSchema {
  type?: string;
  const?: string;
  enum?: string[];
  anyOf?: JsonSchema[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  required?: string[];
  items?: JsonSchema;
}

function configPage(schema: JsonSchema): string {
  const rows = fieldRows(schema, '');
  return page('Config file', [
    '`knest create cluster --config FILE` and `knest plan cluster --config FILE` read YAML (or JSON); flags override it.',
    `Unknown keys are refused. Editors can check a file against the [JSON Schema](../../${schemaPath}).`,
    '',
    ...table(['Field', 'Type', 'Meaning'], rows),
    '',
    'The subnets of a cluster must not overlap each other, nor what is in use on the host.',
    '',
    '```yaml',
    'apiVersion: knest.dev/v1alpha1',
    'kind: Cluster',
    'name: demo',
    'kubernetesVersion: v1.20.2',
    'network:',
    '  podSubnet: 10.91.0.0/16',
    'nodes:',
    '  - role: control-plane',
    '  - role: worker',
    '    labels:',
    '      tier: backend',
    '    resources:',
    '      memory: 2Gi',
    '```',
  ]);
}

function fieldRows({ properties = {}, required = [] }: JsonSchema, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const needed = required.includes(name) ? ', required' : '';
    const row = [`\`${path}\``, `${typeOf(field)}${needed}`, field.description ?? ''];
    const ways = field.anyOf ?? [field];
    const inner = ways.flatMap((way) =>
      way.items === undefined ? fieldRows(way, `${path}.`) : fieldRows(way.items, `${path}[].`),
    );
    return [row, ...inner];
  });
}

const nameOfType: Readonly<Record<string, string>> = {
  object: 'mapping',
  string: 'text',
  number: 'number',
  integer: 'whole number',
  boolean: '`true` or `false`',
};

function typeOf({
  type,
  enum: values,
  const: constant,
  anyOf,
  items,
  additionalProperties,
}: JsonSchema): string {
  if (constant !== undefined) return `\`${constant}\``;
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(' or ');
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' or ');
  if (items !== undefined) return items.type === 'object' ? 'list' : `list of ${typeOf(items)}`;
  const inner = typeof additionalProperties === 'object' ? typeOf(additionalProperties) : '';
  return inner === '' ? (nameOfType[type ?? ''] ?? '') : `mapping to ${inner}`;
}

const meaningOfKind: Record<keyof typeof exitCodes, string> = {
  ok: 'It worked.',
  failed: 'Something failed on the way: a command, a download, a timeout.',
  usage: 'Wrong flags or configuration; nothing was touched.',
  preflight:
    'The host lacks something that knest needs; nothing was touched. Also `doctor` when it finds a problem.',
  notFound: 'The cluster or node named does not exist.',
  exists: 'The cluster exists already.',
  locked: 'Another knest works on the same cluster.',
  notReady:
    'The cluster did not become Ready in time. Also `status cluster` when a node is not Ready or a member of etcd not well.',
};

function exitCodesPage(): string {
  const rows = Object.entries(exitCodes).map(([kind, code]) => [
    `${code}`,
    kind,
    meaningOfKind[kind as keyof typeof exitCodes],
  ]);
  return page('Exit codes', [
    ...table(['Code', 'Kind', 'Meaning'], rows),
    '',
    '`exec`, `shell`, `logs` and `kubectl` exit with the code of the program that they ran; in several nodes, with the',
    'highest one. A run that was interrupted',
    'exits with 128 + the number of the signal: 130 after Ctrl-C, 143 after SIGTERM. The first signal stops the work and',
    'cleans up, a second one leaves everything as it is.',
    '',
    'With `--progress json` the kind is in the last line on stderr: `{"type":"error","error":{"kind":"exists",...}}`.',
  ]);
}

function errorsPage(): string {
  const rows = Object.entries(errorCodes).map(([code, { kind, meaning }]) => [
    `\`${code}\``,
    meaning,
    `${exitCodes[kind]} (${kind})`,
  ]);
  return page('Errors', [
    'Each error has a code that stays the same whatever its message says: `error.code` in the library, and in the last',
    'line on stderr with `--progress json`: `{"type":"error","error":{"code":"CLUSTER_EXISTS","kind":"exists",...}}`.',
    '',
    ...table(['Code', 'Meaning', '[Exit code](exit-codes.md)'], rows),
    '',
    '`INVALID_INPUT` has `problems`, all of them at once: `path` (in the config, or a flag), `message`, perhaps a `hint`,',
    'and for what is in a config file its `place`: `file`, `line` and `column`, counted from 1. An error without a code',
    '(kind `bug`) is a bug in knest.',
  ]);
}

/** Plain words, as a manual page takes them too. */
const environmentVariables: readonly (readonly [names: string, meaning: string])[] = [
  ['KNEST_STATE_DIR', 'Where clusters, machines and keys are kept. Default: `/var/lib/knest`.'],
  ['KNEST_CACHE_DIR', 'Where images, downloads and builds are kept. Default: `/var/cache/knest`.'],
  ['KNEST_RELEASE_MIRROR', 'Mirror of the Kubernetes download server, as `--release-mirror`.'],
  [
    'KNEST_COMPONENT_MIRROR',
    'Mirror of the releases of containerd, runc, the CNI plugins and etcd, as `--component-mirror`.',
  ],
  [
    'KNEST_SNAPSHOT_MIRROR',
    'Mirror of snapshot.debian.org, for packages that a lock names and mirrors have no more. Default: `http://snapshot.debian.org`.',
  ],
  [
    'KUBECONFIG',
    'The kubeconfigs, by kubectl’s rules: written to is the first that exists, else the last. `--kubeconfig` overrides it.',
  ],
  ['KNEST_KEEP', 'For knest’s own tests: `failure` keeps the clusters of tests that failed.'],
  ['NO_COLOR', 'No colours, when it is set to anything.'],
  ['http_proxy, https_proxy, no_proxy', 'Proxies for downloads, and for the nodes of new clusters.'],
];

function environmentPage(): string {
  const rows = environmentVariables.map(([names, meaning]) => [
    names
      .split(', ')
      .map((name) => `\`${name}\``)
      .join(', '),
    meaning,
  ]);
  return page('Environment variables', table(['Variable', 'Meaning'], rows));
}

function anchorOf(command: Command): string {
  return nameOf(command).replaceAll(' ', '-');
}

async function main(check: boolean): Promise<void> {
  if (check) {
    const stale = await stalePages();
    for (const path of stale) console.error(`${path} is not current: run "npx tsx scripts/reference.ts"`);
    process.exitCode = stale.length === 0 ? 0 : 1;
    return;
  }
  for (const [path, text] of await referencePages()) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.includes('--check'));

/** What the API server wants to know of metrics.k8s.io, to tell it on: its resources, and their fields (OpenAPI). */

import { groupVersion } from './usage.ts';

const [group = '', version = ''] = groupVersion.split('/');
const root = `/apis/${groupVersion}`;
const verbs = ['get', 'list'];

/** Of discovery. */
export const resourceList = {
  ...{ kind: 'APIResourceList', apiVersion: 'v1', groupVersion },
  resources: [
    { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs },
    { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs },
  ],
};

interface Schema {
  type: string;
  description?: string;
  [field: string]: unknown;
}

const text = (description: string): Schema => ({ type: 'string', description });
const metadata: Schema = { type: 'object', description: 'Standard metadata: name, namespace and labels.' };
const moment = {
  timestamp: { ...text('When the usage was measured.'), format: 'date-time' },
  window: text('The interval, ending at the timestamp, of which the usage of CPU is the average.'),
};
const usage: Schema = {
  type: 'object',
  description: 'cpu: cores in use. memory: the working set.',
  additionalProperties: { type: 'string' },
};

/** What each kind has of its own, and what is said of it. */
const kinds = {
  NodeMetrics: { description: 'What a node uses of its CPU and memory.', fields: { ...moment, usage } },
  PodMetrics: {
    description: 'What the containers of a pod use of CPU and memory.',
    fields: {
      ...moment,
      containers: {
        type: 'array',
        description: 'Every container that runs.',
        items: { type: 'object', properties: { name: text('Of the container.'), usage } },
      },
    },
  },
};

type Kind = keyof typeof kinds;

const paths: readonly (readonly [path: string, kind: Kind, action: 'get' | 'list'])[] = [
  [`${root}/nodes`, 'NodeMetrics', 'list'],
  [`${root}/nodes/{name}`, 'NodeMetrics', 'get'],
  [`${root}/pods`, 'PodMetrics', 'list'],
  [`${root}/namespaces/{namespace}/pods`, 'PodMetrics', 'list'],
  [`${root}/namespaces/{namespace}/pods/{name}`, 'PodMetrics', 'get'],
];

/** As Kubernetes names the type. */
function definition(kind: string): string {
  return `io.k8s.metrics.pkg.apis.metrics.v1beta1.${kind}`;
}

function schemas(reference: (kind: string) => object): Record<string, Schema> {
  const entries = Object.entries(kinds).flatMap(([kind, { description, fields }]) => [
    schemaOf(kind, description, { metadata, ...fields }),
    schemaOf(`${kind}List`, `A list of ${kind}.`, {
      metadata: { type: 'object', description: 'Standard metadata of lists.' },
      items: { type: 'array', items: reference(kind) },
    }),
  ]);
  return Object.fromEntries(entries);
}

function schemaOf(kind: string, description: string, fields: object): [string, Schema] {
  return [
    definition(kind),
    {
      ...{ type: 'object', description },
      properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, ...fields },
      'x-kubernetes-group-version-kind': [{ group, version, kind }],
    },
  ];
}

const info = { title: 'knest-agent', version: '1' };

/** @param content an answer's body with the schema of this kind */
function pathItems(content: (kind: string) => object, parameter: (name: string) => object) {
  return Object.fromEntries(
    paths.map(([path, kind, action]) => [
      path,
      {
        parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
          ...{ name, in: 'path', required: true, uniqueItems: true },
          ...parameter(name),
        })),
        get: {
          operationId: `${action}Metrics${path.slice(root.length).replaceAll(/\W+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
          responses: {
            200: { description: 'OK', ...content(action === 'list' ? `${kind}List` : kind) },
          },
          'x-kubernetes-action': action,
          'x-kubernetes-group-version-kind': { group, version, kind },
        },
      },
    ]),
  );
}

const inVersion2 = (kind: string) => ({ $ref: `#/definitions/${definition(kind)}` });
const inVersion3 = (kind: string) => ({ $ref: `#/components/schemas/${definition(kind)}` });

const openApiVersion2 = {
  swagger: '2.0',
  info,
  paths: pathItems(
    (kind) => ({ schema: inVersion2(kind) }),
    () => ({ type: 'string' }),
  ),
  definitions: schemas(inVersion2),
};

const openApiVersion3 = {
  openapi: '3.0.0',
  info,
  paths: pathItems(
    (kind) => ({ content: { 'application/json': { schema: inVersion3(kind) } } }),
    () => ({ schema: { type: 'string' } }),
  ),
  components: { schemas: schemas(inVersion3) },
};

const path3 = `apis/${groupVersion}`;

/** By path. The API server asks for them every minute or so. */
export const documents: Readonly<Record<string, object>> = {
  '/openapi/v2': openApiVersion2,
  '/openapi/v3': { paths: { [path3]: { serverRelativeURL: `/openapi/v3/${path3}` } } },
  [`/openapi/v3/${path3}`]: openApiVersion3,
};

/**
 * Which folder of src may import which: docs/architecture.md draws it. An arrow leads down this list or there is none,
 * so there can be no cycle of folders. Imports of types count, too: what a folder has to know is what it depends on.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const layers = {
  cli: ['api', 'workstation', 'spec', 'plan', 'pki', 'formats', 'errors', 'events'],
  api: ['operations', 'workstation', 'host', 'plan', 'spec', 'facts', 'errors', 'events'],
  operations: [
    ...['apply', 'observe', 'managers', 'artifacts', 'state', 'clients', 'tools', 'host', 'workstation'],
    ...['diff', 'plan', 'agent', 'pki', 'spec', 'facts', 'formats', 'poll', 'errors', 'events'],
  ],
  apply: [
    ...['managers', 'artifacts', 'clients', 'tools', 'host', 'workstation'],
    ...['diff', 'plan', 'pki', 'spec', 'facts', 'formats', 'poll', 'errors', 'events'],
  ],
  observe: [
    ...['managers', 'clients', 'tools', 'host'],
    ...['plan', 'pki', 'spec', 'facts', 'formats', 'poll', 'errors', 'events'],
  ],
  managers: ['state', 'tools', 'host', 'plan', 'facts', 'formats', 'poll', 'errors', 'events'],
  artifacts: [
    'state',
    'tools',
    'host',
    'workstation',
    'plan',
    'spec',
    'facts',
    'formats',
    'errors',
    'events',
  ],
  state: ['tools', 'host', 'diff', 'plan', 'pki', 'spec', 'facts', 'formats', 'errors'],
  tools: ['host', 'agent', 'facts', 'formats', 'errors'],
  workstation: ['host', 'plan', 'formats', 'errors'],
  host: ['errors'],
  diff: ['plan', 'pki', 'formats', 'errors'],
  plan: ['agent', 'pki', 'spec', 'facts', 'formats', 'errors'],
  agent: ['clients', 'pki', 'formats', 'poll', 'errors'],
  clients: ['pki', 'formats', 'errors'],
  pki: ['formats', 'errors'],
  spec: ['facts', 'formats', 'errors'],
  facts: ['formats', 'errors'],
  formats: ['errors'],
  events: ['errors'],
  poll: [],
  errors: [],
};

/** Folders that compute and touch nothing: what they need of the world is passed in. */
export const pureFolders = ['diff', 'plan', 'spec', 'facts', 'formats'];

/** Where a folder of src may be entered from outside by these files only. */
export const entrances = {
  /** A program of its own, of which knest needs to know how it is configured. */
  agent: ['src/agent/contract.ts'],
  /** The library's surface. */
  api: ['src/api/index.ts', 'src/api/commands.ts'],
};

import { describe, expect, it } from 'vitest';

import { InputError } from '../../src/errors.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { secretsOf } from '../../src/spec/secrets.ts';

function load(fields: object) {
  const text = JSON.stringify({ apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', ...fields });
  return loadSpec({ config: { text, name: 'cluster.json' }, flags: {} });
}

function problemsOf(fields: object): string[] {
  try {
    load(fields);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('registry', () => {
  it.each([
    [true, { address: undefined, port: 5000 }],
    [{}, { address: undefined, port: 5000 }],
    [{ port: 5001 }, { address: undefined, port: 5001 }],
    [{ address: 'http://192.0.2.5:5000/' }, { address: 'http://192.0.2.5:5000', port: undefined }],
    [
      { address: 'http://192.0.2.5:5000', port: 5001 },
      { address: 'http://192.0.2.5:5000', port: 5001 },
    ],
    [false, undefined],
  ])('%j', (registry, expected) => {
    expect(load({ registry }).spec.registry).toEqual(expected);
  });

  it.each([
    ['yes', 'registry: must be true, false or a mapping'],
    [{ prot: 5000 }, 'registry.prot: unknown key'],
    [{ port: 0 }, 'registry.port: must be at least 1'],
    [{ port: '5000' }, 'registry.port: must be a number, not "5000"'],
    [{ address: '192.0.2.5:5000' }, 'registry.address: "192.0.2.5:5000" is not an http or https URL'],
    [
      { address: 'http://192.0.2.5/v2' },
      'registry.address: "http://192.0.2.5/v2" must end with its host and port',
    ],
  ])('%j is refused', (registry, problem) => {
    expect(problemsOf({ registry })).toEqual([problem]);
  });
});

describe('registries', () => {
  it('a password is for one of them, not for all', () => {
    const credentials = { username: 'alice', password: 'secret' };
    expect(problemsOf({ registries: [{ host: '*', credentials }] })).toEqual([
      'registries[0].credentials: would be for every registry that has no entry of its own',
    ]);
  });

  const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

  it('are complete', () => {
    const entry = { host: 'docker.io', mirrors: ['https://mirror.example/'], ca: pem };
    expect(load({ registries: [entry] }).spec.registries).toEqual([
      {
        host: 'docker.io',
        mirrors: ['https://mirror.example'],
        ca: pem,
        skipVerify: false,
        credentials: undefined,
      },
    ]);
  });

  it('are refused with all that is wrong', () => {
    const registries = [
      { host: 'https://docker.io', ca: 'ca.pem' },
      { host: 'docker.io:99999', mirrors: ['mirror.example', 'https://alice:sesame@mirror.example'] },
      { host: 'a.example', credentials: { username: 'alice', password: 7 } },
      { host: 'b.example', credentials: { username: 'alice', password: '' } },
    ];
    const problems = problemsOf({ registries });
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual([
      'registries[0].host',
      'registries[0].ca',
      'registries[1].host',
      'registries[1].mirrors[0]',
      'registries[1].mirrors[1]',
      'registries[2].credentials.password',
      'registries[3].credentials.password',
    ]);
    expect(problems.join()).not.toContain('sesame');
    expect(problems[5]).not.toContain('7');
  });

  it('have one entry per host', () => {
    expect(problemsOf({ registries: [{ host: '*' }, { host: 'a.example' }, { host: '*' }] })).toEqual([
      'registries[2].host: registries[0] is for * already',
    ]);
  });

  it("do not go together with containerd's old way, and nor does registry", () => {
    const patch = '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."a.example"]\nendpoint = []';
    const components = { containerd: { configPatches: ['[debug]', patch] } };
    expect(problemsOf({ components })).toEqual([]);
    for (const fields of [{ registry: true }, { registries: [{ host: 'a.example' }] }]) {
      expect(problemsOf({ ...fields, components })).toEqual([
        expect.stringContaining('components.containerd.configPatches[1]: sets registry mirrors'),
      ]);
    }
  });

  it('tells who gives a certificate of the mirror to the registry', () => {
    const entry = { host: 'docker.io', mirrors: ['https://mirror.example:5000'], ca: pem };
    expect(load({ registries: [entry] }).warnings).toEqual([
      {
        path: 'registries[0].ca',
        place: { file: 'cluster.json', line: 1, column: 129 },
        message: 'is for docker.io itself, not for its mirrors',
        hint: 'if the mirror needs it, give it an entry of its own: - host: mirror.example:5000',
      },
    ]);
    expect(load({ registries: [entry, { host: 'mirror.example:5000' }] }).warnings).toEqual([]);
  });
});

describe('patches of containerd', () => {
  const cri = 'plugins."io.containerd.grpc.v1.cri".registry';
  const pathAfter = (patch: string) =>
    JSON.stringify(
      load({ components: { containerd: { configPatches: [patch] } } }).spec.components.containerd,
    );

  it.each([
    ['mirrors', `[${cri}.mirrors."a.example"]\nendpoint = ["http://b.example"]`, true],
    ['certificates', `[${cri}.configs."a.example".tls]\ninsecure_skip_verify = true`, true],
    ['credentials', `[${cri}.configs."a.example".auth]\nusername = "alice"`, false],
  ])('with %s', (_, patch, emptied) => {
    expect(pathAfter(patch).includes('"config_path":""')).toBe(emptied);
  });
});

describe('proxy', () => {
  it('never tells of a password', () => {
    const problems = problemsOf({ proxy: { http: 'alice:sesame@proxy', https: 7, noProxy: ['a b'] } });
    expect(problems).toEqual([
      'proxy.http: is not the URL of a proxy like http://proxy.example:3128',
      'proxy.https: must be text',
      'proxy.noProxy[0]: "a b" is not one name, domain, address or subnet',
    ]);
  });

  it('on loopback is remarked', () => {
    const { warnings } = load({ proxy: { http: 'http://127.0.0.1:3128', https: 'http://proxy.example' } });
    expect(warnings.map(({ path }) => path)).toEqual(['proxy.http']);
  });
});

describe('secrets', () => {
  it('stand within double quotes', () => {
    const { spec } = load({
      registries: [{ host: 'a.example', credentials: { username: 'alice', password: String.raw`a"b\c` } }],
      proxy: { https: 'http://proxy.example' },
    });
    expect([...secretsOf(spec)]).toEqual([
      ['password of a.example', String.raw`a\"b\\c`],
      // echo -n 'alice:a"b\c' | base64
      ['authorization for a.example', 'Basic YWxpY2U6YSJiXGM='],
      ['proxy for https', 'http://proxy.example'],
    ]);
  });
});

/** One control plane becomes three and one again; etcd never loses its quorum, unless it is told to do without. */

import { kill } from 'node:process';

import { expect, it } from 'vitest';

import type { ClusterStatus, NodeSummary } from '../../../src/operations/types.ts';
import { eventually } from '../support/eventually.ts';
import { describeScenario } from '../support/scenario.ts';
import { startWriter } from '../support/writer.ts';
import type { Writer } from '../support/writer.ts';

const name = 'e2e-planes';
const [first, second, third] = ['', '2', '3'].map((number) => `${name}-control-plane${number}`) as [
  string,
  string,
  string,
];

describeScenario('control planes come and go', { story: true }, (scenario) => {
  const nodes = async () =>
    JSON.parse(await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json'])) as NodeSummary[];
  const members = async () => {
    const { stdout } = await scenario.knest(['status', 'cluster', '--name', name, '-o', 'json']);
    return (JSON.parse(stdout) as ClusterStatus).etcd.members
      .map((member) => `${member.name} ${member.ok}`)
      .sort();
  };
  const writes = (writer: Writer) =>
    eventually(
      'it writes',
      async () => {
        expect(writer.silence()).toBeLessThan(500);
        return Promise.resolve();
      },
      60_000,
    );
  const pullThePlug = async (node: string) => {
    const leader = (await nodes()).find((one) => one.name === node)?.leader;
    kill(leader ?? 0, 'SIGKILL');
    await eventually('it has ended', async () => {
      expect((await nodes()).find((one) => one.name === node)?.state).toBe('stopped');
    });
  };

  it('one control plane becomes three, under load', async () => {
    await scenario.ok(['create', 'cluster', '--name', name]);
    const writer = await startWriter(scenario, name);
    await scenario.ok(['add', 'node', '--role', 'control-plane', '--count', '2', '--name', name]);
    await writes(writer);
    const { lost } = await writer.stop();
    expect(lost).toEqual([]);
    expect(await members()).toEqual([`${first} true`, `${second} true`, `${third} true`]);
    expect((await nodes()).map(({ status }) => status)).toEqual(['Ready', 'Ready', 'Ready']);
  });

  it('the first, with which all began, can go', async () => {
    const writer = await startWriter(scenario, name);
    await scenario.ok(['delete', 'node', first, '--name', name]);
    await writes(writer);
    expect((await writer.stop()).lost).toEqual([]);
    expect(await members()).toEqual([`${second} true`, `${third} true`]);
  });

  it('the last of two is not taken away while the other is dead, without --force', async () => {
    await pullThePlug(third);
    const { exitCode, stderr } = await scenario.knest(['delete', 'node', third, '--name', name]);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('quorum');
    expect((await nodes()).map((node) => node.name)).toContain(third);
  });

  it('with --force the one that is left goes on alone, with its data', async () => {
    await scenario.ok(['delete', 'node', third, '--name', name, '--force']);
    expect(await members()).toEqual([`${second} true`]);
    const writer = await startWriter(scenario, name);
    await writes(writer);
    expect((await writer.stop()).lost).toEqual([]);
    expect(await scenario.kubectl(name, ['get', 'nodes', '-o', 'name'])).toBe(`node/${second}`);
  });

  it('the last one stays', async () => {
    const { exitCode, stderr } = await scenario.knest(['delete', 'node', second, '--name', name, '--force']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`knest delete cluster --name ${name}`);
  });

  it('it survives a restart, and can grow again', async () => {
    await scenario.ok(['restart', 'cluster', '--name', name]);
    await scenario.ok(['add', 'node', '--role', 'control-plane', '--count', '2', '--name', name]);
    expect(await members()).toEqual([`${first} true`, `${second} true`, `${third} true`]);
  });

  it('delete: the host is as before', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});

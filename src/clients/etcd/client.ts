import { Readable } from 'node:stream';

import { KnestError, messageOf } from '../../errors.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { clientCredentials } from '../credentials.ts';
import { httpsConnections, readAll } from '../https.ts';
import type { ConnectionOptions } from '../https.ts';
import { EtcdError } from './etcd-error.ts';
import { allKeys, beginningWith, encoded, readCount, readKeys } from './keys.ts';
import type { KeyCount, KeyValue, RangeAnswer } from './keys.ts';
import { readAlarm, readMember, readStatus } from './objects.ts';
import type {
  AlarmObject,
  EtcdAlarm,
  EtcdMember,
  EtcdMemberStatus,
  MemberObject,
  StatusObject,
} from './objects.ts';
import { snapshotBytes } from './snapshot.ts';

export { EtcdError } from './etcd-error.ts';

/**
 * etcd's own API. Every call but `status` is tried at one endpoint after the other until a member answers.
 * @throws EtcdError of each call when etcd says no, KnestError when no member answers
 */
export interface EtcdClient {
  readonly endpoints: readonly string[];
  /** As the first member that answers knows them, also without a quorum. */
  members(): Promise<EtcdMember[]>;
  /** Of the member behind one endpoint. */
  status(endpoint: string): Promise<EtcdMemberStatus>;
  /** Needs a quorum. */
  alarms(): Promise<EtcdAlarm[]>;
  /**
   * A member without a vote, which is how new ones should start: it cannot cost the cluster its quorum. One that is
   * there already with this URL is given back as it is. Refused as "unhealthy cluster" (code 14) until all members have
   * been connected for five seconds, and for a second learner.
   */
  addLearner(peerUrl: string): Promise<EtcdMember>;
  /** A member with a vote from the start. */
  addMember(peerUrl: string): Promise<EtcdMember>;
  /** Gives a learner its vote. Refused (code 9) until it has caught up with the leader. */
  promote(id: string): Promise<void>;
  /** Where other members find it from now on. Needs a quorum. */
  moveTo(id: string, peerUrl: string): Promise<void>;
  /** One that is not there is no error. */
  remove(id: string): Promise<void>;
  /** Hands leadership to a voting member; does nothing when it leads already. */
  moveLeader(id: string): Promise<void>;
  /**
   * How many keys there are, as one member knows it.
   * @param options local: what that member has, also without a quorum; otherwise it has all that was ever acknowledged.
   *   revision: how many there were then
   */
  count(endpoint: string, options?: { local?: boolean; revision?: string }): Promise<KeyCount>;
  /** The whole store of one member, as a snapshot file. The stream fails when it is not what its digest says. */
  snapshot(endpoint: string, signal?: AbortSignal): Promise<Readable>;
  /** Every key with this beginning, page by page. */
  keys(prefix: string): AsyncGenerator<KeyValue>;
  put(key: string, value: Uint8Array): Promise<void>;
  /** One that is not there is no error. */
  deleteKey(key: string): Promise<void>;
  close(): void;
}

/** Name of the certificate that the control planes and knest ask with; etcd gives every client all rights. */
const clientCertificate = 'etcd-healthcheck-client';

/** Objects of Kubernetes have a few kilobytes, and at most 1.5 MB: a page must fit into memory. */
const keysPerPage = 200;

interface Refusal {
  code?: number;
  message?: string;
}

/** gRPC: "unavailable". From etcd: no leader, timed out, not all members connected; another member may do better. */
const unavailable = 14;
/** gRPC: "not found". */
const notFound = 5;

/**
 * Speaks to etcd through its JSON gateway, of 3.4 and 3.5 alike (etcd.io/docs: "gRPC gateway"; api/etcdserverpb/rpc.proto).
 * @param endpoints URLs like https://10.89.0.3:2379, see etcdClientUrl
 * @param options the timeout is for the answer of one member
 */
export function etcdClient(
  endpoints: readonly string[],
  material: KeyMaterial,
  options: ConnectionOptions,
): EtcdClient {
  const connections = httpsConnections(clientCredentials(material, clientCertificate, 'etcd-ca'), options);

  const call = async (endpoint: string, path: string, body: object): Promise<unknown> => {
    const url = new URL(`/v3/${path}`, endpoint);
    const { status, text } = await connections.exchange(url, { method: 'POST', body });
    const answer = parseObject(text);
    if (status < 400 && answer) return answer;
    const { code = 0, message = text.slice(0, 200) } = (answer ?? {}) as Refusal;
    throw new EtcdError(endpoint, path, code, message);
  };

  const callAny = async (path: string, body: object): Promise<unknown> => {
    const failures: unknown[] = [];
    for (const endpoint of endpoints) {
      try {
        return await call(endpoint, path, body);
      } catch (error) {
        if (error instanceof EtcdError && error.grpcCode !== unavailable) throw error;
        failures.push(error);
      }
    }
    throw failures.find((error) => error instanceof EtcdError) ?? nobodyAnswers(endpoints, failures);
  };

  const members = async (): Promise<EtcdMember[]> => {
    const { members: list = [] } = (await callAny('cluster/member/list', {})) as { members?: MemberObject[] };
    return list.map(readMember);
  };

  const status = async (endpoint: string): Promise<EtcdMemberStatus> =>
    readStatus((await call(endpoint, 'maintenance/status', {})) as StatusObject);

  const add = async (peerUrl: string, isLearner: boolean): Promise<EtcdMember> => {
    try {
      const answer = await callAny('cluster/member/add', { peerURLs: [peerUrl], isLearner });
      return readMember((answer as { member: MemberObject }).member);
    } catch (error) {
      // It may have been added already: by a call whose answer got lost, or by a knest that was killed.
      const known = await members().catch(() => []);
      const added = known.find(({ peerUrls }) => peerUrls.includes(peerUrl));
      if (added) return added;
      throw error;
    }
  };

  const moveLeader = async (id: string): Promise<void> => {
    // only the leader can hand over
    const known = await Promise.all(
      endpoints.map(async (endpoint) => ({
        endpoint,
        status: await status(endpoint).catch(() => undefined),
      })),
    );
    const leading = known.find((one) => one.status !== undefined && one.status.leader === one.status.id);
    if (!leading)
      throw new KnestError('etcd has no leader that answers', { code: 'QUORUM_LOSS', hint: noQuorumHint });
    if (leading.status?.id === id) return;
    await call(leading.endpoint, 'maintenance/transfer-leadership', { targetID: id });
  };

  const snapshot = async (endpoint: string, signal?: AbortSignal): Promise<Readable> => {
    const path = 'maintenance/snapshot';
    const url = new URL(`/v3/${path}`, endpoint);
    const answer = await connections.open(url, { method: 'POST', body: {}, ...(signal ? { signal } : {}) });
    if ((answer.statusCode ?? 0) < 400) {
      return Readable.from(snapshotBytes(answer, endpoint), { objectMode: false });
    }
    const text = await readAll(answer);
    const { code = 0, message = text.slice(0, 200) } = (parseObject(text) ?? {}) as Refusal;
    throw new EtcdError(endpoint, path, code, message);
  };

  /** One page after the other, all of the same moment. */
  async function* keys(prefix: string): AsyncGenerator<KeyValue> {
    const { key: first, range_end } = beginningWith(prefix);
    let key = first;
    let revision: string | undefined;
    for (;;) {
      const body = { key, range_end, limit: keysPerPage, ...(revision === undefined ? {} : { revision }) };
      const page = (await callAny('kv/range', body)) as RangeAnswer;
      revision ??= page.header?.revision;
      const found = readKeys(page);
      yield* found;
      const last = found.at(-1);
      if (!page.more || !last) return;
      // the next key that there can be
      key = encoded(`${last.key}\0`);
    }
  }

  return {
    endpoints,
    members,
    status,
    count: async (endpoint, { local = false, revision } = {}) => {
      const body = {
        ...allKeys,
        count_only: true,
        serializable: local,
        ...(revision === undefined ? {} : { revision }),
      };
      return readCount((await call(endpoint, 'kv/range', body)) as RangeAnswer);
    },
    snapshot,
    keys,
    put: async (key, value) => {
      await callAny('kv/put', { key: encoded(key), value: encoded(value) });
    },
    deleteKey: async (key) => {
      await callAny('kv/deleterange', { key: encoded(key) });
    },
    alarms: async () => {
      const answer = (await callAny('maintenance/alarm', { action: 'GET' })) as { alarms?: AlarmObject[] };
      return (answer.alarms ?? []).map(readAlarm);
    },
    addLearner: (peerUrl) => add(peerUrl, true),
    addMember: (peerUrl) => add(peerUrl, false),
    promote: async (id) => {
      await callAny('cluster/member/promote', { ID: id });
    },
    moveTo: async (id, peerUrl) => {
      await callAny('cluster/member/update', { ID: id, peerURLs: [peerUrl] });
    },
    remove: async (id) => {
      try {
        await callAny('cluster/member/remove', { ID: id });
      } catch (error) {
        if (!(error instanceof EtcdError && error.grpcCode === notFound)) throw error;
      }
    },
    moveLeader,
    close: () => {
      connections.close();
    },
  };
}

const noQuorumHint = 'start its other members: knest status cluster shows which do not run';

function nobodyAnswers(endpoints: readonly string[], failures: readonly unknown[]): KnestError {
  return new KnestError('no member of etcd answers', {
    code: 'QUORUM_LOSS',
    details: failures.map((error, index) => `${endpoints[index] ?? ''}: ${messageOf(error)}`),
    hint: noQuorumHint,
  });
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

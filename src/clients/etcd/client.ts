import { KnestError, messageOf } from '../../errors.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { clientCredentials } from '../credentials.ts';
import { httpsConnections } from '../https.ts';
import type { ConnectionOptions } from '../https.ts';
import { readAlarm, readMember, readStatus } from './objects.ts';
import type {
  AlarmObject,
  EtcdAlarm,
  EtcdMember,
  EtcdMemberStatus,
  MemberObject,
  StatusObject,
} from './objects.ts';

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
  close(): void;
}

/** Name of the certificate that the control planes and knest ask with; etcd gives every client all rights. */
const clientCertificate = 'etcd-healthcheck-client';

/** gRPC: "unavailable". From etcd: no leader, timed out, not all members connected; another member may do better. */
const unavailable = 14;
/** gRPC: "not found". */
const notFound = 5;

/** A member of etcd answered, and said no. */
export class EtcdError extends KnestError {
  /** Of gRPC: 5 not found, 9 not in the state for it, 14 unavailable for now. */
  readonly grpcCode: number;

  constructor(endpoint: string, path: string, grpcCode: number, message: string) {
    super(`etcd at ${endpoint}: ${path}: ${message}`, { code: 'REQUEST_REFUSED' });
    this.grpcCode = grpcCode;
  }
}

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
    const { code = 0, message = text.slice(0, 200) } = (answer ?? {}) as { code?: number; message?: string };
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

  return {
    endpoints,
    members,
    status,
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

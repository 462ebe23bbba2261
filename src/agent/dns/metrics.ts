import type { ForwardCounts } from './forward.ts';
import type { ServerCounts } from './server.ts';
import { rcodes } from './wire.ts';

export interface DnsCounts {
  server: ServerCounts;
  forward: ForwardCounts;
  store: { namespaces: number; services: number; slices: number };
  /** Bytes. */
  residentMemory: number;
  /** Seconds. */
  cpu: number;
}

/** Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats). */
export function renderMetrics({ server, forward, store, residentMemory, cpu }: DnsCounts): string {
  const codes = Object.fromEntries(Object.entries(rcodes).map(([name, code]) => [code, name]));
  return [
    metric('knest_dns_requests_total', 'counter', 'Questions received.', [
      ['{proto="udp"}', server.udp],
      ['{proto="tcp"}', server.tcp],
    ]),
    metric(
      'knest_dns_responses_total',
      'counter',
      'Answers given, by response code.',
      Object.entries(server.rcodes).map(([code, count]) => [
        `{rcode="${codes[Number(code)] ?? code}"}`,
        count,
      ]),
    ),
    metric('knest_dns_repeated_total', 'counter', 'Answers that had been made before.', [
      ['', server.repeated],
    ]),
    metric('knest_dns_forward_requests_total', 'counter', 'Questions to other servers.', [
      ['', forward.asked],
    ]),
    metric('knest_dns_forward_failures_total', 'counter', 'Those without a usable answer.', [
      ['', forward.failed],
    ]),
    metric('knest_dns_forward_refused_total', 'counter', 'Questions given up as too many were waiting.', [
      ['', forward.refused],
    ]),
    metric('knest_dns_cache_hits_total', 'counter', 'Questions for other servers answered from memory.', [
      ['', forward.hits],
    ]),
    metric('knest_dns_cache_misses_total', 'counter', 'Those that were not.', [['', forward.misses]]),
    metric('knest_dns_cache_entries', 'gauge', 'Answers of other servers in memory.', [
      ['', forward.entries],
    ]),
    metric(
      'knest_dns_objects',
      'gauge',
      'Objects of the cluster that are known.',
      Object.entries(store).map(([kind, count]) => [`{kind="${kind}"}`, count]),
    ),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory size.', [['', residentMemory]]),
    metric('process_cpu_seconds_total', 'counter', 'CPU time spent.', [['', cpu]]),
  ].join('');
}

function metric(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  values: readonly (readonly [labels: string, value: number])[],
): string {
  const lines = values.map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

/** Why a program ended, from what it printed: Go programs bury the one line that says it under their stacks. */

import { stripVTControlCharacters } from 'node:util';

/** Characters of a reason; more is a dump in one line. */
const longest = 400;

/** klog (Kubernetes): "F1127 09:21:00.123456       1 server.go:198] failed to ..." */
const klog = /^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [^\]]+\] (.*)$/;
/** capnslog (etcd 3.4): "2026-11-27 09:21:00.123456 C | etcdmain: listen tcp ..." */
const capnslog = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ ([A-Z]) \| (.*)$/;
/** logrus (containerd): time="..." level=fatal msg="..." error="..." */
const logrus = /^time=\S+ level=(\w+) (.*)$/;
/** What systemd says of the unit whose journal it is. */
const ofSystemd =
  /^(Started|Starting|Stopped|Stopping|Failed to start|Scheduled|[\w@.-]+\.service: (Main process exited|Failed with result|Scheduled restart|Deactivated|Consumed|Start request))/;

type Severity = 'fatal' | 'error' | 'other';

interface Line {
  severity: Severity;
  text: string;
}

/** Journal lines without the stacks of goroutines and registers that Go prints when a program dies. */
export function withoutDumps(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let inDump = false;
  for (const raw of lines) {
    const line = stripVTControlCharacters(raw);
    if (/^goroutine \d+ \[/.test(line)) inDump = true;
    else if (inDump && (isLogLine(line) || ofSystemd.test(line))) inDump = false;
    if (!inDump && line.trim() !== '') kept.push(line);
  }
  return kept;
}

function isLogLine(line: string): boolean {
  return klog.test(line) || capnslog.test(line) || logrus.test(line) || line.startsWith('{"level":');
}

/**
 * The line that says why: the last fatal one, else the last error, else the last line that the program printed, each
 * without the time and the place in its source.
 * @param lines the end of the journal of its unit
 * @returns undefined: the program printed nothing
 */
export function failureReason(lines: readonly string[]): string | undefined {
  const said = withoutDumps(lines)
    .filter((line) => !ofSystemd.test(line))
    .map(read);
  const found =
    said.findLast(({ severity }) => severity === 'fatal') ??
    said.findLast(({ severity }) => severity === 'error') ??
    said.at(-1);
  if (!found) return undefined;
  return found.text.length > longest ? `${found.text.slice(0, longest)} ...` : found.text;
}

function read(line: string): Line {
  const [, letter, klogText] = klog.exec(line) ?? [];
  if (klogText !== undefined) return { severity: letters[letter ?? ''] ?? 'other', text: klogText };
  const [, level, capnslogText] = capnslog.exec(line) ?? [];
  if (capnslogText !== undefined) return { severity: letters[level ?? ''] ?? 'other', text: capnslogText };
  const [, word, fields] = logrus.exec(line) ?? [];
  if (fields !== undefined) return { severity: levels[word ?? ''] ?? 'other', text: logrusText(fields) };
  if (line.startsWith('{"level":')) return zapLine(line);
  if (/^(panic|fatal error): /.test(line)) return { severity: 'fatal', text: line };
  if (/^error: /i.test(line)) return { severity: 'error', text: line.replace(/^error: /i, '') };
  return { severity: 'other', text: line.trim() };
}

const letters: Readonly<Record<string, Severity>> = { F: 'fatal', C: 'fatal', E: 'error' };
const levels: Readonly<Record<string, Severity>> = { fatal: 'fatal', panic: 'fatal', error: 'error' };

function logrusText(fields: string): string {
  const valueOf = (name: string): string | undefined => {
    const [, quoted, plain] =
      new RegExp(`(?:^| )${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|(\\S+))`).exec(fields) ?? [];
    return quoted?.replace(/\\(.)/g, '$1') ?? plain;
  };
  return joined(valueOf('msg') ?? fields, valueOf('error'));
}

/** zap (etcd 3.5): {"level":"fatal","ts":"...","msg":"discovery failed","error":"..."} */
function zapLine(line: string): Line {
  try {
    const { level, msg, error } = JSON.parse(line) as Record<string, unknown>;
    const text = joined(String(msg), typeof error === 'string' ? error : undefined);
    return { severity: levels[String(level)] ?? 'other', text };
  } catch {
    return { severity: 'other', text: line };
  }
}

function joined(message: string, error: string | undefined): string {
  return error === undefined || message.includes(error) ? message : `${message}: ${error}`;
}

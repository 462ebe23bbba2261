import type { Host } from '../host/types.ts';
import { rotationStages } from '../pki/rotate.ts';
import type { RotationStage } from '../pki/rotate.ts';
import { readRecord, recordVersion, writeRecord } from './record-file.ts';

const file = 'rotation.json';

/**
 * The stage that a rotation of authorities is in: begun, and perhaps not carried out everywhere.
 * @param folder the cluster's
 * @returns undefined: there is none
 */
export async function readRotation(
  host: Host,
  cluster: string,
  folder: string,
): Promise<RotationStage | undefined> {
  const found = await readRecord(host, cluster, `${folder}/${file}`);
  if (typeof found !== 'object' || found === null || !('stage' in found)) return undefined;
  return rotationStages.find((stage) => stage === found.stage);
}

export function writeRotation(host: Host, folder: string, stage: RotationStage): Promise<void> {
  return writeRecord(host, `${folder}/${file}`, { version: recordVersion, stage });
}

export function forgetRotation(host: Host, folder: string): Promise<void> {
  return host.remove(`${folder}/${file}`);
}

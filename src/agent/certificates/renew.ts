/**
 * Renews the certificates of a node that are about to end: a new certificate for the same key, with the same subject and
 * names. Control planes have what it takes to sign; other nodes ask them. Run by knest-certificates.timer.
 */

import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';

import { certificatesIn } from '../../pki/bundle.ts';
import { needsRenewal } from '../../pki/issue.ts';
import { openAuthority, renewCertificate } from '../../pki/x509.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { openApi } from '../kubernetes/open-api.ts';
import { log, reasonOf } from '../log.ts';
import { readCertificatesConfig } from './config.ts';
import type { CertificatesConfig } from './config.ts';
import { forgetRestart, noteRestarts, readPki, restartsLeft, writeCertificate } from './files.ts';
import { requestRenewal } from './request.ts';

/** What is around it; others in tests. */
export interface Surroundings {
  now: Date;
  openApi: () => Promise<KubernetesClient>;
  restart: (unit: string) => Promise<void>;
}

/** @throws Error when one of them could not be renewed, or a unit not restarted; the others are */
export async function renewCertificates(path: string): Promise<void> {
  const config = await readCertificatesConfig(path);
  await renewDue(config, {
    now: new Date(),
    openApi: () => openApi(config.api),
    restart: async (unit) => {
      await promisify(execFile)('systemctl', ['try-restart', '--', unit]);
    },
  });
}

/**
 * Renews what is due. What one run leaves undone, the next one does.
 * @returns names of those that were renewed
 * @throws Error when one of them could not be renewed, or a unit not restarted; the others are
 */
export async function renewDue(config: CertificatesConfig, around: Surroundings): Promise<string[]> {
  const renewed: string[] = [];
  const failures: string[] = [];
  for (const { name, restart = [] } of await dueCertificates(config, around.now)) {
    try {
      const present = (await readPki(config, `${name}.crt`)) ?? '';
      const fresh = await renewedCertificate(config, name, present, around);
      await noteRestarts(config, restart);
      await writeCertificate(config, name, fresh);
      renewed.push(name);
      log.info(
        `${name} is renewed: good until ${new Date(new X509Certificate(fresh).validTo).toISOString()}`,
      );
    } catch (error) {
      failures.push(`${name}: ${reasonOf(error)}`);
    }
  }
  for (const unit of await restartsLeft(config)) {
    try {
      await around.restart(unit);
      await forgetRestart(config, unit);
      log.info(`${unit} is restarted: it reads its certificate only when it starts`);
    } catch (error) {
      failures.push(`${unit}: ${reasonOf(error)}`);
    }
  }
  if (failures.length > 0) throw new Error(`not renewed: ${failures.join('; ')}`);
  return renewed;
}

/** Certificates of the folder that end soon. One that is missing or broken is for knest to mend. */
async function dueCertificates(
  config: CertificatesConfig,
  now: Date,
): Promise<CertificatesConfig['certificates']> {
  const due: CertificatesConfig['certificates'][number][] = [];
  for (const certificate of config.certificates) {
    const pem = await readPki(config, `${certificate.name}.crt`);
    if (pem !== undefined && needsRenewal(pem, now, config.renewBefore)) due.push(certificate);
  }
  return due;
}

async function renewedCertificate(
  config: CertificatesConfig,
  name: string,
  present: string,
  { now, openApi: open }: Surroundings,
): Promise<string> {
  if (config.authorities.length > 0) return signHere(config, present, now);
  const key = (await readPki(config, `${name}.key`)) ?? '';
  const api = await open();
  try {
    const fresh = await requestRenewal(api, { node: config.node, name, certificate: present, key });
    const { publicKey, subject } = new X509Certificate(present);
    const answer = new X509Certificate(fresh);
    if (!answer.publicKey.equals(publicKey) || answer.subject !== subject)
      throw new Error('the certificate that came back is another one');
    return fresh;
  } finally {
    api.close();
  }
}

/** By the authority that has signed the present one, also where its key is about to be exchanged. */
async function signHere(config: CertificatesConfig, present: string, now: Date): Promise<string> {
  const opened = new X509Certificate(present);
  for (const authority of config.authorities) {
    const trusted = await readPki(config, `${authority}.crt`);
    const key = await readPki(config, `${authority}.key`);
    if (trusted === undefined || key === undefined) continue;
    if (!certificatesIn(trusted).some(({ publicKey }) => opened.verify(publicKey))) continue;
    return renewCertificate(present, openAuthority({ certificate: trusted, key }), {
      now,
      seconds: config.validity,
    });
  }
  throw new Error('no authority of this cluster has signed it');
}

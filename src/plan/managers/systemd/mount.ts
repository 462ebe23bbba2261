import { renderExplainedUnit } from '../../../formats/explained-unit.ts';
import { escapeUnitValue } from '../../../formats/unit-name.ts';
import { written } from './names.ts';

export interface OverlayMountInput {
  machine: string;
  cluster: string;
  root: string;
  upper: string;
  work: string;
  /** Topmost first. */
  lower: readonly string[];
}

/**
 * Text of the .mount unit for a machine's root file system. systemd-nspawn@.service has RequiresMountsFor= for this
 * path and so pulls it in by itself.
 */
export function overlayMount({ machine, cluster, root, upper, work, lower }: OverlayMountInput): string {
  const folders = [upper, work, ...lower];
  return renderExplainedUnit(
    `${written} for cluster ${cluster}. The root file system of the machine ${machine}: what it has changed (upperdir), ` +
      'over read-only layers that all machines share (lowerdir, the topmost first).',
    {
      Unit: [
        { key: 'Description', value: `Root file system of ${machine}` },
        { key: 'RequiresMountsFor', value: folders.map(escapeUnitValue).join(' ') },
      ],
      Mount: [
        { key: 'What', value: 'overlay' },
        { key: 'Where', value: escapeUnitValue(root) },
        { key: 'Type', value: 'overlay' },
        {
          key: 'Options',
          value: escapeUnitValue(`lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`),
        },
      ],
    },
  );
}

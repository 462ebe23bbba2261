import { describe, expect, it } from 'vitest';

import { InputError, problemSentence } from '../../src/errors.ts';
import { parseLock, renderLock } from '../../src/spec/lock.ts';
import { lockedComponent, someLock } from '../fixtures/lock.ts';

const text = renderLock(someLock());

/** What is wrong with a lock, one line each. */
function problems(changed: string): string[] {
  try {
    parseLock(changed, 'knest.lock');
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(problemSentence);
    throw error;
  }
  throw new Error('no problem was found');
}

describe('a lock', () => {
  it('is the same when it is read again, and always written in the same way', () => {
    const read = parseLock(text, 'knest.lock');
    expect(read).toEqual(someLock());
    expect(renderLock(read)).toBe(text);
  });

  it('holds every kind of layer', () => {
    const lock = someLock({ layers: [...someLock().layers, lockedComponent()] });
    expect(parseLock(renderLock(lock), 'knest.lock')).toEqual(lock);
  });

  it('gives each package a line of its own', () => {
    const lines = text.split('\n').filter((line) => line.includes('.deb'));
    expect(lines.map((line) => line.trim().slice(0, 40))).toEqual([
      '- {name: bash, version: 1.0-1, arch: amd',
      '- {name: curl, version: 8.14.1-2+deb13u7',
    ]);
    expect(lines.every((line) => line.endsWith('}'))).toBe(true);
  });

  it('is refused with the line of what is wrong', () => {
    expect(problems(text.replace('a'.repeat(64), 'a'.repeat(63)))).toEqual([
      'knest.lock:14:51  layers[0].packages[0].sha256: must be a sha256 of 64 hexadecimal digits',
    ]);
  });

  it('of a newer format is for a newer knest', () => {
    expect(problems(text.replace('version: 1\n', 'version: 2\n'))).toEqual([
      'knest.lock:3:1  version: 2 is the format of a newer knest; this one knows 1',
    ]);
  });

  it('with a kind of layer that this knest does not know is refused', () => {
    expect(problems(text.replace('kind: images', 'kind: kernel'))[0]).toMatch(/layers\[2\]\.kind: /);
  });

  it.each(['../../etc/x.deb', '/etc/x.deb', 'pool/./x.deb', 'pool/x y.deb', 'pool/x', 'pool//x.deb'])(
    'does not lead out of a mirror: %s',
    (path) => {
      expect(problems(text.replace('pool/main/b/bash/bash_1.0-1_amd64.deb', path))[0]).toContain(
        'layers[0].packages[0].path: must be the path of a package',
      );
    },
  );

  it.each([';reboot', '-o x', 'a b'])('has no packages that are something else: %s', (name) => {
    expect(problems(text.replace('{name: bash', `{name: "${name}"`))[0]).toContain(
      'layers[0].packages[0].name: must be the name of a Debian package',
    );
  });
});

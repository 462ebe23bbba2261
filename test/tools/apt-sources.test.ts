import { describe, expect, it } from 'vitest';

import {
  aptSourceLines,
  findMirrors,
  parseAptSources,
  renderAptSources,
} from '../../src/tools/apt-sources.ts';

const mirror = 'http://mirror.example/debian';
const securityMirror = 'http://mirror.example/debian-security';

describe('apt sources', () => {
  it('renders updates and security of a suite that has them', () => {
    expect(renderAptSources({ suite: 'trixie', mirror, securityMirror })).toMatchInlineSnapshot(`
      "Types: deb
      URIs: http://mirror.example/debian
      Suites: trixie trixie-updates
      Components: main
      Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

      Types: deb
      URIs: http://mirror.example/debian-security
      Suites: trixie-security
      Components: main
      Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
      "
    `);
  });

  it('renders unstable alone', () => {
    expect(aptSourceLines({ suite: 'sid', mirror, securityMirror })).toEqual([`deb ${mirror} sid main`]);
    expect(renderAptSources({ suite: 'sid', mirror, securityMirror })).toMatch(/^Suites: sid$/m);
  });

  it('takes the lists of a snapshot, which are past their day', () => {
    const snapshot = 'https://snapshot.example/archive/debian/20260101T000000Z';
    expect(aptSourceLines({ suite: 'sid', mirror: snapshot, securityMirror: undefined })).toEqual([
      `deb [check-valid-until=no] ${snapshot} sid main`,
    ]);
    expect(renderAptSources({ suite: 'sid', mirror: snapshot, securityMirror: undefined })).toMatch(
      /^Check-Valid-Until: no$/m,
    );
  });

  it('leaves security out where no mirror of it is known', () => {
    const sources = { suite: 'trixie', mirror, securityMirror: undefined };
    expect(aptSourceLines(sources)).toEqual([
      `deb ${mirror} trixie main`,
      `deb ${mirror} trixie-updates main`,
    ]);
    expect(renderAptSources(sources, ['deb', 'deb-src'])).toMatch(/^Types: deb deb-src$/m);
  });

  it('reads back what it renders', () => {
    const sources = { suite: 'bookworm', mirror, securityMirror };
    expect(findMirrors(parseAptSources(renderAptSources(sources)), 'bookworm')).toEqual({
      mirror,
      securityMirror,
    });
  });

  it.each([
    [
      'mmdebstrap 1.3',
      `deb ${mirror} trixie main\ndeb ${mirror} trixie-updates main\ndeb ${securityMirror} trixie-security main\n`,
    ],
    [
      'options',
      `# a comment\ndeb [signed-by=/usr/share/keyrings/x.gpg] ${mirror} trixie main\ndeb-src ${mirror} trixie main\n`,
    ],
    [
      'deb822',
      `Types: deb deb-src\nURIs: ${mirror}\nSuites: trixie trixie-updates\nComponents: main\nSigned-By:\n -----BEGIN\n`,
    ],
  ])('finds the mirror as written by others: %s', (_, text) => {
    expect(findMirrors(parseAptSources(text), 'trixie').mirror).toBe(mirror);
  });

  it('ignores disabled and source-only stanzas', () => {
    const text = `Enabled: no\nTypes: deb\nURIs: ${mirror}\nSuites: trixie\n\nTypes: deb-src\nURIs: ${mirror}\nSuites: trixie\n`;
    expect(parseAptSources(text)).toEqual([]);
  });
});

/** apt-get(8) and apt-config(8), asked where the host gets its own Debian packages. */

/** One target of `apt-get indextargets`: an index file of a configured source. */
export interface IndexTarget {
  uri: string;
  release: string;
  component: string;
  /** Origin and label come from the Release file: empty when the host has no package lists. */
  origin: string;
  label: string;
}

/** Fields: /usr/share/doc/apt/acquire-additional-files.md.gz of apt-doc. Tabs between, because one may be empty. */
export const indexTargetsCommand = [
  'apt-get',
  'indextargets',
  '--format',
  '$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(ORIGIN)\t$(LABEL)',
  'Created-By: Packages',
] as const;

export function parseIndexTargets(text: string): IndexTarget[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      // without package lists apt 2.6 prints the placeholder itself: $(ORIGIN)
      const fields = line.split('\t').map((field) => (field.startsWith('$(') ? '' : field));
      const [uri = '', release = '', component = '', origin = '', label = ''] = fields;
      return { uri, release, component, origin, label };
    });
}

/** Prints `PROXY='value'` when it is set, else nothing. */
export const proxyCommand = ['apt-config', 'shell', 'PROXY', 'Acquire::http::Proxy'] as const;

export function parseProxy(text: string): string | undefined {
  const value = /^PROXY='(.*)'$/m.exec(text)?.[1];
  return value === undefined || value === '' || value === 'DIRECT' ? undefined : value;
}

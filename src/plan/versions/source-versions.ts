/** Debian suites whose source package `kubernetes` holds all components, and the version that it is. */
export interface DebianSource {
  suite: string;
  /** Upstream's version, which the components report. */
  version: string;
}

/** Newest first. Later suites' `kubernetes` is kubectl only. */
export const debianSources: readonly DebianSource[] = [{ suite: 'bookworm', version: 'v1.20.2' }];

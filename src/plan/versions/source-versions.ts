/** Debian suites whose source package `kubernetes` holds all components, and the version that it is. */
export interface DebianSource {
  suite: string;
  /** Upstream's version, which the components report. */
  version: string;
  /** Upstream's commit of that version, which they report as well; tools expect one (conformance: "Kubectl version"). */
  commit: string;
}

/** Newest first. Later suites' `kubernetes` is kubectl only. */
export const debianSources: readonly DebianSource[] = [
  { suite: 'bookworm', version: 'v1.20.2', commit: 'faecb196815e248d3ecfb03c680a4507229c2a56' },
];

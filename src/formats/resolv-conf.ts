/** resolv.conf(5). */

export interface ResolvConf {
  nameservers: readonly string[];
  searchDomains: readonly string[];
}

/** Reads name servers in order and the last `search` (or `domain`) line; a search domain "." says nothing. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let searchDomains: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) nameservers.push(values[0]);
    if (keyword === 'search' || keyword === 'domain')
      searchDomains = values.filter((domain) => domain !== '.');
  }
  return { nameservers, searchDomains };
}

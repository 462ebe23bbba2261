import { expect, it } from 'vitest';

import { deprecatedRequests, parseDeprecatedRequests } from '../../src/observe/deprecated-apis.ts';

const text = `# HELP apiserver_requested_deprecated_apis [ALPHA] Gauge of deprecated APIs
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="extensions",removed_release="1.22",resource="ingresses",subresource="",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="extensions",removed_release="1.22",resource="ingresses",subresource="status",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="",removed_release="",resource="componentstatuses",subresource="",version="v1"} 1
apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",resource="cronjobs",subresource="",version="v1beta1"} 0
apiserver_request_total{code="200",group="extensions",resource="ingresses",version="v1beta1"} 12
`;

it('reads what was asked for, each once', () => {
  expect(parseDeprecatedRequests(text)).toEqual([
    { group: 'extensions', version: 'v1beta1', resource: 'ingresses', removedIn: '1.22' },
    { group: '', version: 'v1', resource: 'componentstatuses', removedIn: undefined },
  ]);
});

it('asks the API server', async () => {
  const asked: string[] = [];
  const get = <T>(path: string): Promise<T> => {
    asked.push(path);
    return Promise.resolve('' as T);
  };
  expect(await deprecatedRequests({ get })).toEqual([]);
  expect(asked).toEqual(['/metrics']);
});

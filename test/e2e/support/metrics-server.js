/**
 * What metrics-server does, small: metrics.k8s.io of nodes, read from the kubelets. It trusts whom a pod would trust, says
 * who it is by a service account's token, and takes requests of the API server alone.
 *
 *     node metrics-server.js PORT CERTIFICATE KEY FRONT_PROXY_CA CLUSTER_CA TOKEN NODE=ADDRESS...
 */

import console from 'node:console';
import { readFileSync } from 'node:fs';
import { createServer, get } from 'node:https';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { URL } from 'node:url';

const [port, cert, key, frontProxyCa, ca, token, ...nodes] = process.argv.slice(2);
const group = '/apis/metrics.k8s.io/v1beta1';

/** A line is "name value milliseconds". */
function read(text, metric) {
  const line = text.split('\n').find((one) => one.startsWith(`${metric} `));
  if (!line) throw new Error(`the kubelet says nothing of ${metric}`);
  const [, value, time] = line.split(' ');
  return { value: Number(value), time: Number(time) };
}

function ask(address) {
  const headers = { authorization: `Bearer ${readFileSync(token, 'utf8').trim()}` };
  const options = { ca: readFileSync(ca), headers };
  return new Promise((resolve, reject) => {
    get(`https://${address}:10250/metrics/resource`, options, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`kubelet of ${address}: ${response.statusCode} ${text}`));
      });
    }).on('error', reject);
  });
}

/** Node -> its last two readings. The kubelet looks every ten seconds or so, and says when it has looked. */
const readings = new Map();

async function keepReading(node) {
  const [name, address] = node.split('=');
  for (;;) {
    try {
      const text = await ask(address);
      const cpu = read(text, 'node_cpu_usage_seconds_total');
      const memory = read(text, 'node_memory_working_set_bytes');
      const [, last] = readings.get(name) ?? [];
      if (last?.cpu.time !== cpu.time) readings.set(name, [last, { cpu, memory }]);
    } catch (error) {
      console.log(error);
    }
    await sleep(1000);
  }
}

function metricsOf([name, [before, after]]) {
  const seconds = (after.cpu.time - before.cpu.time) / 1000;
  return {
    metadata: { name },
    timestamp: new Date(after.cpu.time).toISOString(),
    window: `${seconds}s`,
    usage: {
      cpu: `${Math.round(((after.cpu.value - before.cpu.value) / seconds) * 1e9)}n`,
      memory: `${Math.round(after.memory.value / 1024)}Ki`,
    },
  };
}

function answer(path) {
  if (path === group) {
    const verbs = ['get', 'list'];
    const resources = [{ name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs }];
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'metrics.k8s.io/v1beta1', resources };
  }
  if (path !== `${group}/nodes`) return undefined;
  const items = [...readings].filter(([, [before]]) => before).map(metricsOf);
  return { kind: 'NodeMetricsList', apiVersion: 'metrics.k8s.io/v1beta1', metadata: {}, items };
}

const options = {
  cert: readFileSync(cert),
  key: readFileSync(key),
  // the aggregation layer's promise: requests come with its certificate, and with the user's name in a header
  ca: readFileSync(frontProxyCa),
  requestCert: true,
  rejectUnauthorized: true,
};

createServer(options, (request, response) => {
  const end = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (!request.headers['x-remote-user']) return end(401, { message: 'nobody in particular is asking' });
  const body = answer(new URL(request.url, 'https://localhost').pathname);
  return body ? end(200, body) : end(404, { message: 'no such thing' });
}).listen(Number(port));
for (const node of nodes) void keepReading(node);

/** The far end of a loopback host: a program of its own that speaks on its standard streams. */

import { localHost } from './local.ts';
import { serveHost } from './remote/remote-server.ts';

await serveHost(localHost(), process.stdin, process.stdout);
// at once: who looks whether a lock's holder lives must not find this process any more
process.exit();

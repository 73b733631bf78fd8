// The servers that third parties run for tests, beside the echo server: HTTP and iperf3.

import { join } from 'node:path';
import type { Lab } from './lab.ts';
import type { RunningProcess } from './processes.ts';
import type { Box } from './topology.ts';

/** The `length` octets that the HTTP server answers for `/length`: a reproducible noise. */
export const bodyOf = (length: number): Buffer => {
  const body = Buffer.alloc(length);
  let state = length >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    body[i] = state >>> 24;
  }
  return body;
};

/** Starts an HTTP server in `box`, see `http-server.ts`. */
export const startHttp = async (lab: Lab, box: Box, port = 80, address = '0.0.0.0'): Promise<RunningProcess> => {
  const script = join(import.meta.dirname, 'http-server.ts');
  const server = lab.spawn(box, [process.execPath, script, address, `${port}`], { log: `http-${box}-${port}.log` });
  await lab.listening(box, 'tcp', port);
  return server;
};

/** Starts an iperf3 server in `box`; it serves one client at a time. */
export const startIperf = async (lab: Lab, box: Box, port: number): Promise<RunningProcess> => {
  const server = lab.spawn(box, ['iperf3', '-s', '-p', `${port}`], { log: `iperf3-${box}-${port}.log` });
  await lab.listening(box, 'tcp', port);
  return server;
};

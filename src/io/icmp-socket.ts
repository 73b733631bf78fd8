// A raw ICMP socket of the host, for probes: whoever may open one can send an echo request without the command `ping`, and see the
// requests that others send here. A `UdpQueue` serves it; the ports in its endpoints mean nothing, and what is received begins with
// the IPv4 header while what is sent does not.

import { Errno, systemError } from './errno.ts';
import * as native from './native.ts';
import { Family } from './socket-address.ts';

const SOCK_RAW_CLOEXEC_NONBLOCK = 3 | 0o2000000 | 0o4000;
const IPPROTO_ICMP = 1;

/** An open socket, see {@link openIcmpSocket}. */
export interface IcmpSocket {
  readonly fd: number;
  readonly family: Family;
  close(): void;
}

/** Opens a socket that gets every ICMP message for this host and sends its own. @throws {GatewayError} ERR_SOCKET */
export const openIcmpSocket = (): IcmpSocket => {
  const fd = native.socket(Family.inet, SOCK_RAW_CLOEXEC_NONBLOCK, IPPROTO_ICMP);
  if (fd < 0) {
    const number = native.errno();
    const cure = number === Errno.EPERM ? 'it takes root or CAP_NET_RAW' : undefined;
    throw systemError('ERR_SOCKET', 'socket', 'raw ICMP', number, cure);
  }
  return { fd, family: Family.inet, close: () => void native.close(fd) };
};

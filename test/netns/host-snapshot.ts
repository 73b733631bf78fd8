// Everything about the gateway's host that a gateway could leave changed.

import type { Lab } from './lab.ts';
import type { Box } from './topology.ts';

const COMMANDS: readonly (readonly string[])[] = [
  ['ip', '-d', 'link'],
  ['ip', 'address'],
  ['ip', '-4', 'rule'],
  ['ip', '-6', 'rule'],
  ['ip', '-4', 'route', 'show', 'table', 'all'],
  ['ip', '-6', 'route', 'show', 'table', 'all'],
  ['nft', 'list', 'ruleset'],
  ['sysctl', '-a', '-r', '^net\\.ipv[46]\\.(conf|ip_|fwmark|icmp|tcp_|udp_)'],
  ['ss', '-Hlnptu'],
];

/** The state of `box` as text: devices, addresses, rules, routes, packet filters, kernel settings, listeners. */
export const hostSnapshot = async (lab: Lab, box: Box = 'gw'): Promise<string> => {
  const texts = await Promise.all(COMMANDS.map(async (argv) => `== ${argv.join(' ')}\n${await lab.run(box, argv)}`));
  return texts.join('\n').replaceAll(/(valid|preferred)_lft \w+|expires \w+/g, '');
};

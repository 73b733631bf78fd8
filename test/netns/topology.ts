// The network of the laboratory: one namespace a box. Every link is a veth pair whose ends are named for the far side. Third
// parties and the gateway have public (documentation) addresses and no route to any tunnel; each client sits behind a router of
// its own that masquerades.
//
//   c1 ── n1 ──┐            ┌── r1   203.0.113.10, .11
//              ├── isp ─────┤
//   c2 ── n2 ──┘     │      └── r2   203.0.113.42
//                    └── gw   192.0.2.2; 198.51.100.0/24 is routed to it

/** A box of the laboratory. */
export type Box = 'gw' | 'isp' | 'r1' | 'r2' | 'n1' | 'n2' | 'c1' | 'c2';
/** A client's box. */
export type ClientBox = 'c1' | 'c2';

export const BOXES: readonly Box[] = ['isp', 'gw', 'r1', 'r2', 'n1', 'n2', 'c1', 'c2'];

/** Addresses that tests speak of. */
export const ADDRESS = {
  gw: '192.0.2.2',
  gw6: '2001:db8:0:1::2',
  isp: '192.0.2.1',
  r1: '203.0.113.10',
  r1b: '203.0.113.11',
  r2: '203.0.113.42',
  n1: '192.0.2.18',
  n2: '192.0.2.34',
  c1: '10.1.0.2',
  c2: '10.2.0.2',
} as const;

/** What is routed to the gateway as its pool, and where the third parties live. */
export const PREFIX = { pool: '198.51.100.0/24', thirdParties: '203.0.113.0/24' } as const;

/** Inner addresses: the gateway's own and one a client. */
export const INNER = { gw: '10.99.0.1', c1: '10.99.0.2', c2: '10.99.0.3' } as const;

/** The router of a client. */
export const routerOf = (client: ClientBox): 'n1' | 'n2' => (client === 'c1' ? 'n1' : 'n2');

/** The `n`th public address of a client's router, counted from 0; there are ten. */
export const publicAddress = (client: ClientBox, n: number): string =>
  `192.0.2.${(client === 'c1' ? 18 : 34) + (n % 10)}`;
/** The same of IPv6. */
export const publicAddress6 = (client: ClientBox, n: number): string =>
  `2001:db8:0:${client === 'c1' ? 2 : 3}::${(n % 10) + 2}`;

interface Link {
  readonly a: Box;
  readonly b: Box;
  readonly aAddresses: readonly string[];
  readonly bAddresses: readonly string[];
}

const LINKS: readonly Link[] = [
  {
    a: 'isp',
    b: 'gw',
    aAddresses: ['192.0.2.1/29', '2001:db8:0:1::1/64'],
    bAddresses: ['192.0.2.2/29', '2001:db8:0:1::2/64'],
  },
  {
    a: 'isp',
    b: 'n1',
    aAddresses: ['192.0.2.17/28', '2001:db8:0:2::1/64'],
    bAddresses: ['192.0.2.18/28', '2001:db8:0:2::2/64'],
  },
  {
    a: 'isp',
    b: 'n2',
    aAddresses: ['192.0.2.33/28', '2001:db8:0:3::1/64'],
    bAddresses: ['192.0.2.34/28', '2001:db8:0:3::2/64'],
  },
  { a: 'isp', b: 'r1', aAddresses: ['203.0.113.1/27'], bAddresses: ['203.0.113.10/27', '203.0.113.11/27'] },
  { a: 'isp', b: 'r2', aAddresses: ['203.0.113.33/27'], bAddresses: ['203.0.113.42/27'] },
  { a: 'n1', b: 'c1', aAddresses: ['10.1.0.1/24', 'fd00:1::1/64'], bAddresses: ['10.1.0.2/24', 'fd00:1::2/64'] },
  { a: 'n2', b: 'c2', aAddresses: ['10.2.0.1/24', 'fd00:2::1/64'], bAddresses: ['10.2.0.2/24', 'fd00:2::2/64'] },
];

const DEFAULT_ROUTES: readonly (readonly [Box, string])[] = [
  ['gw', '192.0.2.1'],
  ['gw', '2001:db8:0:1::1'],
  ['n1', '192.0.2.17'],
  ['n1', '2001:db8:0:2::1'],
  ['n2', '192.0.2.33'],
  ['n2', '2001:db8:0:3::1'],
  ['r1', '203.0.113.1'],
  ['r2', '203.0.113.33'],
  ['c1', '10.1.0.1'],
  ['c1', 'fd00:1::1'],
  ['c2', '10.2.0.1'],
  ['c2', 'fd00:2::1'],
];

/** Boxes that forward for others. The gateway's box does not: that is for the gateway to switch on. */
export const ROUTERS: readonly Box[] = ['isp', 'n1', 'n2'];

/** Lines for `ip -batch` that build all links between the namespaces that `nameOf` names. */
export const linkCommands = (nameOf: (box: Box) => string): string[] =>
  LINKS.map(({ a, b }) => `link add ${b} netns ${nameOf(a)} type veth peer name ${a} netns ${nameOf(b)}`);

/** Lines for `ip -n NAMESPACE -batch` that give `box` its addresses and routes. */
export const boxCommands = (box: Box): string[] => {
  const lines = ['link set lo up'];
  for (const link of LINKS) {
    if (box !== link.a && box !== link.b) continue;
    const device = box === link.a ? link.b : link.a;
    lines.push(`link set ${device} up`);
    for (const address of box === link.a ? link.aAddresses : link.bAddresses) {
      lines.push(`addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`);
    }
  }
  for (const [owner, via] of DEFAULT_ROUTES) {
    if (owner === box) lines.push(`route add ${via.includes(':') ? '::/0' : 'default'} via ${via}`);
  }
  if (box === 'isp') lines.push(`route add ${PREFIX.pool} via ${ADDRESS.gw}`);
  return lines;
};

/** An nft script for a client's router. `ports` bounds the ports that clients appear from, such as `20000-20999`. */
export const masqueradeScript = (ports?: string): string => {
  const to = ports === undefined ? '' : ` to :${ports}`;
  return `table inet lab
delete table inet lab
table inet lab {
  chain post {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "isp" meta l4proto udp masquerade${to}
    oifname "isp" masquerade
  }
}
`;
};

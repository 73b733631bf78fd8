// egress: shared. Of all that comes to the host's own address, only what belongs to the reserved ports may reach the TUN device. nft
// marks it before routing; one policy rule sends marked packets to a table of its own. That rule must come before the kernel's table
// of local addresses, so the rule for that one moves from priority 0 to a later one, in an order that never leaves the host without it.
//
// ICMP has no ports: an echo reply belongs to the gateway by its query id, an error by the port or id in the packet it quotes. The
// queries of the host itself are remembered for a minute and their answers left alone. Errors that the kernel makes about packets from
// the TUN go to the host's own address, so they are marked on output as well.
//
// Packets from the TUN carry the host's own address as source. The mark and `src_valid_mark` let the reverse path check find the device
// by the same table, so that they pass whatever rp_filter says anywhere, and accept_local is not needed.

import { GatewayError } from '../base/errors.ts';
import type { PolicyRule } from './host-facts.ts';

/** Where the rules go and which bit of the mark they use. */
export interface SteeringPlan {
  readonly mark: number;
  /** Priority of the rule for marked packets. */
  readonly steerAt: number;
  /** New priority of the rule for local addresses; absent if that is late enough already. */
  readonly moveLocalTo?: number;
}

/** Whether `rule` treats a packet that bears `bit` alone as it does one without any mark. */
const isBlindTo = ({ mark, markMask }: PolicyRule, bit: number): boolean =>
  ((bit & markMask) >>> 0 === mark) === (mark === 0);

const MARKS: readonly number[] = [0x2000, 0x1000, 0x10_0000, 0x20_0000, 0x40_0000];
const STEER_AT = 10;
const LOCAL_AT = 20;

/** Finds priorities before all other rules and a bit of the mark that makes no difference to them. @throws {GatewayError} ERR_HOST_SETUP */
export const planSteering = (rules: readonly PolicyRule[]): SteeringPlan => {
  const mark = MARKS.find((bit) => rules.every((rule) => isBlindTo(rule, bit)));
  if (mark === undefined) {
    throw new GatewayError(
      'ERR_HOST_SETUP',
      'egress: shared needs a bit of the packet mark, and rules of this host use all of them (see `ip rule`); use egress: routed',
    );
  }
  const locals = rules.filter((rule) => rule.table === 'local' && rule.isUnconditional).map((rule) => rule.priority);
  const others = rules.map((rule) => rule.priority).filter((priority) => priority > 0);
  const first = Math.min(LOCAL_AT + 1, ...others);
  const moves = locals.includes(0);
  const steerAt = Math.min(STEER_AT, first - (moves ? 2 : 1));
  if (steerAt < 1 || (rules.some((rule) => rule.priority === 0) && !moves)) {
    throw new GatewayError(
      'ERR_HOST_SETUP',
      'egress: shared needs two free priorities before all other routing rules of this host; move the first of `ip rule` to 3 or later',
    );
  }
  return { mark, steerAt, ...(moves && { moveLocalTo: Math.min(LOCAL_AT, first - 1) }) };
};

const hex = (n: number): string => `0x${n.toString(16)}`;

/** The arguments of `ip rule add` or `del` for the rule about marked packets. */
export const steeringRule = ({ mark, steerAt }: SteeringPlan, table: number): readonly string[] => [
  'pref',
  `${steerAt}`,
  'fwmark',
  `${hex(mark)}/${hex(mark)}`,
  'lookup',
  `${table}`,
  ...KERNEL,
];

/**
 * The arguments of `ip rule add` or `del` for the rule about local addresses. Its origin is said to be the kernel, which is true, and
 * which keeps network managers from tidying away a rule without which the host is deaf.
 */
export const localRule = (priority: number): readonly string[] => ['pref', `${priority}`, 'lookup', 'local', ...KERNEL];
const KERNEL: readonly string[] = ['protocol', 'kernel'];

// Offsets in bits from the ICMP header of an error: 8 octets on begins the quoted packet.
const QUOTED = 64;
const QUOTED_PROTOCOL = QUOTED + 72;
const QUOTED_FRAGMENT_OFFSET = QUOTED + 51;
const QUOTED_DESTINATION = QUOTED + 128;
const ERRORS = '{ destination-unreachable, time-exceeded, parameter-problem }';

/** nft rules for one length of the quoted IP header (RFC 5508 REQ-3b: options are skipped). */
const quotedRules = (words: number, ports: string, mark: string): string[] => {
  const l4 = QUOTED + words * 32;
  const head = `@th,${QUOTED},8 ${hex(0x40 | words)} @th,${QUOTED_FRAGMENT_OFFSET},13 0`;
  const isOwn = `@th,${QUOTED_DESTINATION},32 . @th,${l4 + 32},16`;
  return [
    `${head} @th,${QUOTED_PROTOCOL},8 { 6, 17 } @th,${l4},16 ${ports} ${mark} accept`,
    `${head} @th,${QUOTED_PROTOCOL},8 1 @th,${l4},8 8 @th,${l4 + 32},16 ${ports} ${isOwn} != @own ${mark} accept`,
  ];
};

/** What the nft script depends on. */
export interface SteeringScript {
  readonly table: string;
  readonly device: string;
  /** As nft writes a set: `{ 198.51.100.10, 198.51.100.16/29 }`. */
  readonly pool: string;
  /** As `50000-59999`. */
  readonly ports: string;
  readonly mark: number;
  readonly nft: { readonly socket: boolean; readonly tproxy: boolean };
}

const chain = (name: string, rules: readonly string[]): string => `chain ${name} {\n${rules.join('\n')}\n}`;

/** The nft table that marks what belongs to the gateway. */
export const steeringScript = ({ table, device, pool, ports, mark: bit, nft }: SteeringScript): string => {
  const mark = `meta mark set meta mark | ${hex(bit)}`;
  const prerouting = [
    'type filter hook prerouting priority mangle; policy accept;',
    `iifname "${device}" ${mark} accept`,
    // Never matches, but makes the kernel reassemble fragments before routing: only the first one has ports.
    ...(nft.tproxy ? ['ip saddr 0.0.0.0 ip daddr 0.0.0.0 udp dport 1 tproxy to :1'] : []),
    `ip daddr != ${pool} accept`,
    // Connections that the host had before the ports were reserved.
    ...(nft.socket ? ['meta l4proto { tcp, udp } socket wildcard 0 accept'] : []),
    `meta l4proto { tcp, udp } th dport ${ports} ${mark} accept`,
    `icmp type echo-reply icmp id ${ports} @nh,96,32 . @th,32,16 != @own ${mark} accept`,
    `icmp type ${ERRORS} goto quoted`,
  ];
  const output = [
    'type route hook output priority mangle; policy accept;',
    `icmp type echo-request icmp id ${ports} update @own { @nh,128,32 . @th,32,16 }`,
    `ip daddr ${pool} icmp type ${ERRORS} goto quoted`,
  ];
  const lengths = Array.from({ length: 11 }, (_, i) => i + 5);
  return [
    `table ip ${table} {`,
    'set own { typeof @nh,128,32 . @th,32,16; flags dynamic,timeout; timeout 60s; size 65535; }',
    chain(
      'quoted',
      lengths.flatMap((words) => quotedRules(words, ports, mark)),
    ),
    chain('prerouting', prerouting),
    chain('output', output),
    '}',
  ].join('\n');
};

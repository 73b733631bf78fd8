// The shard's counters: one cell of one shared block for every series, declared here once with its help text. The data path adds
// to a cell (0.5 ns, no lock: one writer a cell); the control thread reads at scrape time and needs no other list.

import { dropReasonNames, toLabel } from './drop-reason.ts';
import { directionNames, protocolNames } from './protocol.ts';

/** A metric family: its labels and, for each, the values in the order of their cells. */
export interface CounterFamily {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly { readonly name: string; readonly values: readonly string[] }[];
}

const direction = { name: 'direction', values: directionNames } as const;
const protocol = { name: 'protocol', values: protocolNames } as const;
const counter = (help: string, ...labels: CounterFamily['labels'][number][]): CounterFamily => ({
  type: 'counter',
  help,
  labels,
});
const gauge = (help: string, ...labels: CounterFamily['labels'][number][]): CounterFamily => ({
  type: 'gauge',
  help,
  labels,
});

/** Reasons of `nat_allocation_failures_total`, in the order of their cells. */
export const AllocationFailure = {
  quotaPorts: 0,
  quotaSessions: 1,
  quotaRate: 2,
  portsExhausted: 3,
  tableFull: 4,
} as const;
export type AllocationFailure = (typeof AllocationFailure)[keyof typeof AllocationFailure];
/** States of `tunnel_clients`, in the order of their cells; a client is in exactly one. */
export const ClientState = { connected: 0, unproven: 1, unheard: 2 } as const;
/** Name of a {@link ClientState}. */
export type ClientStateName = keyof typeof ClientState;
/** Results of `tunnel_challenges_total`, in the order of their cells. */
export const ChallengeResult = { sent: 0, answered: 1, expired: 2 } as const;
/** Types of `icmp_generated_total`, in the order of their cells. */
export const IcmpGenerated = { timeExceeded: 0, echoReply: 1, challenge: 2 } as const;

/** Names of the families in code; {@link metricName} spells them for Prometheus. */
export type CounterName =
  | 'tunnelPackets'
  | 'tunnelBytes'
  | 'droppedPackets'
  | 'relayPackets'
  | 'relayBytes'
  | 'natSessions'
  | 'natMappings'
  | 'natSessionsCreated'
  | 'natPortsCapacity'
  | 'natPortsUsed'
  | 'natPortsHeldDown'
  | 'natAllocationFailures'
  | 'natHairpinPackets'
  | 'icmpErrorsTranslated'
  | 'icmpGenerated'
  | 'icmpSuppressed'
  | 'tunnelClients'
  | 'tunnelRoams'
  | 'tunnelRestarts'
  | 'tunnelChallenges'
  | 'shardLoops'
  | 'shardBusySeconds'
  | 'shardIdleSeconds';

/** Every family; the order is the cells'. */
export const counterFamilies: Readonly<Record<CounterName, CounterFamily>> = {
  tunnelPackets: counter('Authentic SATP datagrams carried, by direction.', direction),
  tunnelBytes: counter('Octets of the datagrams in tunnel_packets_total.', direction),
  droppedPackets: counter(
    'Packets refused, by direction and reason; docs/drop-reasons.md says what each means.',
    direction,
    {
      name: 'reason',
      values: dropReasonNames.map(toLabel),
    },
  ),
  relayPackets: counter('Inner packets translated by the NAT.', direction, protocol),
  relayBytes: counter('Octets of the packets in relay_packets_total.', direction, protocol),
  natSessions: gauge('NAT sessions that exist.', protocol),
  natMappings: gauge('NAT mappings that exist.', protocol),
  natSessionsCreated: counter('NAT sessions created.', protocol),
  natPortsCapacity: gauge('External ports (or ICMP ids) of the pool.', protocol),
  natPortsUsed: gauge('External ports (or ICMP ids) that a mapping holds.', protocol),
  natPortsHeldDown: gauge('External ports (or ICMP ids) at rest after release.', protocol),
  natAllocationFailures: counter('Sessions refused for want of a resource.', {
    name: 'reason',
    values: Object.keys(AllocationFailure).map(toLabel),
  }),
  natHairpinPackets: counter('Packets from one client to another through an external endpoint.', protocol),
  icmpErrorsTranslated: counter('ICMP errors whose embedded packet was translated.', direction),
  icmpGenerated: counter('ICMP messages made by the gateway.', {
    name: 'type',
    values: Object.keys(IcmpGenerated).map(toLabel),
  }),
  icmpSuppressed: counter('ICMP errors not made because of the rate limit.'),
  tunnelClients: gauge('Clients of the configuration, by state; their sum is all of them.', {
    name: 'state',
    values: Object.keys(ClientState),
  }),
  tunnelRoams: counter('Times a client’s endpoint moved.'),
  tunnelRestarts: counter('Times a client’s number line was reset after proof that it restarted.'),
  tunnelChallenges: counter('Inner-echo challenges, by what became of them.', {
    name: 'result',
    values: Object.keys(ChallengeResult),
  }),
  shardLoops: counter('Times the shard woke up.'),
  shardBusySeconds: counter('Time the shard spent on packets.'),
  shardIdleSeconds: counter('Time the shard waited for packets.'),
};

/** Cells that `family` takes: the product of its labels' values. */
export const cellsOf = (family: CounterFamily): number => family.labels.reduce((n, l) => n * l.values.length, 1);

const bases: [string, number][] = [];
let cells = 0;
for (const [name, family] of Object.entries(counterFamilies)) {
  bases.push([name, cells]);
  cells += cellsOf(family);
}

/**
 * Index of each family's first cell; labels follow in row-major order. Made from entries: an object that grows name by name becomes
 * a dictionary, and V8 then looks each counter's name up for each packet.
 */
export const Cell: Readonly<Record<CounterName, number>> = Object.freeze(Object.fromEntries(bases)) as Readonly<
  Record<CounterName, number>
>;
/** Cells of all families together. */
export const CELL_COUNT: number = cells;

/** The counters of one shard. One thread writes; any may read. */
export type Counters = Float64Array;
/** A fresh set of counters in memory that threads can share. */
export const createCounters = (): Counters => new Float64Array(new SharedArrayBuffer(CELL_COUNT * 8));

/** The cells of `droppedPackets` for one direction, indexed by `DropReason`; shares memory with `counters`. */
export const dropCells = (counters: Counters, dir: number): Float64Array =>
  counters.subarray(
    Cell.droppedPackets + dir * dropReasonNames.length,
    Cell.droppedPackets + (dir + 1) * dropReasonNames.length,
  );

/** `tunnelPackets`, a counter, as Prometheus spells it: `anygate_tunnel_packets_total`. */
export const metricName = (name: CounterName): string =>
  `anygate_${toLabel(name)}${counterFamilies[name].type === 'counter' ? '_total' : ''}`;

// The demonstration itself, the same in either setting: join the parties, let the client ping, send and fetch, and compare what the
// third party saw with what the gateway says. Whatever does not fit ends it with an error: the demonstration is a test.

import { invariant } from '../../base/assert.ts';
import type { Printer } from './print.ts';
import { endpointIn } from './services.ts';
import type { Sighting } from './sighting.ts';
import { Address, type MappingRow, type World } from './world.ts';

/** What happened, as data. */
export interface Report {
  readonly setting: World['kind'];
  readonly steps: readonly { readonly title: string; readonly lines: readonly string[] }[];
  /** What the third party saw. */
  readonly seen: readonly Sighting[];
  readonly mappings: readonly MappingRow[];
  /** Series of the gateway that have moved, by name with labels. */
  readonly metrics: Readonly<Record<string, number>>;
}

const UDP_TEXT = 'hello from a client that has no address of its own';
const PROTOCOLS = ['icmp', 'udp', 'tcp'] as const;

/** Series worth a look; the reader finds the others on the metrics page. */
const TELLING =
  /^anygate_(tunnel_(packets|roams|restarts)_total|relay_packets_total|nat_mappings|icmp_generated_total|dropped_packets_total)\b/;

const isPool = (endpoint: string | undefined): boolean => endpoint?.startsWith(`${Address.pool}:`) === true;
const endpointOf = (s: Sighting): string => `${s.address}:${s.port}`;

/** Throws unless the third party saw the pool address and nothing else, each time through a mapping that the gateway knows. */
const judge = (seen: readonly Sighting[], mappings: readonly MappingRow[], metrics: Report['metrics']): void => {
  for (const s of seen)
    invariant(s.address === Address.pool, `the third party sees ${Address.pool} only, not ${s.address}`);
  for (const protocol of PROTOCOLS) {
    const sightings = seen.filter((s) => s.protocol === protocol);
    const rows = mappings.filter((row) => row.protocol === protocol);
    invariant(sightings.length > 0, `the third party hears from the client by ${protocol}`);
    invariant(rows.length > 0, `the NAT has a mapping for ${protocol}`);
    for (const row of rows) invariant(row.internal.startsWith(`${Address.innerClient}:`), 'mappings are the client’s');
    for (const s of sightings) {
      invariant(
        rows.some((row) => row.external === endpointOf(s)),
        `${protocol} ${endpointOf(s)}, which the third party saw, is the external endpoint of a mapping`,
      );
    }
    for (const direction of ['outbound', 'inbound']) {
      const series = `anygate_relay_packets_total{direction="${direction}",protocol="${protocol}"}`;
      invariant((metrics[series] ?? 0) > 0, `${series} has counted`);
    }
  }
};

/** Joins `world` and tells the story on it. Rejects if a party does not see what it should, or with the reason of `interrupt`. */
export const tell = async (world: World, print: Printer, interrupt: AbortSignal): Promise<Report> => {
  const steps: { title: string; lines: readonly string[] }[] = [];
  const step = async <T>(
    title: string,
    work: () => Promise<T>,
    linesOf: (result: T) => readonly string[],
  ): Promise<T> => {
    interrupt.throwIfAborted();
    const result = await print.step(title, work, linesOf);
    steps.push({ title, lines: linesOf(result) });
    return result;
  };
  const [title = '', ...sentences] = world.introduction;
  print.introduce(title, sentences);
  for (const preparation of world.preparations) {
    await step(
      preparation.title,
      () => preparation.run(),
      (lines) => lines,
    );
  }
  await step(
    'ICMP',
    async () => {
      const result = await world.ping(Address.thirdParty);
      invariant(result.answered === result.sent, `all ${result.sent} pings are answered, not ${result.answered}`);
      return result;
    },
    ({ sent, answered }) => [`the client pings ${Address.thirdParty}: ${answered} of ${sent} answered`],
  );
  await step(
    'UDP',
    async () => {
      const answer = await world.askByUdp(UDP_TEXT);
      invariant(
        isPool(endpointIn(answer ?? '')),
        `the third party tells the client its external endpoint by UDP, not ${answer}`,
      );
      return answer;
    },
    (answer) => [`the client sends a datagram; the third party answers “${answer}”`],
  );
  await step(
    'TCP',
    async () => {
      const { status, body } = await world.askByHttp();
      invariant(
        status === 200 && isPool(endpointIn(body)),
        `HTTP brings the client its external endpoint, not ${status} ${body}`,
      );
      return body.trim();
    },
    (body) => [`the client gets http://${Address.thirdParty}/; the third party answers 200, “${body}”`],
  );
  return { setting: world.kind, steps, ...(await compare(world, print)) };
};

/** Shows both sides' view and checks that they agree. */
const compare = async (world: World, print: Printer): Promise<Pick<Report, 'seen' | 'mappings' | 'metrics'>> => {
  const seen = world.sightings();
  const mappings = await world.mappings();
  const metrics = Object.fromEntries([...(await world.metrics())].filter(([, value]) => value !== 0));
  print.table(
    `What the third party saw: ${Address.pool}, which is the gateway’s; of the client, nothing`,
    ['protocol', 'from', 'what'],
    seen.map((s) => [s.protocol, s.protocol === 'icmp' ? `${s.address} id ${s.port}` : endpointOf(s), s.what]),
  );
  print.table(
    'The gateway’s NAT table',
    ['protocol', 'internal endpoint', 'external endpoint', 'sessions'],
    mappings.map((row) => [row.protocol, row.internal, row.external, row.sessions]),
  );
  print.table(
    'Some of its metrics',
    ['series', 'value'],
    Object.entries(metrics).filter(([name]) => TELLING.test(name)),
  );
  judge(seen, mappings, metrics);
  return { seen, mappings, metrics };
};

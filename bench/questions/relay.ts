// Two questions that are one: what a relayed packet costs, from the clients and to them. Every gateway gets the same load, as much
// as one core can send, in turns; what differs is only who stands in the middle.

import type { Contestant } from '../contestants.ts';
import { factor, figure, spread } from '../format.ts';
import type { Answer, Claim, Question, Run, Table } from '../question.ts';
import { ratio, summarize } from '../stats.ts';
import { type Load, type Sample, Track } from '../track.ts';

type Direction = Load['direction'];
type Shape = Pick<Load, 'inner' | 'train'>;
/** Samples of one shape by contestant, in the order of the repetitions. */
type Samples = ReadonlyMap<string, readonly Sample[]>;

/** Packets that a bulk sender hands to its kernel at once (UDP_SEGMENT): about what QUIC and TCP stacks do. */
const TRAIN = 16;
const SHAPES: readonly Shape[] = [1, TRAIN].flatMap((train) => [1400, 64].map((inner) => ({ inner, train })));
/** Whom the others are compared with. */
const YARDSTICK = 'uanytun';

/** Of the yardstick's CPU a packet: what even a short run on a busy machine must stay below. */
const SAFE_SHARE = 1.5;

const cpuPerPacket = (s: Sample): number => (s.cpu + s.softirq) / Math.max(s.delivered, 1);
const packetsPerSecond = (s: Sample): number => s.delivered / s.seconds;

const describe = ({ inner, train }: Shape): string => `${inner} octets${train > 1 ? `, trains of ${train}` : ''}`;

const measure = async (run: Run, direction: Direction): Promise<ReadonlyMap<Shape, Samples>> => {
  await using tracks = new AsyncDisposableStack();
  const lanes: Track[] = [];
  for (const contestant of run.contestants) lanes.push(tracks.use(await Track.start(contestant, run)));
  const found = new Map(SHAPES.map((s) => [s, new Map(run.contestants.map((c) => [c.name, [] as Sample[]]))]));
  // Repetition 0 warms up: code is compiled, tables are touched, nothing is kept.
  for (let repetition = 0; repetition <= run.repetitions; repetition++) {
    for (const shape of SHAPES) {
      for (const lane of repetition % 2 === 0 ? lanes : lanes.toReversed()) {
        const seconds = repetition === 0 ? 2 * run.seconds : run.seconds;
        const sample = await lane.measure({ direction, ...shape, seconds, rate: 0 });
        if (sample.delivered === 0) throw new Error(`${lane.contestant.label} delivered nothing of ${describe(shape)}`);
        if (repetition > 0) found.get(shape)!.get(lane.contestant.name)!.push(sample);
        const figures = `${figure(cpuPerPacket(sample))} ns, ${figure(packetsPerSecond(sample) / 1000)} kpps`;
        run.progress(`${repetition}: ${direction}, ${describe(shape)}, ${lane.contestant.label}: ${figures}`);
      }
    }
  }
  return found;
};

const tableOf = (shape: Shape, samples: Samples, who: readonly Contestant[]): Table => {
  const yardstick = samples.get(YARDSTICK) ?? [];
  return {
    caption: `Inner packets of ${describe(shape)}`,
    head: [
      'gateway',
      'CPU ns/packet',
      `of ${YARDSTICK}'s`,
      'delivered kpps',
      `of ${YARDSTICK}'s`,
      'Gbit/s',
      'busy',
      'lost',
      'foreign',
    ],
    rows: who.map(({ name, label }) => {
      const own = samples.get(name)!;
      const rate = summarize(own.map((s) => packetsPerSecond(s) / 1000));
      return [
        label,
        spread(summarize(own.map(cpuPerPacket))),
        factor(ratio(own.map(cpuPerPacket), yardstick.map(cpuPerPacket))),
        spread(rate),
        factor(ratio(own.map(packetsPerSecond), yardstick.map(packetsPerSecond))),
        figure((rate.median * shape.inner * 8) / 1e6),
        percent(own.map((s) => (s.cpu + s.softirq) / s.seconds / 1e9)),
        percent(own.map((s) => 1 - s.delivered / s.offered)),
        percent(own.map((s) => s.foreign)),
      ];
    }),
  };
};

const percent = (values: readonly number[]): string => `${Math.round(100 * summarize(values).median)} %`;

const claimsOf = (shape: Shape, samples: Samples, direction: Direction): Claim[] => {
  const [own, other] = [samples.get('anygate'), samples.get(YARDSTICK)];
  if (own === undefined || other === undefined) return [];
  const share = ratio(own.map(cpuPerPacket), other.map(cpuPerPacket));
  const text = `${direction}, ${describe(shape)}: Anygate's CPU a packet is at most ${SAFE_SHARE} × ${YARDSTICK}'s (${factor(share)})`;
  return [{ text, holds: share <= SAFE_SHARE }];
};

const relayQuestion = (direction: Direction, title: string, path: string): Question => ({
  name: direction,
  title,
  asks: `${path}, gateway on one core, load on another. CPU is what the gateway's processes ran, in user space and in the kernel, and the
kernel's network thread of its core (ksoftirqd), divided by the packets that arrived; *busy* is how much of the core that was. Single
datagrams come as fast as one core can send them, trains (UDP_SEGMENT) faster than any gateway takes them. A gateway that is not wholly
busy could carry more than what is shown as delivered. *Lost* is the overload's doing. *Foreign* is what other programs and
a hypervisor had of the gateway's core: where it is not near zero, the figures are too high.`,
  needs: { root: true, device: '/dev/net/tun', commands: ['ip', 'nft', 'sysctl', 'taskset'] },
  async answer(run: Run): Promise<Answer> {
    const found = await measure(run, direction);
    const shapes = [...found];
    return {
      tables: shapes.map(([shape, samples]) => tableOf(shape, samples, run.contestants)),
      claims: shapes.flatMap(([shape, samples]) => claimsOf(shape, samples, direction)),
      samples: shapes.map(([shape, samples]) => ({ ...shape, samples: Object.fromEntries(samples) })),
    };
  },
});

/** What a packet from a client costs. */
export const upload: Question = relayQuestion(
  'upload',
  'From the clients',
  'Sealed UDP packets of one client and one flow: client → gateway (opens, translates) → third party',
);

/** What a packet to a client costs. */
export const download: Question = relayQuestion(
  'download',
  'To the clients',
  'UDP packets to the external endpoint of one flow: third party → gateway (translates, seals) → client',
);

// How long a lone packet takes from one end to the other when the gateway has little to do: mostly the price of being woken up.

import { factor, figure } from '../format.ts';
import type { Latencies, LatencyOptions } from '../load/latency.ts';
import { LoadProgram } from '../load-program.ts';
import type { Answer, Question, Run, Table } from '../question.ts';
import { median, quantile, ratio } from '../stats.ts';
import { Track } from '../track.ts';

const INNER = 200;
const COUNT = 4000;
const PAUSE_MICROSECONDS = 150;
const YARDSTICK = 'uanytun';
type Direction = LatencyOptions['direction'];
const DIRECTIONS: readonly Direction[] = ['upload', 'download'];

const measure = async (run: Run, track: Track, direction: Direction): Promise<Latencies> => {
  await track.prime();
  const { network } = track;
  const count = Math.ceil(COUNT * Math.min(1, run.seconds));
  network.listen(true);
  try {
    const program = new LoadProgram('latency', ['taskset', '-c', `${run.cpu.load}`], {
      direction,
      clientNamespace: network.path('client'),
      thirdNamespace: network.path('third'),
      external: track.endpoints[0]!,
      inner: INNER,
      count,
      firstSequence: track.takeSequence(count),
      pauseMicroseconds: PAUSE_MICROSECONDS,
    } satisfies LatencyOptions);
    return await program.outcome<Latencies>();
  } finally {
    network.listen(false);
  }
};

/** Latencies by direction and contestant, in the order of the repetitions. */
type Found = Readonly<Record<Direction, Record<string, Latencies[]>>>;

const tableOf = (direction: Direction, found: Found[Direction], run: Run): Table => {
  const middles = (name: string): number[] => (found[name] ?? []).map((l) => quantile(l.microseconds, 0.5));
  return {
    caption: direction === 'upload' ? 'From a client to the third party' : 'From the third party to a client',
    head: ['gateway', 'p50 µs', `of ${YARDSTICK}'s`, 'p99 µs', 'p99.9 µs', 'lost'],
    rows: run.contestants.map(({ name, label }) => {
      const at = (q: number): string => figure(median(found[name]!.map((l) => quantile(l.microseconds, q))));
      const lost = found[name]!.reduce((sum, l) => sum + l.lost, 0);
      return [label, at(0.5), factor(ratio(middles(name), middles(YARDSTICK))), at(0.99), at(0.999), `${lost}`];
    }),
  };
};

/** What a gateway adds to a packet's way. */
export const latency: Question = {
  name: 'latency',
  title: 'How long a packet takes',
  asks: `Lone inner packets of ${INNER} octets with random pauses of up to ${PAUSE_MICROSECONDS} µs between them, one way, from the system call that
sends to the one that receives. Sender and receiver are one process, so one clock measures and only the gateway has to be woken up.`,
  needs: { root: true, device: '/dev/net/tun', commands: ['ip', 'nft', 'sysctl', 'taskset'] },
  async answer(run: Run): Promise<Answer> {
    await using tracks = new AsyncDisposableStack();
    const lanes: Track[] = [];
    for (const contestant of run.contestants) lanes.push(tracks.use(await Track.start(contestant, run)));
    const nobody = () => Object.fromEntries(run.contestants.map((c) => [c.name, [] as Latencies[]]));
    const found: Found = { upload: nobody(), download: nobody() };
    for (let repetition = 0; repetition <= run.repetitions; repetition++) {
      for (const direction of DIRECTIONS) {
        for (const lane of repetition % 2 === 0 ? lanes : lanes.toReversed()) {
          const seen = await measure(run, lane, direction);
          if (repetition > 0) found[direction][lane.contestant.name]!.push(seen);
          const [p50, p99] = [0.5, 0.99].map((q) => figure(quantile(seen.microseconds, q)));
          run.progress(`${repetition}: latency, ${direction}, ${lane.contestant.label}: p50 ${p50} µs, p99 ${p99} µs`);
        }
      }
    }
    return { tables: DIRECTIONS.map((d) => tableOf(d, found[d], run)), claims: [], samples: found };
  },
};

// Whether it matters how many there are: one client with one flow keeps everything in the nearest cache, many clients with many flows
// make every packet a stranger to the one before.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { contestants } from '../contestants.ts';
import { factor, figure, spread } from '../format.ts';
import type { Answer, Question, Run, Table } from '../question.ts';
import { ratio, summarize } from '../stats.ts';
import { type Sample, Track } from '../track.ts';

const CROWDS = [
  { clients: 1, flows: 1 },
  { clients: 1, flows: 64 },
  { clients: 64, flows: 16 },
] as const;
const SIZES = [1400, 64] as const;

const cpuPerPacket = (s: Sample): number => (s.cpu + s.softirq) / Math.max(s.delivered, 1);

const tableOf = (inner: number, samples: readonly (readonly Sample[])[]): Table => {
  const alone = samples[0]!.map(cpuPerPacket);
  return {
    caption: `Inner packets of ${inner} octets`,
    head: ['clients', 'flows of each', 'CPU ns/packet', 'of one flow’s', 'delivered kpps'],
    rows: CROWDS.map(({ clients, flows }, c) => {
      const own = samples[c]!.map(cpuPerPacket);
      const rate = summarize(samples[c]!.map((s) => s.delivered / s.seconds / 1000));
      return [`${clients}`, `${flows}`, spread(summarize(own)), factor(ratio(own, alone)), figure(rate.median)];
    }),
  };
};

/** What a packet costs when its neighbors are of other flows and other clients. */
export const scale: Question = {
  name: 'scale',
  title: 'Many clients, many flows',
  asks: `Anygate alone, loaded by its clients with single datagrams as in the first question. Clients and flows take turns packet by packet, which
is the worst order there is.`,
  needs: { root: true, device: '/dev/net/tun', commands: ['ip', 'nft', 'sysctl', 'taskset'] },
  async answer(run: Run): Promise<Answer> {
    const anygate = contestants.find(({ name }) => name === 'anygate')!;
    await using tracks = new AsyncDisposableStack();
    const lanes: Track[] = [];
    for (const crowd of CROWDS) {
      const dir = join(run.dir, `${crowd.clients}x${crowd.flows}`);
      mkdirSync(dir);
      lanes.push(tracks.use(await Track.start(anygate, { ...run, dir, ...crowd })));
    }
    const found = SIZES.map((inner) => ({ inner, samples: CROWDS.map((): Sample[] => []) }));
    for (let repetition = 0; repetition <= run.repetitions; repetition++) {
      for (const { inner, samples } of found) {
        for (const [c, lane] of lanes.entries()) {
          const seconds = repetition === 0 ? 2 * run.seconds : run.seconds;
          const sample = await lane.measure({ direction: 'upload', inner, train: 1, seconds, rate: 0 });
          if (repetition > 0) samples[c]!.push(sample);
          const { clients, flows } = CROWDS[c]!;
          const crowd = `${clients} × ${flows} flows`;
          run.progress(`${repetition}: scale, ${inner} octets, ${crowd}: ${figure(cpuPerPacket(sample))} ns`);
        }
      }
    }
    return { tables: found.map(({ inner, samples }) => tableOf(inner, samples)), claims: [], samples: found };
  },
};

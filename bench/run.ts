// `npm run bench`: asks the questions, prints the answers, and with --write makes docs/benchmarks.md of them. With --smoke it is short
// and fails if a claim does not hold that should hold on any machine.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ExitCode } from '../src/base/errors.ts';
import { Processes } from '../test/netns/processes.ts';
import { requires } from '../test/support/requires.ts';
import { isAbandoned, onEnd } from './cleanup.ts';
import { type Contestant, contestants } from './contestants.ts';
import { allowedProcessors } from './cpu-time.ts';
import { describeMachine } from './machine.ts';
import type { Question, Run } from './question.ts';
import { cores } from './questions/cores.ts';
import { latency } from './questions/latency.ts';
import { download, upload } from './questions/relay.ts';
import { scale } from './questions/scale.ts';
import { type Answered, formatAnswer, formatReport } from './report.ts';

const QUESTIONS: readonly Question[] = [upload, download, scale, latency, cores];
const SMOKE: readonly Question[] = [upload, download];
const REPORT = join(import.meta.dirname, '../docs/benchmarks.md');
const USAGE = `npm run bench -- [--smoke] [--write] [--json FILE] [--gateways NAMES] [--repetitions N] [--seconds S] [QUESTION…]

questions: ${QUESTIONS.map((q) => q.name).join(', ')}
gateways:  ${contestants.map((c) => c.name).join(',')}

--smoke    short, without the slower questions; exit code 1 if a claim does not hold that should on any machine
--write    writes docs/benchmarks.md
--json     writes every single figure
--node-options  for the gateway's Node, such as "--cpu-prof --cpu-prof-dir=/tmp/profile"`;

const PREFIX = 'anygate-bench-';
const remove = (path: string): void => rmSync(path, { recursive: true, force: true });

/** Says what is wrong and ends the process; nothing has been set up yet. */
const refuse = (message: string, code: ExitCode): never => {
  console.error(message);
  process.exit(code);
};

const parse = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        smoke: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        json: { type: 'string' },
        gateways: { type: 'string' },
        repetitions: { type: 'string' },
        seconds: { type: 'string' },
        'node-options': { type: 'string', default: '' },
      },
    });
  } catch (error) {
    return refuse(`${(error as Error).message}\n\n${USAGE}`, ExitCode.configuration);
  }
};

const pick = <T extends { readonly name: string }>(all: readonly T[], names: readonly string[]): readonly T[] => {
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) refuse(`there is no "${unknown}"\n\n${USAGE}`, ExitCode.configuration);
  return names.length === 0 ? all : all.filter((one) => names.includes(one.name));
};

/** The machine's want, if it lacks something; also under `CI=true`, where a test would have thrown. */
const wantOf = (needs: Parameters<typeof requires>[0]): string | false => {
  try {
    return requires(needs);
  } catch (error) {
    return (error as Error).message;
  }
};

const installed = (contestant: Contestant, isAskedFor: boolean): boolean => {
  const want = wantOf({ commands: contestant.commands });
  if (want === false) return true;
  if (isAskedFor) refuse(`${contestant.label} ${want}`, ExitCode.machine);
  console.error(`without ${contestant.label}, which ${want}`);
  return false;
};

const { values, positionals } = parse();
if (values.help) {
  console.log(USAGE);
  process.exit(ExitCode.ok);
}
const repetitions = Number(values.repetitions ?? (values.smoke ? 2 : 5));
const seconds = Number(values.seconds ?? (values.smoke ? 0.3 : 0.6));
if (!(repetitions >= 1 && seconds > 0)) refuse(`repetitions and seconds are numbers above 0\n\n${USAGE}`, 2);
const questions = pick(values.smoke && positionals.length === 0 ? SMOKE : QUESTIONS, positionals);
for (const { name, needs } of questions) {
  const want = wantOf(needs);
  if (want !== false) refuse(`the question "${name}" ${want}; run it as root: sudo npm run bench`, ExitCode.machine);
}
const names = values.gateways?.split(',') ?? (values.smoke ? ['anygate', 'uanytun'] : []);
const processors = allowedProcessors();
const [gateway = 0, load = gateway] = processors;
if (gateway === load) console.error('there is only one processor; gateway and load share it, and rates mean little');

for (const name of readdirSync(tmpdir()).filter((n) => isAbandoned(n, PREFIX))) remove(join(tmpdir(), name));
const dir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
onEnd(() => remove(dir));
const processes = new Processes();
onEnd(() => processes.killAll());
const run: Run = {
  repetitions,
  seconds,
  contestants: pick(contestants, names).filter((c) => installed(c, values.gateways !== undefined)),
  dir,
  processes,
  cpu: { gateway, load },
  nodeOptions: values['node-options'],
  progress: (line) => console.error(line),
};
const start = performance.now();
const answered: Answered[] = [];
for (const question of questions) {
  const own = join(dir, question.name);
  mkdirSync(own);
  const answer = await question.answer({ ...run, dir: own });
  answered.push({ question, answer });
  console.log(`\n${formatAnswer({ question, answer })}\n`);
}
const circumstances = {
  machine: describeMachine(),
  repetitions,
  seconds,
  lasted: (performance.now() - start) / 1000,
};
if (values.write) writeFileSync(REPORT, formatReport(answered, circumstances));
if (values.json !== undefined) {
  const answers = answered.map(({ question, answer }) => [question.name, answer.samples]);
  writeFileSync(values.json, JSON.stringify({ ...circumstances, answers: Object.fromEntries(answers) }, null, 1));
}
if (values.smoke) {
  const claims = answered.flatMap(({ answer }) => answer.claims);
  for (const { text, holds } of claims) console.log(`${holds ? 'holds' : 'DOES NOT HOLD'}: ${text}`);
  if (claims.some(({ holds }) => !holds)) process.exitCode = 1;
}

// What a measurement was made on: figures without it mean nothing.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/** A fact about the machine and its value. */
export type Fact = readonly [name: string, value: string];

/** The first line that a command prints, on whichever output; empty if it is not installed. */
const firstLine = (...argv: [string, ...string[]]): string => {
  const { stdout, stderr } = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8' });
  return (stdout || stderr || '').split('\n')[0]!.trim();
};

const distribution = (): string => {
  try {
    return /^PRETTY_NAME="(.*)"/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
};

const isVirtual = (): boolean => /^flags\b.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));

/** Processor, kernel and the versions of everything that takes part. */
export const describeMachine = (): Fact[] => {
  const processors = cpus();
  const facts: Fact[] = [
    ['processor', `${processors[0]?.model ?? 'unknown'}, ${processors.length} cores${isVirtual() ? ', virtual' : ''}`],
    ['memory', `${(totalmem() / 2 ** 30).toFixed(0)} GiB`],
    ['kernel', `Linux ${release()}`],
    ['system', distribution()],
    ['Node', `${process.version} with OpenSSL ${process.versions.openssl}`],
    ['openssl', firstLine('openssl', 'version')],
    ['uanytun', firstLine('uanytun', '--version')],
    ['anytun', firstLine('anytun', '--version')],
    ['nft', firstLine('nft', '--version')],
  ];
  return facts.filter(([, value]) => value !== '');
};

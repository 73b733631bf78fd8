// Replays test/golden/nat-*.txt through the NAT. A file is a conversation: what goes in (`outbound CLIENT`, `inbound`) and, behind it,
// what must come out to the octet (`external`, `client CLIENT`, `drop REASON`). The octets were not made by this project's code.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Verdict } from '../../src/base/batch.ts';
import { type Outcome, Rig } from './rig.ts';

const DIRECTORY = join(import.meta.dirname, '../golden');

interface Step {
  readonly words: readonly string[];
  readonly bytes: Uint8Array;
}

const parse = (text: string): Step[] =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\n+/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const [head = '', ...hex] = block.trim().split('\n');
      return { words: head.split(' '), bytes: Uint8Array.from(Buffer.from(hex.join('').replaceAll(' ', ''), 'hex')) };
    });

const expectation = (o: Outcome): string =>
  o.verdict === Verdict.external
    ? 'external'
    : o.verdict === Verdict.client
      ? `client ${o.client}`
      : `drop ${o.reason}`;

const files = readdirSync(DIRECTORY).filter((f) => f.startsWith('nat-'));
assert.ok(files.length > 0);

for (const file of files) {
  test(`golden ${file}`, () => {
    const rig = new Rig();
    const steps = parse(readFileSync(join(DIRECTORY, file), 'utf8'));
    assert.ok(steps.length >= 2 && steps.length % 2 === 0);
    for (let i = 0; i < steps.length; i += 2) {
      const [direction, client] = steps[i]!.words;
      const { bytes } = steps[i]!;
      assert.ok(direction === 'outbound' || direction === 'inbound');
      const o = direction === 'outbound' ? rig.out(Number(client), bytes) : rig.in(bytes);
      assert.equal(expectation(o), steps[i + 1]!.words.join(' '), `step ${i}`);
      if (o.verdict !== Verdict.drop) {
        assert.equal(
          Buffer.from(o.bytes).toString('hex'),
          Buffer.from(steps[i + 1]!.bytes).toString('hex'),
          `step ${i}`,
        );
      }
    }
  });
}

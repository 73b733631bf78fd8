// Whatever stops set-up, the host is as before: shown with a model that fails or is killed at every single change.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../src/base/errors.ts';
import { JOURNAL, writeJournal } from '../../src/control/host-journal.ts';
import type { HostPlanInput } from '../../src/control/host-plan.ts';
import { HostSetup } from '../../src/control/host-setup.ts';
import { type Ip4, parseIp4, parsePrefix4 } from '../../src/wire/addr.ts';
import { accessTo, FakeHost, FakeLog, FakeStore, Killed } from './fake-host.ts';

const OWN = parseIp4('198.51.100.10') as Ip4;

const input = (egress: HostPlanInput['egress']): HostPlanInput => ({
  egress,
  device: { name: 'anygate0', mtu: 1400 },
  pool: (egress === 'shared' ? ['198.51.100.10'] : ['198.51.100.16/29', '198.51.100.32']).map((p) => parsePrefix4(p)!),
  ports: { low: 50_000, high: 59_999 },
});

const hostFor = (egress: HostPlanInput['egress']): FakeHost => {
  const host = new FakeHost();
  if (egress === 'shared') host.addresses = [OWN];
  return host;
};

const changesOf = async (egress: HostPlanInput['egress']): Promise<number> => {
  const host = hostFor(egress);
  await new HostSetup(input(egress), new FakeStore(), new FakeLog(), accessTo(host)).apply();
  return host.changes;
};

for (const egress of ['routed', 'shared', 'masquerade'] as const) {
  test(`egress: ${egress} is undone completely`, async () => {
    const host = hostFor(egress);
    const before = host.snapshot();
    const setup = new HostSetup(input(egress), new FakeStore(), new FakeLog(), accessTo(host));
    await setup.apply();
    assert.notEqual(host.snapshot(), before);
    assert.equal(host.settings.get('net/ipv4/ip_forward'), '1');
    assert.equal(host.link, 'mtu 1400 up');
    await setup.undo();
    assert.equal(host.snapshot(), before);
    assert.ok(!host.wasDeaf, 'local addresses were reachable all the time');
    const changes = host.changes;
    await setup.undo();
    assert.equal(host.changes, changes, 'undoing twice does nothing');
  });

  test(`egress: ${egress} that fails at any step leaves the host as it was, and says why`, async () => {
    const count = await changesOf(egress);
    assert.ok(count >= 5);
    for (let failAt = 1; failAt <= count; failAt++) {
      const host = hostFor(egress);
      const before = host.snapshot();
      host.failAt = failAt;
      const setup = new HostSetup(input(egress), new FakeStore(), new FakeLog(), accessTo(host));
      await assert.rejects(setup.apply(), (error: GatewayError) => {
        assert.equal(error.code, 'ERR_HOST_SETUP');
        assert.match(error.message, /^cannot .*Operation not permitted/);
        return true;
      });
      assert.equal(host.snapshot(), before, `failed at change ${failAt}`);
      assert.ok(!host.wasDeaf);
    }
  });

  test(`egress: ${egress} that is killed at any moment is put back by the next start`, async () => {
    const count = await changesOf(egress);
    for (let killAt = 1; killAt <= 2 * count; killAt++) {
      for (const killsAfterEffect of [false, true]) {
        const host = hostFor(egress);
        const store = new FakeStore(host);
        const before = host.snapshot();
        Object.assign(host, { killAt, killsAfterEffect });
        const setup = new HostSetup(input(egress), store, new FakeLog(), accessTo(host));
        // Later kills strike while it is undone. The model lets nothing happen after the first.
        await setup
          .apply()
          .then(() => setup.undo())
          .catch(() => {});
        assert.ok(!host.wasDeaf, `killed at change ${killAt}`);
        host.killAt = 0;
        await HostSetup.recover(store, new FakeLog(), accessTo(host));
        assert.equal(host.snapshot(), before, `killed at change ${killAt}, ${killsAfterEffect}`);
        assert.ok(!host.wasDeaf, `recovered from change ${killAt}`);
      }
    }
  });
}

test('a kill is an error that the model never swallows', async () => {
  const host = hostFor('routed');
  host.killAt = 1;
  await assert.rejects(host.run(['ip', 'rule', 'add', 'x']), Killed);
});

test('a setting that somebody else has changed since is left alone', async () => {
  const host = hostFor('shared');
  const setup = new HostSetup(input('shared'), new FakeStore(), new FakeLog(), accessTo(host));
  await setup.apply();
  assert.equal(host.settings.get('net/ipv4/ip_local_reserved_ports'), '8080,50000-59999');
  host.settings.set('net/ipv4/ip_local_reserved_ports', '8080,9000,50000-59999');
  host.settings.set('net/ipv4/conf/anygate0/src_valid_mark', '2');
  await setup.undo();
  assert.equal(host.settings.get('net/ipv4/ip_local_reserved_ports'), '8080,9000');
  assert.equal(host.settings.get('net/ipv4/conf/anygate0/src_valid_mark'), '2');
  assert.equal(host.settings.get('net/ipv4/conf/eth1/forwarding'), '1', 'forwarded before, forwards now');
  assert.equal(host.settings.get('net/ipv4/conf/eth0/forwarding'), '0');
});

test('while the first rule for local addresses cannot be restored, the moved one stays', async () => {
  const host = hostFor('shared');
  const store = new FakeStore();
  const before = host.snapshot();
  const setup = new HostSetup(input('shared'), store, new FakeLog(), accessTo(host));
  await setup.apply();
  host.broken = /rule add pref 0 lookup local/;
  await assert.rejects(setup.undo(), /could not be undone/);
  assert.ok(!host.wasDeaf);
  assert.ok(host.rules.has('pref 20 lookup local protocol kernel'));
  host.broken = undefined;
  await HostSetup.recover(store, new FakeLog(), accessTo(host));
  assert.equal(host.snapshot(), before);
});

test('undoing goes on past a step that fails, and the next start does that one', async () => {
  const host = hostFor('masquerade');
  const store = new FakeStore();
  const log = new FakeLog();
  const before = host.snapshot();
  const setup = new HostSetup(input('masquerade'), store, log, accessTo(host));
  await setup.apply();
  host.broken = /route del 198.51.100.32/;
  await assert.rejects(setup.undo(), /1 changes .*route 198.51.100.32\/32 to anygate0/);
  assert.equal(host.tables.size, 0);
  assert.ok(log.lines.some((line) => line.startsWith('warn host change not undone')));
  host.broken = undefined;
  await HostSetup.recover(store, log, accessTo(host));
  assert.equal(host.snapshot(), before);
});

test('what was found in place is neither changed nor undone', async () => {
  const host = hostFor('routed');
  host.settings.set('net/ipv4/ip_forward', '1');
  const setup = new HostSetup(input('routed'), new FakeStore(), new FakeLog(), accessTo(host));
  await setup.apply();
  await setup.undo();
  assert.equal(host.settings.get('net/ipv4/ip_forward'), '1');
});

test('a journal of another boot or namespace is not applied here', async () => {
  const host = hostFor('routed');
  const store = new FakeStore();
  const before = host.snapshot();
  const step = { kind: 'setting', describe: 'x', setting: 'net/ipv4/ip_forward', value: '0', previous: '1' } as const;
  writeJournal(store, 'another boot', [step]);
  await HostSetup.recover(store, new FakeLog(), accessTo(host));
  assert.equal(host.snapshot(), before);
});

test('a journal that a gateway cannot have written is refused and runs nothing', async () => {
  const world = 'this boot, this namespace';
  const step = { kind: 'command', describe: 'x', do: ['ip', 'rule'], undo: ['ip', 'rule', 'add', 'x'] };
  const forged: unknown[] = [
    { world, steps: [{ ...step, undo: ['rm', '-r', '/'] }] },
    { world, steps: [{ ...step, undo: 'ip rule' }] },
    { world, steps: [{ kind: 'setting', describe: 'x', setting: 'kernel/core_pattern', value: '', previous: '|x' }] },
    { world, steps: [{ kind: 'setting', describe: 'x', setting: 'net/ipv4/../../kernel/x', value: '', previous: '' }] },
    { world, steps: [null] },
    { steps: [] },
    null,
  ];
  for (const content of [...forged.map((journal) => JSON.stringify(journal)), '{"world":']) {
    const host = hostFor('routed');
    const store = new FakeStore();
    store.write(JOURNAL, content);
    await assert.rejects(HostSetup.recover(store, new FakeLog(), accessTo(host)), {
      name: 'GatewayError',
      message: /host-setup.json.*by hand/,
    });
    assert.equal(host.changes, 0);
  }
});

test('a failure to look at the host is a failure of set-up', async () => {
  const host = hostFor('routed');
  const access = { ...accessTo(host), readFacts: async () => Promise.reject(new Error('no ip here')) };
  const setup = new HostSetup(input('routed'), new FakeStore(), new FakeLog(), access);
  await assert.rejects(setup.apply(), (error: GatewayError) => error instanceof GatewayError && error.exit === 3);
  assert.equal(host.changes, 0);
});

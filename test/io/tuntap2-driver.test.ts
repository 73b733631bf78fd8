import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fcntl } from '../../src/io/native.ts';
import { openTuntap2 } from '../../src/io/tuntap2-driver.ts';
import { openWakeup } from '../../src/io/wakeup.ts';

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** A device with the documented properties; an eventfd stands for its descriptor. */
class FakeTun {
  static released = 0;
  readonly name: string = 'tun7';
  readonly _fd: unknown = openWakeup().fd;
  mtu = 1500;
  isUp = false;
  #ipv4 = '';

  get ipv4(): string {
    // As the package does.
    if (!this.isUp) throw 'you must set isUp = true in order to access this method';
    return this.#ipv4;
  }

  set ipv4(cidr: string) {
    this.#ipv4 = cidr;
  }

  release(): void {
    FakeTun.released++;
  }
}

test('an absent package is told with the cure', async () => {
  await assert.rejects(openTuntap2(1400), {
    code: 'ERR_TUN_DRIVER',
    message: /relay.device.driver is tuntap2, but that package cannot be loaded .* install it, or remove the key/,
  });
});

test('a package of that name that is another is refused', async () => {
  await assert.rejects(
    openTuntap2(1400, async () => ({ default: {} })),
    {
      code: 'ERR_TUN_DRIVER',
      message: /it exports no Tun/,
    },
  );
  class Closed extends FakeTun {
    override readonly _fd: unknown = undefined;
  }
  const before = FakeTun.released;
  await assert.rejects(
    openTuntap2(1400, async () => ({ Tun: Closed })),
    { message: /does not show its file descriptor/ },
  );
  assert.equal(FakeTun.released, before + 1);
});

test('a device that cannot be opened is an error of the machine, whatever the package throws', async () => {
  const failing = (what: unknown) => async () => ({
    Tun: class {
      constructor() {
        throw what;
      }
    },
  });
  for (const what of [new Error('EPERM'), 'EPERM']) {
    await assert.rejects(openTuntap2(1400, failing(what)), { code: 'ERR_TUN_OPEN', message: /\(EPERM\)/ });
  }
});

test('the device has the properties of the built-in one, and its descriptor never blocks', async () => {
  const device = await openTuntap2(1300, async () => ({ default: { Tun: FakeTun } }));
  const [fd = -1] = device.queues;
  assert.equal(device.queues.length, 1);
  assert.ok((fcntl(fd, F_GETFL, 0) & O_NONBLOCK) !== 0);
  assert.equal(fcntl(fd, F_SETFL, 0), 0);
  assert.deepEqual([device.name, device.mtu, device.isUp, device.ipv4], ['tun7', 1300, false, '']);
  device.ipv4 = '10.99.0.1/24';
  device.isUp = true;
  device.mtu = 1200;
  assert.deepEqual([device.mtu, device.isUp, device.ipv4], [1200, true, '10.99.0.1/24']);
  const before = FakeTun.released;
  device.release();
  assert.equal(FakeTun.released, before + 1);
});

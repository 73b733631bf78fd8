// Configurations for tests, and what comes of them.

import assert from 'node:assert/strict';
import { type Config, examineText } from '../../src/control/config.ts';
import { formatProblem, type Problem } from '../../src/control/problem.ts';

export const KEY = '00112233445566778899aabbccddeeff';
export const SALT = '0102030405060708090a0b0c0d0e';

/** Every key of the published configuration, at a value that is not an error. */
export const COMPLETE: string = `node:
  name: gw7
  stateDir: /var/lib/other
  senderIds: 100-199
satp:
  listen: ["192.0.2.1:4444", "[2001:db8::1]:4445"]
  replayWindow: 64
clients:
  - name: alice
    mux: 7
    role: right
    key: ${KEY}
    salt: ${SALT}
    kdf: aes-ctr-128
    cipher: aes-ctr-256
    auth: sha1
    authTagLength: 12
    device: tun
    restart: after-silence 60s
    addresses: [10.99.0.2/32, 10.99.8.0/24]
    allowInsecure: false
  - name: bob
    mux: 65535
    key: 'ffeeddccbbaa99887766554433221100ffeeddccbbaa9988'
    salt: 0e0d0c0b0a090807060504030201
    kdf: aes-ctr-192
    restart: strict
    addresses: [10.99.0.3]
relay:
  address: 10.99.0.1
  device: { name: relay0, mtu: 1300, driver: tuntap2 }
  pool: [198.51.100.10, 198.51.100.16/29, 198.51.100.30-198.51.100.33]
  ports: 2000-60000
  egress: masquerade
  mapping: endpoint-independent
  filtering: { udp: address-dependent, tcp: address-and-port-dependent, icmp: endpoint-independent }
  timeouts: { udp: 6m, tcpEstablished: 3h, tcpTransitory: 5m, icmp: 61s, portHoldDown: 0s }
  quota: { ports: 100, sessions: 200, newSessionsPerSecond: 300 }
policy:
  allowReserved: true
  rules: []
http: { listen: "unix:/run/anygate.sock" }
log: { level: debug }
workers: 1
`;

/** The least that is a configuration. */
export const client = (fields: string = ''): string =>
  `clients: [{ name: alice, mux: 7, key: ${KEY}, salt: ${SALT}, addresses: [10.99.0.2/32]${fields} }]\n`;
export const RELAY: string = 'relay: { pool: [198.51.100.10] }\n';
export const MINIMAL: string = client() + RELAY;

/** The configuration of `text`; fails on any error. */
export const accept = (text: string, environment = {}): Config => {
  const { config, problems } = examineText(text, '/etc/anygate/anygate.yaml', environment);
  assert.ok(config, problems.map((p) => formatProblem('anygate.yaml', p)).join('\n'));
  return config;
};

/** The problems of `text`, which must include an error. */
export const refuse = (text: string, environment = {}): readonly Problem[] => {
  const { config, problems } = examineText(text, '/etc/anygate/anygate.yaml', environment);
  assert.equal(config, undefined, 'it was accepted');
  return problems;
};

/** `path: message` of every problem, for matching. */
export const told = (problems: readonly Problem[]): string =>
  problems.map((p) => `${p.line ?? ''} ${p.severity} ${p.path}: ${p.message}`).join('\n');

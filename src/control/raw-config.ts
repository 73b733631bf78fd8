// The configuration as it is written, with defaults filled in: texts are still texts. Only the resolvers read it.

/** A word for an AES-based algorithm; `aes-ctr` is the daemons' other word for `aes-ctr-128`. */
export type RawAes = 'aes-ctr-128' | 'aes-ctr-192' | 'aes-ctr-256' | 'aes-ctr' | 'null';

/** A word of RFC 4787 for a mapping or filtering behavior. */
export type RawBehavior = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/** An entry of `clients`. */
export interface RawClient {
  readonly name?: string;
  readonly mux: number;
  readonly role: 'left' | 'right';
  readonly passphrase?: string;
  readonly passphraseFile?: string;
  readonly key?: string;
  readonly salt?: string;
  readonly keyFile?: string;
  readonly kdf: RawAes;
  readonly cipher: RawAes;
  readonly auth: 'sha1' | 'null';
  readonly authTagLength: number;
  readonly device: 'tun' | 'tap';
  readonly restart: string;
  readonly addresses: readonly string[];
  readonly allowInsecure: boolean;
}

/** The group `relay`. */
export interface RawRelay {
  readonly address: string;
  readonly device: { readonly name: string; readonly mtu: number; readonly driver: 'native' | 'tuntap2' };
  readonly pool: readonly string[];
  readonly ports: string;
  readonly egress: 'routed' | 'shared' | 'masquerade';
  readonly mapping: RawBehavior;
  readonly filtering: { readonly udp: RawBehavior; readonly tcp: RawBehavior; readonly icmp: RawBehavior };
  readonly timeouts: {
    readonly udp: string;
    readonly tcpEstablished: string;
    readonly tcpTransitory: string;
    readonly icmp: string;
    readonly portHoldDown: string;
  };
  readonly quota: { readonly ports: number; readonly sessions: number; readonly newSessionsPerSecond: number };
}

/** The whole file. */
export interface RawConfig {
  readonly node: { readonly name: string; readonly stateDir: string; readonly senderIds: string };
  readonly satp: { readonly listen: readonly string[]; readonly replayWindow: number };
  readonly clients: readonly RawClient[];
  readonly relay: RawRelay;
  readonly policy: { readonly allowReserved: boolean; readonly rules: readonly unknown[] };
  readonly http: { readonly listen: string; readonly tokenFile?: string };
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' };
  readonly workers: number | 'auto';
}

// What a third party sees of those who write to it: the only witness in the demonstration who is not of the gateway's making.

/** One echo request, UDP datagram or TCP connection as it reached the third party. */
export interface Sighting {
  readonly protocol: 'icmp' | 'udp' | 'tcp';
  /** Source address, as text. */
  readonly address: string;
  /** Source port; for ICMP the query id. */
  readonly port: number;
  readonly what: string;
}

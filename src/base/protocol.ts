// The transport protocols that the NAT has a table for, and the direction words of RFC 4787. Both index counters.

/** Outbound is client to Internet, inbound is Internet to client (RFC 4787 §2). */
export const Direction = { outbound: 0, inbound: 1 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];
/** Names of {@link Direction} as they stand in metrics. */
export const directionNames = ['outbound', 'inbound'] as const;

/** A protocol that the NAT translates; the value indexes tables and counters, {@link IpProtocol} has the wire's number. */
export const Protocol = { udp: 0, tcp: 1, icmp: 2 } as const;
export type Protocol = (typeof Protocol)[keyof typeof Protocol];
/** Names of {@link Protocol} as they stand in metrics and the configuration. */
export const protocolNames = ['udp', 'tcp', 'icmp'] as const;

/** IANA protocol numbers. */
export const IpProtocol = { icmp: 1, igmp: 2, tcp: 6, udp: 17, icmp6: 58 } as const;

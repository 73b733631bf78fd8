// Why packets are refused. A reason is declared here once and thereby has a counter, a help text and a label; a test holds
// `docs/drop-reasons.md` to the same list.

import type { Brand } from './brand.ts';

/** Every reason, with what it means to an operator. The order is the counters' order. */
export const dropReasonHelp = {
  satpTruncated: 'The datagram is shorter than a SATP header and the auth tag, or longer than any SATP daemon sends.',
  satpUnknownMux: 'No client has this mux; dropped before any cryptography, never answered.',
  satpReplayed:
    'The sequence number was seen before, or is below the replay window, or the same datagram was accepted before the client restarted.',
  satpBadTag: 'The auth tag does not verify: wrong key, role, cipher or tag length, or a forgery.',
  satpUnproven:
    'Of a number line or from an endpoint that an inner-echo challenge has yet to prove (a restarted client, or a replay).',
  satpNoPayload: 'Authentic, but without a payload.',
  satpPayloadType: 'The payload type is unknown, or does not fit the packet or the client’s device.',
  satpNoEndpoint: 'For a client that has not been heard of yet.',
  satpEndpointUnproven:
    'For an endpoint that has not answered a challenge, beyond three times the octets received from it.',
  satpSequenceExhausted: 'The sender id’s sequence numbers are used up and no fresh sender id was at hand.',
  satpTooLong: 'The sealed datagram would be longer than 1600 octets, which no SATP daemon receives.',
  innerMalformed: 'The inner packet is not whole: version, header length, total length or header checksum.',
  innerSourceSpoofed: 'The inner source address is not one of the client’s.',
  innerUnsupported: 'An inner packet of a kind that no mode of this gateway carries yet (IPv6, Ethernet, multicast).',
  localUnsupported: 'For the gateway’s own inner address, and not an ICMP echo request.',
  policyReserved: 'The destination is reserved, private or the gateway’s own host (policy.allowReserved).',
  natMalformed: 'The transport header is not whole.',
  natFragment: 'An IPv4 fragment.',
  natUnsupportedProtocol: 'A transport protocol that the NAT does not translate.',
  natTtlExpired: 'The time to live ran out here; answered by an ICMP time exceeded.',
  natUnmapped: 'No mapping has this external endpoint.',
  natFiltered: 'A mapping exists, but its filtering behavior refuses this remote endpoint.',
  natQuotaPorts: 'The client holds as many external ports as its quota allows.',
  natQuotaSessions: 'The client has as many sessions as its quota allows.',
  natQuotaRate: 'The client creates sessions faster than its quota allows.',
  natPortsExhausted: 'No external port is free on the client’s external address.',
  natTableFull: 'The mapping or session table is full.',
  natNotSyn: 'A TCP segment that opens nothing and belongs to no session.',
  natIcmpUnsupported: 'An ICMP message that is neither an echo nor a translatable error.',
  natIcmpMalformed: 'An ICMP message with a bad checksum or too little of the packet it is about.',
  ioSendFailed: 'The kernel refused the packet on its way out.',
} as const;

/** The reasons' names in code. */
export type DropReasonName = keyof typeof dropReasonHelp;
/** Names in the order of their numbers. */
export const dropReasonNames: readonly DropReasonName[] = Object.keys(dropReasonHelp) as DropReasonName[];
/** A reason as a number: the index of its counter cell. */
export type DropReason = Brand<number, 'DropReason'>;

/** The number of each reason. */
export const DropReason: Readonly<Record<DropReasonName, DropReason>> = Object.freeze(
  Object.fromEntries(dropReasonNames.map((name, i) => [name, i])),
) as unknown as Readonly<Record<DropReasonName, DropReason>>;

/** `satpBadTag` as metrics spell it: `satp_bad_tag`. */
export const toLabel = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

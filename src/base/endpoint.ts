// Underlay endpoints as a few words in a column: where a datagram came from, on which of our sockets and local addresses it
// arrived, and so where and from where an answer must be sent (behind a NAT only the very address it was sent to may answer).
//
//   word 0     index of the socket                 word 6..9   local address, as words 2..5
//   word 1     remote port                         word 10     IPv6 scope id, 0 if none
//   word 2..5  remote address; IPv4 is in word 2, the rest 0

/** Words an endpoint takes in a column. */
export const ENDPOINT_WORDS = 11;

/** Word offsets within one endpoint. Addresses are host-order uint32 words. */
export const EndpointWord = { socket: 0, remotePort: 1, remoteAddress: 2, localAddress: 6, scope: 10 } as const;

/** Copies the endpoint at row `from` of `source` to row `to` of `target`. */
export const copyEndpoint = (source: Uint32Array, from: number, target: Uint32Array, to: number): void => {
  const s = from * ENDPOINT_WORDS;
  const t = to * ENDPOINT_WORDS;
  for (let w = 0; w < ENDPOINT_WORDS; w++) target[t + w] = source[s + w]!;
};

/** Whether row `i` of `a` and row `j` of `b` are the same endpoint, socket and local address included. */
export const isSameEndpoint = (a: Uint32Array, i: number, b: Uint32Array, j: number): boolean => {
  const s = i * ENDPOINT_WORDS;
  const t = j * ENDPOINT_WORDS;
  for (let w = 0; w < ENDPOINT_WORDS; w++) if (a[s + w] !== b[t + w]) return false;
  return true;
};

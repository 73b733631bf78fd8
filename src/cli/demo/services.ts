// What the third party serves, in both settings of the demonstration: it tells whoever asks, by UDP or HTTP, which endpoint it sees
// them under.

/** Ports of the third party. */
export const ServicePort = { udp: 7007, http: 80 } as const;

const TITLE = 'You are ';

/** The third party's word to a party that it sees under `endpoint`. */
export const greetingTo = (endpoint: string): string => `${TITLE}${endpoint}`;

/** The endpoint in a greeting; `undefined` if `text` is none. */
export const endpointIn = (text: string): string | undefined =>
  text.startsWith(TITLE) ? text.slice(TITLE.length).trim() : undefined;

/** An HTTP/1.1 request for `/`, as the scripted client writes it. */
export const httpRequest = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

/** The response to a request for `/` that came from `endpoint`. */
export const httpResponse = (endpoint: string): string => {
  const body = `${greetingTo(endpoint)}\n`;
  return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
};

/** Status and body of a whole HTTP response without transfer coding. */
export const parseHttpResponse = (text: string): { readonly status: number; readonly body: string } => {
  const cut = text.indexOf('\r\n\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
  return { status: cut < 0 ? 0 : Number(status ?? 0), body: text.slice(cut + 4) };
};

// Who may use the API. From another host: whoever has the token. From this host, by loopback or a unix socket: anybody, but not the
// web pages that a person on this host has open. Those cannot set the Host header (a rebound name stays a name) and cannot hide where
// they come from (Origin, Sec-Fetch-Site).

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { HttpListen } from './listen-address.ts';
import type { Secret } from './secret.ts';

/** Why a request is not served. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly detail: string;
}

/** Where HTTP is served, and the token if there is one. */
export interface AccessRules {
  readonly listen: HttpListen;
  readonly token?: Secret;
}

const digest = (octets: Uint8Array): Buffer => createHash('sha256').update(octets).digest();

/** Whether `a` and `b` are the same octets, in a time that says nothing about either. */
const isSame = (a: Uint8Array, b: Uint8Array): boolean => timingSafeEqual(digest(a), digest(b));

const hostOf = (header: string): string => {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::\d{1,5})?$/.exec(header);
  return match?.[1] ?? match?.[2] ?? '';
};

/** Refuses a request on loopback whose Host is a name: a page that made a name of its own point to 127.0.0.1 would be let in. */
export const refuseRebinding = (rules: AccessRules, headers: IncomingHttpHeaders): Refusal | undefined => {
  if (rules.listen.kind === 'unix' || !rules.listen.isLoopback) return undefined;
  const host = hostOf(headers.host ?? '');
  if (isIP(host) !== 0 || host.toLowerCase() === 'localhost') return undefined;
  return { status: 403, detail: 'on loopback the Host header must be an address or localhost' };
};

/** Refuses what a browser sends on behalf of another site's page. */
const refuseCrossSite = (headers: IncomingHttpHeaders): Refusal | undefined => {
  const refusal = { status: 403, detail: 'requests from pages of other sites are refused' } as const;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return refusal;
  const { origin, host } = headers;
  if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) return undefined;
  return refusal;
};

const refuseToken = (rules: AccessRules, headers: IncomingHttpHeaders): Refusal | undefined => {
  if (rules.listen.kind === 'unix' || rules.listen.isLoopback) return undefined;
  if (rules.token === undefined)
    return {
      status: 403,
      detail: 'the API is closed: set http.tokenFile, or let http.listen be loopback or unix:/path',
    };
  const given = /^Bearer +([\x21-\x7e]+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (given === undefined) return { status: 401, detail: 'the API needs the header Authorization: Bearer TOKEN' };
  if (isSame(Buffer.from(given, 'latin1'), rules.token.reveal())) return undefined;
  return { status: 401, detail: 'this is not the token of http.tokenFile' };
};

/** Why a request to the API is not served; `undefined` if it is. */
export const refuseApi = (rules: AccessRules, headers: IncomingHttpHeaders): Refusal | undefined =>
  refuseRebinding(rules, headers) ?? refuseCrossSite(headers) ?? refuseToken(rules, headers);

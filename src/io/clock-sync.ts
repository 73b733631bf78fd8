// Whether the date is kept right by NTP or the like, as the kernel knows it; whichever program does it tells the kernel.

import { Arena } from '../base/arena.ts';
import { adjtimex, pin } from './native.ts';

/** struct timex of a 64-bit platform; all zero it asks and changes nothing. */
const TIMEX_SIZE = 208;
const TIME_ERROR = 5;

/** Whether the host's clock is synchronized; `undefined` if the kernel will not say, as in some containers. */
export const isClockSynchronized = (): boolean | undefined => {
  const timex = new Arena(TIMEX_SIZE);
  pin(timex);
  const state = adjtimex(timex.address);
  return state < 0 ? undefined : state !== TIME_ERROR;
};

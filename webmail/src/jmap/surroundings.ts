/** What the client asks of the browser; tests give another. */

export interface Surroundings {
  fetch(this: void, url: string, options: RequestInit): Promise<Response>;
  wait(this: void, milliseconds: number): Promise<void>;
  /** From 0 to 1, without 1. */
  chance(this: void): number;
  /** Whether the browser knows of a network. */
  online(this: void): boolean;
}

export const browser: Surroundings = {
  fetch: (url, options) => fetch(url, options),
  wait: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
  chance: Math.random,
  online: () => typeof navigator === "undefined" || (navigator as { onLine?: boolean }).onLine !== false,
};

/** How long to wait before a try, in milliseconds: twice as long each time, and not all at once (full jitter). */
export function backoff(tries: number, chance: () => number, longest: number): number {
  return Math.min(longest, 1000 * 2 ** tries) * (0.5 + chance() / 2);
}

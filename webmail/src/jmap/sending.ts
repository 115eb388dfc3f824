/** Sends a request until it is answered, as often as that does no harm. */

import { RequestFailed, SessionEnded, Unreachable } from "./failures";
import type { Surroundings } from "./surroundings";
import { backoff } from "./surroundings";

const TRIES = 4;
const LONGEST_MS = 8_000;
/** Where the server asks for more patience, it is told to who called. */
const PATIENCE_MS = 30_000;

/** `X-Pillarbox: 1` shows the server that the cookie comes from its own page (docs/operate/signing-in.md). */
const FIELDS = { Accept: "application/json", "X-Pillarbox": "1" };

export interface Sending {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly body?: BodyInit;
  readonly type?: string;
  /** Whether it may be sent again where nobody knows if it was carried out. */
  readonly mayRepeat: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What the server answers, as JSON. Throws a `Failure`, or what the signal says. */
export async function send(around: Surroundings, sending: Sending): Promise<unknown> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await once(around, sending);
    if ("answer" in outcome) return outcome.answer;
    if (tries >= TRIES || !outcome.again) throw outcome.failure;
    await around.wait(outcome.afterMs ?? backoff(tries - 1, around.chance, LONGEST_MS));
  }
}

type Outcome =
  | { readonly answer: unknown }
  | { readonly failure: Error; readonly again: boolean; readonly afterMs?: number | undefined };

async function once(around: Surroundings, sending: Sending): Promise<Outcome> {
  const { url, method, body, type, mayRepeat, signal } = sending;
  if (!around.online()) return { failure: new Unreachable(false), again: false };
  const options: RequestInit = {
    method,
    headers: type === undefined ? FIELDS : { ...FIELDS, "Content-Type": type },
    credentials: "same-origin",
    cache: "no-store",
    redirect: "error",
  };
  if (body !== undefined) options.body = body;
  if (signal) options.signal = signal;
  try {
    const response = await around.fetch(url, options);
    if (response.ok) return { answer: await response.json() };
    return await refused(response, mayRepeat);
  } catch (cause) {
    signal?.throwIfAborted();
    return { failure: new Unreachable(!mayRepeat, cause), again: mayRepeat };
  }
}

async function refused(response: Response, mayRepeat: boolean): Promise<Outcome> {
  if (response.status === 401) return { failure: new SessionEnded(), again: false };
  const failure = failureOf(response.status, await text(response));
  const afterMs = retryAfterMs(response);
  if (afterMs !== undefined && afterMs > PATIENCE_MS) return { failure, again: false };
  // 429 is answered before anything is done; with the others nobody knows
  const isPassing = response.status === 429 || (mayRepeat && [502, 503, 504].includes(response.status));
  return { failure, again: isPassing, afterMs };
}

async function text(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch {
    return "";
  }
}

/** What a body says of a refusal (RFC 9457). */
export function failureOf(status: number, body: string): RequestFailed | SessionEnded {
  if (status === 401) return new SessionEnded();
  let told: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null) told = parsed as Record<string, unknown>;
  } catch {
    // a proxy's page
  }
  const word = (name: string, otherwise: string): string =>
    typeof told[name] === "string" ? told[name] : otherwise;
  const limit = word("limit", "");
  return new RequestFailed(
    status,
    word("type", "about:blank"),
    word("detail", ""),
    limit === "" ? null : limit,
  );
}

function retryAfterMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

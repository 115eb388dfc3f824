/**
 * The client: calls in, answers out. Calls made in one moment leave as one request, so that they can refer to each
 * other and cost one round trip.
 */

import type { Given } from "./calls";
import { Call, inRequests } from "./calls";
import type { CoreLimits, Id, Session } from "./core";
import { MethodFailed, RequestFailed, SessionEnded } from "./failures";
import type { MethodName, Takes } from "./methods";
import { capabilitiesOf, CORE, mayRepeat } from "./methods";
import { send } from "./sending";
import type { Surroundings } from "./surroundings";
import { browser } from "./surroundings";

/** As in the table of `protocol/jmap/addresses.py`: one round trip less than `/.well-known/jmap`. */
export const SESSION_PATH = "/jmap/session";

interface Answered {
  readonly methodResponses: readonly (readonly [string, Record<string, unknown>, string])[];
  readonly sessionState: string;
}

export interface Listeners {
  /** Nobody is signed in any more: calls fail with `SessionEnded` until `resume`. */
  ended?(this: void): void;
  /** There is another session: its accounts, rights or limits have changed. */
  session?(this: void, session: Session): void;
}

export class Client {
  readonly #around: Surroundings;
  readonly #listeners: Listeners;
  readonly #sessionUrl: string;
  #session: Promise<Session> | null = null;
  #state: string | null = null;
  #waiting: Call[] = [];
  #numbers = 0;
  #hasEnded = false;
  #running = 0;
  readonly #queue: (() => void)[] = [];
  readonly #mark: string;

  constructor(listeners: Listeners = {}, around: Surroundings = browser, sessionUrl: string = SESSION_PATH) {
    this.#listeners = listeners;
    this.#around = around;
    this.#sessionUrl = sessionUrl;
    this.#mark = Math.floor(around.chance() * 2 ** 40).toString(36);
  }

  /** Who is signed in, and what the server can do; asked for once, and again where an answer says that it changed. */
  session(): Promise<Session> {
    this.#session ??= this.#fetchSession().catch((failure: unknown) => {
      this.#session = null;
      throw failure;
    });
    return this.#session;
  }

  /** A call. It leaves with all others of this moment; await it for its answer. */
  call<M extends MethodName>(name: M, given: Given<Takes<M>>): Call<M> {
    const call = new Call(`c${this.#numbers}`, name, given);
    this.#numbers += 1;
    const late = call.needs.find((one) => one.sent);
    if (late) throw new Error(`${name} refers to ${late.name}, which has left already`);
    if (this.#waiting.length === 0) queueMicrotask(() => void this.#leave());
    this.#waiting.push(call as unknown as Call);
    return call;
  }

  /** An id for a record to be created, which no other of this client has, nor of any other. */
  creationId(): Id {
    this.#numbers += 1;
    return `n${this.#mark}-${this.#numbers}`;
  }

  /** Somebody has signed in again. */
  resume(): void {
    this.#hasEnded = false;
    this.#session = null;
  }

  /** Ask who is signed in, so that it is noticed if nobody is. */
  async refresh(): Promise<Session> {
    this.#session = null;
    return this.session();
  }

  /** Tell that nobody is signed in, which another request was answered. */
  noticeEnd(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#listeners.ended?.();
  }

  async #fetchSession(): Promise<Session> {
    const session = (await this.#send({ url: this.#sessionUrl, method: "GET", mayRepeat: true })) as Session;
    if (session.state !== this.#state) {
      this.#state = session.state;
      this.#listeners.session?.(session);
    }
    return session;
  }

  async #send(sending: Parameters<typeof send>[1]): Promise<unknown> {
    if (this.#hasEnded) throw new SessionEnded();
    try {
      return await send(this.#around, sending);
    } catch (failure) {
      if (failure instanceof SessionEnded) this.noticeEnd();
      throw failure;
    }
  }

  async #leave(): Promise<void> {
    const calls = this.#waiting;
    this.#waiting = [];
    for (const call of calls) call.sent = true;
    try {
      const session = await this.session();
      const limits = session.capabilities[CORE] as unknown as CoreLimits;
      for (const request of inRequests(calls, limits.maxCallsInRequest)) {
        void this.#request(request, session.apiUrl, limits.maxConcurrentRequests);
      }
    } catch (failure) {
      for (const call of calls) call.fail(failure);
    }
  }

  async #request(calls: readonly Call[], url: string, most: number): Promise<void> {
    if (this.#running >= most) await new Promise<void>((go) => this.#queue.push(go));
    this.#running += 1;
    try {
      const invocations = calls.map((call) => [call.name, call.arguments, call.id] as const);
      const using = [CORE, ...invocations.flatMap(([name, taken]) => capabilitiesOf(name, taken))];
      const answered = (await this.#send({
        url,
        method: "POST",
        type: "application/json",
        body: JSON.stringify({ using: [...new Set(using)], methodCalls: invocations }),
        mayRepeat: invocations.every(([name, taken]) => mayRepeat(name, taken)),
      })) as Answered;
      this.#answer(calls, answered);
    } catch (failure) {
      for (const call of calls) call.fail(failure);
    } finally {
      this.#running -= 1;
      this.#queue.shift()?.();
    }
  }

  #answer(calls: readonly Call[], answered: Answered): void {
    for (const call of calls) {
      // A method may have more than one answer: the first is its own, others of what it implies (RFC 8620 §3.4)
      const mine = answered.methodResponses.filter(([, , id]) => id === call.id);
      const own = mine.find(([name]) => name === call.name || name === "error");
      if (!own) call.fail(new RequestFailed(200, "about:blank", `${call.name} was not answered`));
      else if (own[0] === "error") call.fail(new MethodFailed(String(own[1]["type"]), call.name, own[1]));
      else call.succeed(own[1]);
    }
    if (answered.sessionState !== this.#state) {
      this.refresh().catch(() => undefined); // whoever needs it asks again, and is told
    }
  }
}

/**
 * Tells that there is something to ask for (RFC 8620 §7, RFC 8887). A WebSocket is better, since it says what was missed
 * while there was none; where it can't be opened, a stream of events does as well.
 */

import { expanded } from "./blobs";
import type { Changed, Session } from "./core";
import { WEBSOCKET } from "./methods";
import type { Surroundings } from "./surroundings";
import { backoff, browser } from "./surroundings";

const LONGEST_MS = 60_000;
/** After so many WebSockets in a row that did not open, events are tried: some proxies let none through. */
const REFUSED_SOCKETS = 2;
const PING_S = 30;
/** A connection that says nothing so long is taken for gone. */
const SILENT_MS = 2.5 * PING_S * 1000;
/** Changes that come one after another are told as one. */
const MERGED_MS = 50;

interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: (() => void) | null;
  send(text: string): void;
  close(): void;
}

interface Events {
  onopen: (() => void) | null;
  onerror: (() => void) | null;
  addEventListener(name: string, listener: (event: { readonly data: string }) => void): void;
  close(): void;
}

/** Makes connections; tests make others. */
export interface Connections {
  socket(this: void, url: string): Socket;
  events(this: void, url: string): Events;
}

const real: Connections = {
  socket: (url) => new WebSocket(url, "jmap") as Socket,
  events: (url) => new EventSource(url) as Events,
};

export interface PushListeners {
  /** These have new states. */
  changed(this: void, changed: Changed): void;
  /** Something may have been missed: ask for all that is of interest. */
  missed(this: void): void;
  /** A connection was lost or refused; perhaps since nobody is signed in any more. */
  lost?(this: void): void;
}

export class Push {
  #session: Session;
  readonly #types: readonly string[];
  readonly #listeners: PushListeners;
  readonly #around: Surroundings;
  readonly #connections: Connections;
  #connection: { close(): void } | null = null;
  /** Counts connections: what an older one still says is not heard. */
  #turn = 0;
  #isWanted = false;
  #tries = 0;
  #refusedSockets = 0;
  #wasOpen = false;
  #pushState: string | null = null;
  #heard = 0;
  #merged: Record<string, Record<string, string>> | null = null;

  constructor(
    session: Session,
    types: readonly string[],
    listeners: PushListeners,
    around: Surroundings = browser,
    connections: Connections = real,
  ) {
    this.#session = session;
    this.#types = types;
    this.#listeners = listeners;
    this.#around = around;
    this.#connections = connections;
  }

  /** Listen, from now on. */
  start(session: Session = this.#session): void {
    this.#session = session;
    this.#isWanted = true;
    this.#connect();
  }

  /** Listen no more. */
  stop(): void {
    this.#isWanted = false;
    this.#drop();
  }

  /** Try at once what would be tried later: the network is there again, or somebody looks at the page. */
  wake(): void {
    if (this.#isWanted && this.#connection === null) {
      this.#tries = 0;
      this.#connect();
    }
  }

  #drop(): void {
    this.#turn += 1;
    this.#connection?.close();
    this.#connection = null;
  }

  #connect(): void {
    this.#drop();
    const turn = this.#turn;
    const socket = this.#session.capabilities[WEBSOCKET];
    const url = socket?.["supportsPush"] === true ? socket["url"] : undefined;
    if (typeof url === "string" && this.#refusedSockets < REFUSED_SOCKETS) this.#openSocket(url, turn);
    else this.#openEvents(turn);
  }

  #openSocket(url: string, turn: number): void {
    const socket = this.#connections.socket(url);
    this.#connection = socket;
    let opened = false;
    socket.onopen = () => {
      if (turn !== this.#turn) return;
      opened = true;
      this.#refusedSockets = 0;
      const knowsMissed = this.#pushState !== null;
      const since = knowsMissed ? { pushState: this.#pushState } : {};
      socket.send(JSON.stringify({ "@type": "WebSocketPushEnable", dataTypes: this.#types, ...since }));
      this.#opened(knowsMissed);
      void this.#watch(turn, () => {
        socket.send(JSON.stringify(ECHO));
      });
    };
    socket.onmessage = (event) => {
      if (turn === this.#turn && typeof event.data === "string") this.#told(event.data);
    };
    socket.onclose = () => {
      if (turn !== this.#turn) return;
      if (!opened) this.#refusedSockets += 1;
      void this.#lost();
    };
  }

  #openEvents(turn: number): void {
    const values = { types: this.#types.join(","), closeafter: "no", ping: String(PING_S) };
    const events = this.#connections.events(expanded(this.#session.eventSourceUrl, values));
    this.#connection = events;
    events.onopen = () => {
      if (turn !== this.#turn) return;
      this.#opened(false);
      void this.#watch(turn);
    };
    for (const name of ["state", "ping"]) {
      events.addEventListener(name, (event) => {
        if (turn === this.#turn) this.#told(event.data);
      });
    }
    // By itself it would come back at once, with all others
    events.onerror = () => {
      if (turn === this.#turn) void this.#lost();
    };
  }

  #opened(knowsMissed: boolean): void {
    this.#tries = 0;
    this.#heard = 0;
    if (this.#wasOpen && !knowsMissed) this.#listeners.missed();
    this.#wasOpen = true;
  }

  #told(text: string): void {
    this.#heard += 1;
    let told: { "@type"?: string; changed?: Changed; pushState?: string } | null;
    try {
      told = JSON.parse(text) as typeof told;
    } catch {
      return;
    }
    if (told === null) return;
    if (typeof told.pushState === "string") this.#pushState = told.pushState;
    if (told["@type"] === "StateChange" && told.changed) this.#merge(told.changed);
  }

  #merge(changed: Changed): void {
    const isFirst = this.#merged === null;
    const merged = (this.#merged ??= {});
    for (const [account, states] of Object.entries(changed)) {
      merged[account] = { ...merged[account], ...states };
    }
    if (isFirst) {
      void this.#around.wait(MERGED_MS).then(() => {
        this.#merged = null;
        this.#listeners.changed(merged);
      });
    }
  }

  /** Notice that a connection is gone without a word. `ask` has the other side say something. */
  async #watch(turn: number, ask?: () => void): Promise<void> {
    for (;;) {
      const heard = this.#heard;
      await this.#around.wait(SILENT_MS);
      if (turn !== this.#turn) return;
      if (heard !== this.#heard) continue;
      if (ask) {
        ask();
        await this.#around.wait(PING_S * 1000);
        if (turn !== this.#turn) return;
        if (heard !== this.#heard) continue;
      }
      void this.#lost();
      return;
    }
  }

  async #lost(): Promise<void> {
    this.#drop();
    const turn = this.#turn;
    this.#listeners.lost?.();
    await this.#around.wait(backoff(this.#tries, this.#around.chance, LONGEST_MS));
    this.#tries += 1;
    if (turn === this.#turn) this.#connect();
  }
}

const ECHO = {
  "@type": "Request",
  id: "alive",
  using: ["urn:ietf:params:jmap:core"],
  methodCalls: [["Core/echo", {}, "alive"]],
};

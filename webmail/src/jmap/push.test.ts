import { beforeEach, expect, test } from "vitest";

import type { Changed, Session } from "./core";
import { SESSION } from "./faked";
import type { Connections } from "./push";
import { Push } from "./push";
import type { Surroundings } from "./surroundings";

const session = SESSION as unknown as Session;

class Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];
  closed = false;

  constructor(readonly url: string) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.closed = true;
  }

  tell(changed: Changed, pushState: string): void {
    this.onmessage?.({ data: JSON.stringify({ "@type": "StateChange", changed, pushState }) });
  }
}

class Events {
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  readonly listeners: Record<string, (event: { readonly data: string }) => void> = {};
  closed = false;

  constructor(readonly url: string) {}

  addEventListener(name: string, listener: (event: { readonly data: string }) => void): void {
    this.listeners[name] = listener;
  }

  close(): void {
    this.closed = true;
  }
}

let sockets: Socket[];
let streams: Events[];
let told: Changed[];
let missed: number;
let lost: number;
/** What waits, by its time, until `pass` lets that pass. */
let waiting: { readonly milliseconds: number; readonly go: () => void }[];
let push: Push;

const connections: Connections = {
  socket: (url) => last(sockets, new Socket(url)),
  events: (url) => last(streams, new Events(url)),
};
const around = {
  wait: (milliseconds: number) => new Promise<void>((go) => waiting.push({ milliseconds, go })),
  chance: () => 0.5,
} as Surroundings;

function last<T>(all: T[], made: T): T {
  all.push(made);
  return made;
}

/** Let all that waits at most so long go on. */
async function pass(milliseconds: number): Promise<void> {
  const due = waiting.filter((one) => one.milliseconds <= milliseconds);
  waiting = waiting.filter((one) => one.milliseconds > milliseconds);
  for (const one of due) one.go();
  await new Promise((done) => setTimeout(done));
}

beforeEach(() => {
  [sockets, streams, told, missed, lost, waiting] = [[], [], [], 0, 0, []];
  const listeners = {
    changed: (changed: Changed): void => void told.push(changed),
    missed: (): void => void (missed += 1),
    lost: (): void => void (lost += 1),
  };
  push = new Push(session, ["Email", "Mailbox"], listeners, around, connections);
  push.start();
});

test("states that come one after another are told as one, the newest", async () => {
  sockets[0]?.onopen?.();
  expect(sockets[0]?.sent).toEqual([{ "@type": "WebSocketPushEnable", dataTypes: ["Email", "Mailbox"] }]);
  sockets[0]?.tell({ A1: { Email: "1", Mailbox: "1" } }, "p1");
  sockets[0]?.tell({ A1: { Email: "2" }, A2: { Email: "9" } }, "p2");
  await pass(50);
  expect(told).toEqual([{ A1: { Email: "2", Mailbox: "1" }, A2: { Email: "9" } }]);
  sockets[0]?.tell({ A1: { Email: "3" } }, "p3");
  await pass(50);
  expect(told).toHaveLength(2);
});

test("what is no message is not heard", async () => {
  sockets[0]?.onopen?.();
  for (const data of ["{", "null", '{"@type": "Response"}', new ArrayBuffer(1)])
    sockets[0]?.onmessage?.({ data });
  await pass(50);
  expect(told).toEqual([]);
});

test("a socket that was lost comes back with what it knows, later each time", async () => {
  sockets[0]?.onopen?.();
  sockets[0]?.tell({ A1: { Email: "1" } }, "p1");
  sockets[0]?.onclose?.();
  expect(lost).toBe(1);
  expect(waiting.map((one) => one.milliseconds)).toContain(750);
  await pass(750);
  sockets[1]?.onclose?.();
  expect(waiting.map((one) => one.milliseconds)).toContain(1500);
  await pass(1500);
  sockets[2]?.onopen?.();
  expect(sockets[2]?.sent[0]).toMatchObject({ pushState: "p1" });
  expect(missed).toBe(0);
});

test("a socket that had been told nothing yet may have missed something", async () => {
  sockets[0]?.onopen?.();
  sockets[0]?.onclose?.();
  await pass(750);
  sockets[1]?.onopen?.();
  expect(missed).toBe(1);
});

test("where no socket can be opened, events do as well", async () => {
  sockets[0]?.onclose?.();
  await pass(1000);
  sockets[1]?.onclose?.();
  await pass(2000);
  expect(streams[0]?.url).toBe(
    "https://mail.example/jmap/eventsource/?types=Email%2CMailbox&closeafter=no&ping=30",
  );
  streams[0]?.onopen?.();
  streams[0]?.listeners["state"]?.({ data: '{"@type": "StateChange", "changed": {"A1": {"Email": "4"}}}' });
  await pass(50);
  expect(told).toEqual([{ A1: { Email: "4" } }]);
  streams[0]?.onerror?.();
  expect(streams[0]?.closed).toBe(true);
  await pass(1000);
  streams[1]?.onopen?.();
  expect(missed).toBe(1);
});

test("a connection that is gone without a word is noticed", async () => {
  sockets[0]?.onopen?.();
  await pass(75_000);
  expect(sockets[0]?.sent.at(-1)).toMatchObject({ "@type": "Request" });
  sockets[0]?.onmessage?.({ data: '{"@type": "Response", "requestId": "alive"}' });
  await pass(30_000);
  expect(lost).toBe(0);
  await pass(75_000);
  await pass(30_000);
  expect(lost).toBe(1);
  expect(sockets[0]?.closed).toBe(true);
});

test("who stops is told nothing; who wakes does not wait", async () => {
  sockets[0]?.onopen?.();
  sockets[0]?.onclose?.();
  push.wake();
  expect(sockets).toHaveLength(2);
  await pass(1000); // the try that was to come
  expect(sockets).toHaveLength(2);
  push.wake();
  expect(sockets).toHaveLength(2);
  push.stop();
  sockets[1]?.onclose?.();
  await pass(100_000);
  push.wake();
  expect([sockets.length, lost]).toEqual([2, 1]);
});

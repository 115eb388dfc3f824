/** A server and a browser for tests: answers are made by functions, time passes at once. */

import type { Surroundings } from "./surroundings";

export interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: { using: string[]; methodCalls: [string, Record<string, unknown>, string][] };
}

export const SESSION = {
  capabilities: {
    "urn:ietf:params:jmap:core": {
      maxSizeUpload: 1000,
      maxConcurrentUpload: 2,
      maxSizeRequest: 1_000_000,
      maxConcurrentRequests: 2,
      maxCallsInRequest: 4,
      maxObjectsInGet: 500,
      maxObjectsInSet: 500,
    },
    "urn:ietf:params:jmap:websocket": { url: "wss://mail.example/jmap/ws/", supportsPush: true },
  },
  accounts: {},
  primaryAccounts: { "urn:ietf:params:jmap:mail": "A1" },
  username: "ann@example.org",
  apiUrl: "https://mail.example/jmap/api/",
  downloadUrl: "https://mail.example/jmap/download/{accountId}/{blobId}/{name}?accept={type}",
  uploadUrl: "https://mail.example/jmap/upload/{accountId}/",
  eventSourceUrl: "https://mail.example/jmap/eventsource/?types={types}&closeafter={closeafter}&ping={ping}",
  state: "s1",
};

export type Answering = (asked: Asked) => Response | Promise<Response>;

/** `echoing` answers each call with its own arguments. */
export const echoing: Answering = (asked) =>
  json({
    methodResponses: asked.body.methodCalls.map(([name, taken, id]) => [name, taken, id]),
    sessionState: "s1",
  });

export function json(content: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(content), { status, headers });
}

/** Surroundings whose server answers the session by itself and all else by what stands next in `answers`. */
export class Faked implements Surroundings {
  readonly asked: Asked[] = [];
  readonly waits: number[] = [];
  sessions = 0;
  session: unknown = SESSION;
  isOnline = true;

  constructor(readonly answers: Answering[]) {}

  readonly fetch = async (url: string, options: RequestInit): Promise<Response> => {
    if (options.method === "GET") {
      this.sessions += 1;
      return this.session instanceof Response ? this.session.clone() : json(this.session);
    }
    const body = JSON.parse(options.body as string) as Asked["body"];
    const asked = {
      url,
      method: options.method ?? "GET",
      headers: options.headers as Record<string, string>,
      body,
    };
    this.asked.push(asked);
    const answering = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (!answering) throw new TypeError("nothing answers");
    return answering(asked);
  };

  readonly wait = (milliseconds: number): Promise<void> => {
    this.waits.push(milliseconds);
    return Promise.resolve();
  };

  readonly chance = (): number => 0.5;
  readonly online = (): boolean => this.isOnline;
}

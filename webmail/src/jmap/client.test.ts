import { describe, expect, test } from "vitest";

import { Client } from "./client";
import { MethodFailed, RequestFailed, SessionEnded, Unreachable } from "./failures";
import { echoing, Faked, json, SESSION } from "./faked";

const accountId = "A1";
const gone = (): never => {
  throw new TypeError("network");
};

describe("calls of one moment", () => {
  test("leave as one request, with references and the field that cookies need", async () => {
    const server = new Faked([echoing]);
    const client = new Client({}, server);
    const query = client.call("Email/query", { accountId, limit: 3 });
    const got = client.call("Email/get", { accountId, ids: query.ref("/ids"), properties: ["subject"] });
    await got;
    expect(server.sessions).toBe(1);
    expect(server.asked).toHaveLength(1);
    expect(server.asked[0]).toMatchObject({
      url: SESSION.apiUrl,
      headers: { "X-Pillarbox": "1", "Content-Type": "application/json" },
      body: {
        using: ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
        methodCalls: [
          ["Email/query", { accountId, limit: 3 }, "c0"],
          [
            "Email/get",
            {
              accountId,
              "#ids": { resultOf: "c0", name: "Email/query", path: "/ids" },
              properties: ["subject"],
            },
            "c1",
          ],
        ],
      },
    });
    await client.call("Core/echo", {});
    expect(server.asked).toHaveLength(2);
    expect(server.sessions).toBe(1);
  });

  test("are several requests where there are too many, and those that belong together are in one", async () => {
    const server = new Faked([echoing]);
    const client = new Client({}, server);
    const first = client.call("Mailbox/query", { accountId });
    const others = [1, 2, 3].map((n) => client.call("Core/echo", { n }));
    const last = client.call("Mailbox/get", { accountId, ids: first.ref("/ids") });
    await Promise.all([last, ...others]);
    const names = server.asked.map((one) => one.body.methodCalls.map(([name]) => name));
    expect(names).toEqual([["Mailbox/query", "Core/echo", "Core/echo", "Mailbox/get"], ["Core/echo"]]);
  });

  test("stay together where one names what another creates", async () => {
    const server = new Faked([echoing]);
    const client = new Client({}, server);
    const d = client.creationId();
    expect(client.creationId()).not.toBe(d);
    const calls = [
      client.call("Email/set", { accountId, create: { [d]: { subject: "Hello" } } }),
      ...[1, 2, 3].map((n) => client.call("Core/echo", { n })),
      client.call("EmailSubmission/set", {
        accountId,
        create: { s: { emailId: `#${d}`, identityId: "I1" } },
      }),
    ];
    await Promise.all(calls);
    const names = server.asked[0]?.body.methodCalls.map(([name]) => name);
    expect(names).toEqual(["Email/set", "Core/echo", "Core/echo", "EmailSubmission/set"]);
  });

  test("are no more at once than the server takes", async () => {
    const server = new Faked([]);
    const waiting: (() => void)[] = [];
    server.answers.push(
      (asked) =>
        new Promise((answer) => {
          waiting.push(() => void Promise.resolve(echoing(asked)).then(answer));
        }),
    );
    const client = new Client({}, server);
    await client.session();
    const calls = [];
    for (let n = 0; n < 3; n += 1) {
      calls.push(client.call("Core/echo", { n }));
      await Promise.resolve();
    }
    await settled();
    expect(server.asked).toHaveLength(2);
    waiting.shift()?.();
    await calls[0];
    await settled();
    expect(server.asked).toHaveLength(3);
    for (const answer of waiting) answer();
    await Promise.all(calls);
  });

  test("may not refer to what has left already", async () => {
    const client = new Client({}, new Faked([echoing]));
    const query = client.call("Email/query", { accountId });
    await query;
    expect(() => client.call("Email/get", { accountId, ids: query.ref("/ids") })).toThrow("has left already");
  });

  test("have answers of their own, also where a method implies another", async () => {
    const server = new Faked([
      () =>
        json({
          methodResponses: [
            ["EmailSubmission/set", { created: { s: {} } }, "c0"],
            ["Email/set", { updated: { M1: null } }, "c0"],
            ["error", { type: "invalidArguments", description: "no" }, "c1"],
          ],
          sessionState: "s1",
        }),
    ]);
    const client = new Client({}, server);
    const sent = client.call("EmailSubmission/set", { accountId, create: {} });
    const refused = client.call("Email/get", { accountId, ids: [] });
    const unanswered = client.call("Core/echo", {});
    expect(await sent).toEqual({ created: { s: {} } });
    const failure = await refused.then(
      () => null,
      (one: unknown) => one,
    );
    expect(failure).toBeInstanceOf(MethodFailed);
    expect(failure).toMatchObject({ type: "invalidArguments", details: { description: "no" } });
    await expect(unanswered).rejects.toBeInstanceOf(RequestFailed);
  });
});

describe("what is sent again", () => {
  test("reading, as long as nobody answers", async () => {
    const server = new Faked([gone, () => json({}, 503), echoing]);
    await new Client({}, server).call("Email/get", { accountId, ids: [] });
    expect(server.asked).toHaveLength(3);
    expect(server.waits).toEqual([750, 1500]);
  });

  test("not for ever", async () => {
    const server = new Faked([gone]);
    const call = new Client({}, server).call("Email/get", { accountId, ids: [] });
    await expect(call).rejects.toMatchObject({ name: "Unreachable", maybeDone: false });
    expect(server.asked).toHaveLength(4);
  });

  test("nothing that creates: it may have been done", async () => {
    const server = new Faked([gone, echoing]);
    const call = new Client({}, server).call("Email/set", { accountId, create: { a: {} } });
    await expect(call).rejects.toMatchObject({ name: "Unreachable", maybeDone: true });
    expect(server.asked).toHaveLength(1);
  });

  test("what says how things are to be, and what is refused the second time", async () => {
    for (const given of [
      { accountId, update: { M1: { "keywords/$seen": true } } },
      { accountId, create: { a: {} }, ifInState: "7" },
    ]) {
      const server = new Faked([gone, echoing]);
      await new Client({}, server).call("Email/set", given);
      expect(server.asked).toHaveLength(2);
    }
  });

  test("what the server puts off, after the time that it names", async () => {
    const server = new Faked([() => json({ type: "about:blank" }, 429, { "Retry-After": "3" }), echoing]);
    await new Client({}, server).call("Email/set", { accountId, create: { a: {} } });
    expect(server.waits).toEqual([3000]);
  });

  test("nothing that the server refuses, or puts off for long", async () => {
    const type = "urn:ietf:params:jmap:error:limit";
    const server = new Faked([() => json({ type, detail: "no", limit: "maxCallsInRequest" }, 400)]);
    const call = new Client({}, server).call("Email/get", { accountId, ids: [] });
    await expect(call).rejects.toMatchObject({ status: 400, type, limit: "maxCallsInRequest" });
    expect(server.asked).toHaveLength(1);
    const busy = new Faked([() => json({}, 429, { "Retry-After": "3600" })]);
    await expect(new Client({}, busy).call("Core/echo", {})).rejects.toBeInstanceOf(RequestFailed);
    expect(busy.asked).toHaveLength(1);
  });

  test("nothing at all without a network", async () => {
    const server = new Faked([echoing]);
    server.isOnline = false;
    const call = new Client({}, server).call("Core/echo", {});
    await expect(call).rejects.toBeInstanceOf(Unreachable);
    server.isOnline = true;
    await new Client({}, server).call("Core/echo", {});
  });
});

describe("the session", () => {
  test("that has ended is told once, and stops all until somebody has signed in", async () => {
    const server = new Faked([() => json({ type: "urn:pillarbox:session-ended" }, 401), echoing]);
    let ended = 0;
    const client = new Client({ ended: () => (ended += 1) }, server);
    await expect(client.call("Core/echo", {})).rejects.toBeInstanceOf(SessionEnded);
    await expect(client.call("Core/echo", {})).rejects.toBeInstanceOf(SessionEnded);
    expect([ended, server.asked.length]).toEqual([1, 1]);
    client.resume();
    await client.call("Core/echo", {});
    expect(server.asked).toHaveLength(2);
  });

  test("is asked for again where an answer tells of another", async () => {
    const server = new Faked([
      () => json({ methodResponses: [["Core/echo", {}, "c0"]], sessionState: "s2" }),
    ]);
    const seen: string[] = [];
    const client = new Client({ session: (session) => seen.push(session.state) }, server);
    await client.session();
    server.session = { ...SESSION, state: "s2" };
    await client.call("Core/echo", {});
    expect((await client.session()).state).toBe("s2");
    expect(seen).toEqual(["s1", "s2"]);
  });

  test("that can't be had fails the call, and is asked for again with the next", async () => {
    const server = new Faked([echoing]);
    server.session = json({}, 500);
    const client = new Client({}, server);
    await expect(client.call("Core/echo", {})).rejects.toMatchObject({ status: 500 });
    server.session = SESSION;
    await client.call("Core/echo", {});
  });
});

/** All that can go on without an answer has gone on. */
async function settled(): Promise<void> {
  await new Promise((done) => setTimeout(done));
}

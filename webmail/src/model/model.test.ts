import { expect, test } from "vitest";

import type { Mailbox } from "../jmap";
import { Client } from "../jmap";
import { Faked, json } from "../jmap/faked";
import { byKey, placed } from "./mailboxes";
import { overview } from "./overview";

function mailbox(id: string, more: Partial<Mailbox> = {}): Mailbox {
  return { id, name: id, parentId: null, role: null, sortOrder: 0, unreadEmails: 0, ...more } as Mailbox;
}

test("mailboxes stand in an order that people know, each below the one that it is in", () => {
  const all = [
    mailbox("b", { parentId: "a" }),
    mailbox("trash", { role: "trash" }),
    mailbox("a"),
    mailbox("c", { parentId: "b" }),
    mailbox("z", { sortOrder: -1 }),
    mailbox("inbox", { role: "inbox" }),
    mailbox("lost", { parentId: "gone" }),
  ];
  expect(placed(all).map(({ mailbox: { id }, depth }) => `${depth}${id}`)).toEqual([
    "0inbox",
    "0trash",
    "0z",
    "0a",
    "1b",
    "2c",
    "0lost",
  ]);
});

test("an address names a mailbox by what it is for, or by its id", () => {
  const all = [mailbox("F1", { role: "inbox" }), mailbox("F2")];
  expect(["inbox", "F1", "F2", "F3"].map((key) => byKey(all, key)?.id ?? null)).toEqual([
    "F1",
    "F1",
    "F2",
    null,
  ]);
});

test("an overview is two requests: mailboxes, then emails of one", async () => {
  const answer =
    (...responses: unknown[]): (() => Response) =>
    () =>
      json({ methodResponses: responses, sessionState: "s1" });
  const server = new Faked([
    answer(["Mailbox/get", { list: [mailbox("F1", { role: "inbox" })] }, "c0"]),
    answer(["Email/query", { ids: ["M1"] }, "c1"], ["Email/get", { list: [{ id: "M1" }] }, "c2"]),
  ]);
  const found = await overview(new Client({}, server), "inbox");
  expect(found).toMatchObject({ accountId: "A1", username: "ann@example.org", emails: [{ id: "M1" }] });
  expect(found.here?.id).toBe("F1");
  expect(server.asked[1]?.body.methodCalls.map(([name]) => name)).toEqual(["Email/query", "Email/get"]);
});

test("a mailbox that there is not has no emails", async () => {
  const server = new Faked([
    () => json({ methodResponses: [["Mailbox/get", { list: [] }, "c0"]], sessionState: "s1" }),
  ]);
  expect(await overview(new Client({}, server), "F9")).toMatchObject({ here: null, emails: [] });
  expect(server.asked).toHaveLength(1);
});

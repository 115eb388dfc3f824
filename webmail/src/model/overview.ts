/** What the first page shows: all mailboxes, and the newest emails of one. */

import type { Client, Email, Id, Mailbox } from "../jmap";
import { MAIL } from "../jmap";
import { byKey } from "./mailboxes";

export const NEWEST = 50;

const PROPERTIES = [
  "id",
  "threadId",
  "mailboxIds",
  "keywords",
  "receivedAt",
  "from",
  "to",
  "subject",
  "preview",
  "hasAttachment",
] as const;

/** What a list knows of an email. */
export type Summary = Pick<Email, (typeof PROPERTIES)[number]>;

export interface Overview {
  readonly accountId: Id;
  /** The address of who is signed in. */
  readonly username: string;
  readonly mailboxes: readonly Mailbox[];
  /** The mailbox that is open; null where there is none of this name. */
  readonly here: Mailbox | null;
  /** Newest first. */
  readonly emails: readonly Summary[];
}

/** Ask for it. `key` names the mailbox (`keyOf`). Throws a `Failure`. */
export async function overview(client: Client, key: string): Promise<Overview> {
  const session = await client.session();
  const accountId = session.primaryAccounts[MAIL];
  if (accountId === undefined)
    return { accountId: "", username: session.username, mailboxes: [], here: null, emails: [] };
  const mailboxes = (await client.call("Mailbox/get", { accountId, ids: null })).list;
  const here = byKey(mailboxes, key);
  const emails = here === null ? [] : await newest(client, accountId, here.id);
  return { accountId, username: session.username, mailboxes, here, emails };
}

async function newest(client: Client, accountId: Id, inMailbox: Id): Promise<readonly Summary[]> {
  const query = client.call("Email/query", {
    accountId,
    filter: { inMailbox },
    sort: [{ property: "receivedAt", isAscending: false }],
    limit: NEWEST,
  });
  const got = await client.call("Email/get", { accountId, ids: query.ref("/ids"), properties: PROPERTIES });
  return got.list;
}

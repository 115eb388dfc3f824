/** Mailboxes in the order that people see, and how they are named in addresses. */

import type { Id, Mailbox, Role } from "../jmap";

const FIRST: readonly Role[] = [
  "inbox",
  "flagged",
  "important",
  "drafts",
  "sent",
  "archive",
  "junk",
  "trash",
  "all",
];

export interface Placed {
  readonly mailbox: Mailbox;
  /** How many mailboxes it is in. */
  readonly depth: number;
}

/** Those with a role first, then by the order that was chosen, then by name; each followed by those within it. */
export function placed(mailboxes: readonly Mailbox[]): Placed[] {
  const known = new Set(mailboxes.map((one) => one.id));
  const within = new Map<Id | null, Mailbox[]>();
  for (const mailbox of mailboxes) {
    const parent = mailbox.parentId !== null && known.has(mailbox.parentId) ? mailbox.parentId : null;
    within.set(parent, [...(within.get(parent) ?? []), mailbox]);
  }
  const below = (parent: Id | null, depth: number): Placed[] =>
    (within.get(parent) ?? [])
      .toSorted(compared)
      .flatMap((mailbox) => [{ mailbox, depth }, ...below(mailbox.id, depth + 1)]);
  return below(null, 0);
}

function compared(a: Mailbox, b: Mailbox): number {
  return rank(a) - rank(b) || a.sortOrder - b.sortOrder || a.name.localeCompare(b.name);
}

function rank(mailbox: Mailbox): number {
  const found = mailbox.role === null ? -1 : FIRST.indexOf(mailbox.role);
  return found === -1 ? FIRST.length : found;
}

/** What names a mailbox in an address: what it is for, else its id. */
export function keyOf(mailbox: Mailbox): string {
  return mailbox.role ?? mailbox.id;
}

/** The mailbox that an address names. */
export function byKey(mailboxes: readonly Mailbox[], key: string): Mailbox | null {
  return mailboxes.find((one) => keyOf(one) === key) ?? mailboxes.find((one) => one.id === key) ?? null;
}

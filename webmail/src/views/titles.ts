/** What things are called on the page. */

import type { Mailbox } from "../jmap";
import type { Key } from "./words";

/** A mailbox with a role is called what it is for, in the reader's language. */
export function titleOf(mailbox: Mailbox, t: (key: Key) => string): string {
  return mailbox.role === null ? mailbox.name : t(`mailbox.${mailbox.role}`);
}

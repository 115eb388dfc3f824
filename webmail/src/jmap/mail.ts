/** The records of RFC 8621, as far as the page reads and writes them. */

import type { Id } from "./core";

export type Role =
  "inbox" | "archive" | "drafts" | "sent" | "trash" | "junk" | "important" | "all" | "flagged";

export interface MailboxRights {
  readonly mayReadItems: boolean;
  readonly mayAddItems: boolean;
  readonly mayRemoveItems: boolean;
  readonly maySetSeen: boolean;
  readonly maySetKeywords: boolean;
  readonly mayCreateChild: boolean;
  readonly mayRename: boolean;
  readonly mayDelete: boolean;
  readonly maySubmit: boolean;
}

export interface Mailbox {
  readonly id: Id;
  readonly name: string;
  readonly parentId: Id | null;
  readonly role: Role | null;
  readonly sortOrder: number;
  readonly totalEmails: number;
  readonly unreadEmails: number;
  readonly totalThreads: number;
  readonly unreadThreads: number;
  readonly myRights: MailboxRights;
  readonly isSubscribed: boolean;
}

export interface Thread {
  readonly id: Id;
  readonly emailIds: readonly Id[];
}

export interface EmailAddress {
  readonly name: string | null;
  readonly email: string;
}

export interface BodyPart {
  readonly partId: string | null;
  readonly blobId: Id | null;
  readonly size: number;
  readonly name: string | null;
  readonly type: string;
  readonly charset: string | null;
  readonly disposition: string | null;
  readonly cid: string | null;
}

export interface BodyValue {
  readonly value: string;
  readonly isEncodingProblem: boolean;
  readonly isTruncated: boolean;
}

export interface Email {
  readonly id: Id;
  readonly blobId: Id;
  readonly threadId: Id;
  readonly mailboxIds: Readonly<Record<Id, true>>;
  readonly keywords: Readonly<Record<string, true>>;
  /** In octets. */
  readonly size: number;
  readonly receivedAt: string;
  readonly sentAt: string | null;
  readonly messageId: readonly string[] | null;
  readonly inReplyTo: readonly string[] | null;
  readonly references: readonly string[] | null;
  readonly from: readonly EmailAddress[] | null;
  readonly to: readonly EmailAddress[] | null;
  readonly cc: readonly EmailAddress[] | null;
  readonly bcc: readonly EmailAddress[] | null;
  readonly replyTo: readonly EmailAddress[] | null;
  readonly subject: string | null;
  readonly preview: string;
  readonly hasAttachment: boolean;
  readonly textBody: readonly Partial<BodyPart>[];
  readonly htmlBody: readonly Partial<BodyPart>[];
  readonly attachments: readonly Partial<BodyPart>[];
  readonly bodyValues: Readonly<Record<string, BodyValue>>;
}

export interface EmailCondition {
  readonly inMailbox?: Id;
  readonly inMailboxOtherThan?: readonly Id[];
  readonly before?: string;
  readonly after?: string;
  readonly minSize?: number;
  readonly maxSize?: number;
  readonly hasKeyword?: string;
  readonly notKeyword?: string;
  readonly hasAttachment?: boolean;
  readonly text?: string;
  readonly from?: string;
  readonly to?: string;
  readonly cc?: string;
  readonly bcc?: string;
  readonly subject?: string;
  readonly body?: string;
  readonly header?: readonly [string] | readonly [string, string];
}

export interface MailboxCondition {
  readonly parentId?: Id | null;
  readonly name?: string;
  readonly role?: Role | null;
  readonly hasAnyRole?: boolean;
  readonly isSubscribed?: boolean;
}

export interface Identity {
  readonly id: Id;
  readonly name: string;
  readonly email: string;
  readonly replyTo: readonly EmailAddress[] | null;
  readonly bcc: readonly EmailAddress[] | null;
  readonly textSignature: string;
  readonly htmlSignature: string;
  readonly mayDelete: boolean;
}

export interface EmailSubmission {
  readonly id: Id;
  readonly identityId: Id;
  readonly emailId: Id;
  readonly threadId: Id;
  readonly envelope: unknown;
  readonly sendAt: string;
  readonly undoStatus: "pending" | "final" | "canceled";
  readonly deliveryStatus: Readonly<Record<string, unknown>> | null;
}

/** The table of methods: what each takes and answers, and the capability that it belongs to. */

import type {
  ChangesArguments,
  ChangesResponse,
  GetArguments,
  GetResponse,
  Id,
  OfAccount,
  Patch,
  QueryArguments,
  QueryChangesArguments,
  QueryChangesResponse,
  QueryResponse,
  SetArguments,
  SetError,
  SetResponse,
} from "./core";
import type {
  Email,
  EmailCondition,
  EmailSubmission,
  Identity,
  Mailbox,
  MailboxCondition,
  Thread,
} from "./mail";

interface Method<A, R> {
  readonly takes: A;
  readonly answers: R;
}

interface Collapsing {
  readonly collapseThreads?: boolean;
}

interface EmailGetArguments extends GetArguments {
  readonly bodyProperties?: readonly string[];
  readonly fetchTextBodyValues?: boolean;
  readonly fetchHTMLBodyValues?: boolean;
  readonly fetchAllBodyValues?: boolean;
  readonly maxBodyValueBytes?: number;
}

/** RFC 8620, RFC 8621; `undoable`, `undoToken` and Email/undo are of `urn:pillarbox:jmap:undo` (docs/jmap.md). */
export interface Methods {
  "Core/echo": Method<Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>>;
  "Mailbox/get": Method<GetArguments, GetResponse<Mailbox>>;
  "Mailbox/changes": Method<ChangesArguments, ChangesResponse>;
  "Mailbox/query": Method<QueryArguments<MailboxCondition>, QueryResponse>;
  "Mailbox/set": Method<
    SetArguments<Mailbox> & { readonly onDestroyRemoveEmails?: boolean },
    SetResponse<Mailbox>
  >;
  "Thread/get": Method<GetArguments, GetResponse<Thread>>;
  "Thread/changes": Method<ChangesArguments, ChangesResponse>;
  "Email/get": Method<EmailGetArguments, GetResponse<Email>>;
  "Email/changes": Method<ChangesArguments, ChangesResponse>;
  "Email/query": Method<
    QueryArguments<EmailCondition> & Collapsing,
    QueryResponse & { readonly collapseThreads: boolean }
  >;
  "Email/queryChanges": Method<QueryChangesArguments<EmailCondition> & Collapsing, QueryChangesResponse>;
  "Email/set": Method<
    SetArguments<Email> & { readonly undoable?: boolean },
    SetResponse<Email> & { readonly undoToken?: string | null }
  >;
  "Email/undo": Method<
    OfAccount & { readonly undoToken: string; readonly ifInState?: string | null },
    OfAccount & {
      readonly oldState: string | null;
      readonly newState: string;
      readonly undone: Readonly<Record<Id, Partial<Email> | null>> | null;
      readonly notUndone: Readonly<Record<Id, SetError>> | null;
      readonly undoToken: string | null;
    }
  >;
  "Identity/get": Method<GetArguments, GetResponse<Identity>>;
  "Identity/changes": Method<ChangesArguments, ChangesResponse>;
  "Identity/set": Method<SetArguments<Identity>, SetResponse<Identity>>;
  "EmailSubmission/get": Method<GetArguments, GetResponse<EmailSubmission>>;
  "EmailSubmission/changes": Method<ChangesArguments, ChangesResponse>;
  "EmailSubmission/set": Method<
    SetArguments<EmailSubmission> & {
      readonly onSuccessUpdateEmail?: Readonly<Record<Id, Patch>> | null;
      readonly onSuccessDestroyEmail?: readonly Id[] | null;
    },
    SetResponse<EmailSubmission>
  >;
}

export type MethodName = keyof Methods;
export type Takes<M extends MethodName> = Methods[M]["takes"];
export type Answers<M extends MethodName> = Methods[M]["answers"];

export const CORE = "urn:ietf:params:jmap:core";
export const MAIL = "urn:ietf:params:jmap:mail";
export const SUBMISSION = "urn:ietf:params:jmap:submission";
export const UNDO = "urn:pillarbox:jmap:undo";
export const WEBSOCKET = "urn:ietf:params:jmap:websocket";

const OF_TYPE: Readonly<Record<string, string>> = {
  Core: CORE,
  Mailbox: MAIL,
  Thread: MAIL,
  Email: MAIL,
  Identity: SUBMISSION,
  EmailSubmission: SUBMISSION,
};

/** The capabilities that a call needs in `using` (RFC 8620 §3.3). */
export function capabilitiesOf(name: MethodName, taken: Readonly<Record<string, unknown>>): string[] {
  const of = OF_TYPE[name.slice(0, name.indexOf("/"))] ?? CORE;
  return name === "Email/undo" || "undoable" in taken ? [of, UNDO] : [of];
}

const READING = /\/(echo|get|query|changes|queryChanges)$/;

/**
 * Whether a call may be sent again where nobody knows if it was carried out. What reads may; so may a `/set` that
 * creates nothing, since a patch says how a record is to be and not what to do with it; and one with `ifInState`, which
 * is refused the second time.
 */
export function mayRepeat(name: MethodName, taken: Readonly<Record<string, unknown>>): boolean {
  if (READING.test(name)) return true;
  if (!name.endsWith("/set")) return false;
  return typeof taken["ifInState"] === "string" || (taken["create"] ?? null) === null;
}

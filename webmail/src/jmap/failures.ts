/** What can go wrong, each a class: whoever calls looks at what it is, never at a sentence. */

/** A call was refused; others of its request were carried out (RFC 8620 §3.6.2). */
export class MethodFailed extends Error {
  override readonly name = "MethodFailed";

  constructor(
    readonly type: string,
    readonly method: string,
    /** All that the server says, `description` among it. */
    readonly details: Readonly<Record<string, unknown>>,
  ) {
    super(`${method}: ${type}`);
  }
}

/** A whole request was refused, and nothing of it done (RFC 8620 §3.6.1, RFC 9457). */
export class RequestFailed extends Error {
  override readonly name = "RequestFailed";

  constructor(
    readonly status: number,
    readonly type: string,
    detail: string,
    /** The limit that it exceeds, by its name. */
    readonly limit: string | null = null,
  ) {
    super(`${status} ${type}: ${detail}`);
  }
}

/** Nobody is signed in any more. */
export class SessionEnded extends Error {
  override readonly name = "SessionEnded";

  constructor() {
    super("the session has ended");
  }
}

/** The server was not reached, or gave no answer. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";

  constructor(
    /** Whether the request may have been carried out all the same. */
    readonly maybeDone: boolean,
    cause?: unknown,
  ) {
    super(maybeDone ? "no answer" : "not reached", { cause });
  }
}

export type Failure = MethodFailed | RequestFailed | SessionEnded | Unreachable;

/** Calls, and references from one to what another of the same request has answered (RFC 8620 §3.7). */

import type { Answers, MethodName, Takes } from "./methods";

/** What stands in the place of an argument: part of the answer to another call. */
export class Reference {
  constructor(
    readonly call: Call,
    /** A JSON pointer, with `*` for each of an array. */
    readonly path: string,
  ) {}
}

/** Arguments, each of which may be a reference. */
export type Given<A> = { readonly [K in keyof A]: A[K] | Reference };

/** A call that is sent with others of its moment. */
export class Call<M extends MethodName = MethodName> implements PromiseLike<Answers<M>> {
  readonly #answer: Promise<Answers<M>>;
  #succeed!: (answer: Answers<M>) => void;
  #fail!: (failure: unknown) => void;
  /** Whether it has left with a request: what refers to it then comes too late. */
  sent = false;

  constructor(
    readonly id: string,
    readonly name: M,
    readonly given: Given<Takes<M>>,
  ) {
    this.#answer = new Promise((succeed, fail) => {
      this.#succeed = succeed;
      this.#fail = fail;
    });
    // Who waits for a later call of a chain only is told there
    this.#answer.catch(() => undefined);
  }

  /** Part of the answer, as an argument of another call made in the same moment. */
  ref(path: string): Reference {
    return new Reference(this as unknown as Call, path);
  }

  then<F = Answers<M>, R = never>(
    fulfilled?: ((answer: Answers<M>) => F | PromiseLike<F>) | null,
    rejected?: ((failure: unknown) => R | PromiseLike<R>) | null,
  ): Promise<F | R> {
    return this.#answer.then(fulfilled, rejected);
  }

  succeed(answer: Answers<M>): void {
    this.#succeed(answer);
  }

  fail(failure: unknown): void {
    this.#fail(failure);
  }

  /** The calls that it refers to. */
  get needs(): Call[] {
    return Object.values(this.given).flatMap((one) => (one instanceof Reference ? [one.call] : []));
  }

  /** Its arguments on the wire. */
  get arguments(): Record<string, unknown> {
    const members: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(this.given)) {
      if (value instanceof Reference) {
        members[`#${name}`] = { resultOf: value.call.id, name: value.call.name, path: value.path };
      } else {
        members[name] = value;
      }
    }
    return members;
  }
}

/**
 * The calls in requests of at most so many, in their order; calls that refer to each other, or to records that another
 * creates (`#id`), stay together.
 */
export function inRequests(calls: readonly Call[], most: number): Call[][] {
  const requests: Call[][] = [];
  for (const group of groups(calls)) {
    const last = requests.at(-1);
    if (last && last.length + group.length <= most) last.push(...group);
    else requests.push([...group]);
  }
  const place = new Map(calls.map((call, index) => [call, index]));
  for (const request of requests) request.sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0));
  return requests;
}

function groups(calls: readonly Call[]): Set<Call[]> {
  const of = new Map<Call, Call[]>();
  const creating: [Call, string[]][] = [];
  for (const call of calls) {
    const text = creating.length > 0 ? JSON.stringify(call.arguments) : "";
    const makers = creating.flatMap(([one, ids]) =>
      ids.some((id) => text.includes(`"#${id}"`)) ? [one] : [],
    );
    const joined = new Set([...call.needs, ...makers].flatMap((one) => [of.get(one) ?? []]));
    const group = [...[...joined].flat(), call];
    for (const one of group) of.set(one, group);
    const created = (call.given as { readonly create?: unknown }).create;
    if (created !== null && typeof created === "object") creating.push([call, Object.keys(created)]);
  }
  return new Set(of.values());
}

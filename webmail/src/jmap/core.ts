/** The shapes of RFC 8620: what all records, methods and the session have. */

export type Id = string;

/** By name of a property, or path of a patch (RFC 8620 §5.3). */
export type Patch = Readonly<Record<string, unknown>>;

export interface Account {
  readonly name: string;
  readonly isPersonal: boolean;
  readonly isReadOnly: boolean;
  readonly accountCapabilities: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** RFC 8620 §2. */
export interface Session {
  readonly capabilities: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly accounts: Readonly<Record<Id, Account>>;
  readonly primaryAccounts: Readonly<Record<string, Id>>;
  readonly username: string;
  readonly apiUrl: string;
  readonly downloadUrl: string;
  readonly uploadUrl: string;
  readonly eventSourceUrl: string;
  readonly state: string;
}

/** Of the capability `urn:ietf:params:jmap:core`. Sizes in octets. */
export interface CoreLimits {
  readonly maxSizeUpload: number;
  readonly maxConcurrentUpload: number;
  readonly maxSizeRequest: number;
  readonly maxConcurrentRequests: number;
  readonly maxCallsInRequest: number;
  readonly maxObjectsInGet: number;
  readonly maxObjectsInSet: number;
}

export interface OfAccount {
  readonly accountId: Id;
}

export interface GetArguments extends OfAccount {
  readonly ids: readonly Id[] | null;
  readonly properties?: readonly string[] | null;
}

export interface GetResponse<T> extends OfAccount {
  readonly state: string;
  readonly list: readonly T[];
  readonly notFound: readonly Id[];
}

export interface ChangesArguments extends OfAccount {
  readonly sinceState: string;
  readonly maxChanges?: number | null;
}

export interface ChangesResponse extends OfAccount {
  readonly oldState: string;
  readonly newState: string;
  readonly hasMoreChanges: boolean;
  readonly created: readonly Id[];
  readonly updated: readonly Id[];
  readonly destroyed: readonly Id[];
  readonly updatedProperties?: readonly string[] | null;
}

export interface Comparator {
  readonly property: string;
  readonly isAscending?: boolean;
  readonly collation?: string;
  readonly keyword?: string;
}

export type Filter<C> =
  C | { readonly operator: "AND" | "OR" | "NOT"; readonly conditions: readonly Filter<C>[] };

interface Queried<C> extends OfAccount {
  readonly filter?: Filter<C> | null;
  readonly sort?: readonly Comparator[] | null;
  readonly calculateTotal?: boolean;
}

export interface QueryArguments<C> extends Queried<C> {
  readonly position?: number;
  readonly anchor?: Id | null;
  readonly anchorOffset?: number;
  readonly limit?: number | null;
}

export interface QueryResponse extends OfAccount {
  readonly queryState: string;
  readonly canCalculateChanges: boolean;
  readonly position: number;
  readonly ids: readonly Id[];
  readonly total?: number;
  readonly limit?: number;
}

export interface QueryChangesArguments<C> extends Queried<C> {
  readonly sinceQueryState: string;
  readonly maxChanges?: number | null;
  readonly upToId?: Id | null;
}

export interface QueryChangesResponse extends OfAccount {
  readonly oldQueryState: string;
  readonly newQueryState: string;
  readonly total?: number;
  readonly removed: readonly Id[];
  readonly added: readonly { readonly id: Id; readonly index: number }[];
}

export interface SetArguments<T> extends OfAccount {
  readonly ifInState?: string | null;
  readonly create?: Readonly<Record<Id, Partial<T>>> | null;
  readonly update?: Readonly<Record<Id, Patch>> | null;
  readonly destroy?: readonly Id[] | null;
}

/** Why a record was not changed (RFC 8620 §5.3). */
export interface SetError {
  readonly type: string;
  readonly description?: string | null;
  readonly properties?: readonly string[];
  readonly existingId?: Id;
}

export interface SetResponse<T> extends OfAccount {
  readonly oldState: string | null;
  readonly newState: string;
  readonly created: Readonly<Record<Id, Partial<T>>> | null;
  readonly updated: Readonly<Record<Id, Partial<T> | null>> | null;
  readonly destroyed: readonly Id[] | null;
  readonly notCreated: Readonly<Record<Id, SetError>> | null;
  readonly notUpdated: Readonly<Record<Id, SetError>> | null;
  readonly notDestroyed: Readonly<Record<Id, SetError>> | null;
}

/** New states by account and type (RFC 8620 §7.1). */
export type Changed = Readonly<Record<Id, Readonly<Record<string, string>>>>;

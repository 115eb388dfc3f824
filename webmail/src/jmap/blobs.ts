/** Octets: where they are downloaded from, and how they are uploaded (RFC 8620 §6). */

import type { Id, Session } from "./core";
import { SessionEnded, Unreachable } from "./failures";
import { failureOf } from "./sending";

export interface Uploaded {
  readonly blobId: Id;
  readonly type: string;
  /** In octets. */
  readonly size: number;
}

/** A URI template of level 1 (RFC 6570) with its values. */
export function expanded(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
}

/** The address of a blob, under a name and as a type. */
export function downloadUrl(session: Session, accountId: Id, blobId: Id, name: string, type: string): string {
  // A dot alone is part of no file's name, and browsers take it out of a path
  const named = /^\.*$/.test(name) ? "file" : name;
  return expanded(session.downloadUrl, { accountId, blobId, name: named, type });
}

export interface UploadOptions {
  /** Told how many octets have left. */
  readonly onProgress?: (sent: number) => void;
  readonly signal?: AbortSignal;
  /** Makes what sends it: only this tells of progress. */
  readonly make?: () => XMLHttpRequest;
}

/** Upload octets. It does no harm twice. Throws a `Failure`, or what the signal says. */
export function upload(
  session: Session,
  accountId: Id,
  octets: Blob,
  { onProgress, signal, make = () => new XMLHttpRequest() }: UploadOptions = {},
): Promise<Uploaded> {
  return new Promise((succeed, fail) => {
    if (signal?.aborted) {
      fail(signal.reason as Error);
      return;
    }
    const request = make();
    const abort = (): void => {
      request.abort();
      fail(signal?.reason as Error);
    };
    const settle = (settled: () => void): void => {
      signal?.removeEventListener("abort", abort);
      settled();
    };
    signal?.addEventListener("abort", abort, { once: true });
    request.open("POST", expanded(session.uploadUrl, { accountId }));
    request.setRequestHeader("Content-Type", octets.type || "application/octet-stream");
    request.setRequestHeader("X-Pillarbox", "1");
    request.upload.onprogress = (event) => onProgress?.(event.loaded);
    request.onerror = (event) => {
      settle(() => {
        fail(new Unreachable(false, event));
      });
    };
    request.onload = () => {
      settle(() => {
        if (request.status === 201 || request.status === 200)
          succeed(JSON.parse(request.responseText) as Uploaded);
        else if (request.status === 401) fail(new SessionEnded());
        else fail(failureOf(request.status, request.responseText));
      });
    };
    request.send(octets);
  });
}

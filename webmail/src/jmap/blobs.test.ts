import { expect, test } from "vitest";

import { downloadUrl, upload } from "./blobs";
import type { Session } from "./core";
import { RequestFailed, SessionEnded, Unreachable } from "./failures";
import { SESSION } from "./faked";

const session = SESSION as unknown as Session;

test("a name is a name, whatever is in it", () => {
  const url = (name: string): string => downloadUrl(session, "A1", "B1", name, "text/plain");
  expect(url("a/b?c#d e.txt")).toBe(
    "https://mail.example/jmap/download/A1/B1/a%2Fb%3Fc%23d%20e.txt?accept=text%2Fplain",
  );
  for (const name of ["..", ".", ""]) expect(url(name)).toContain("/B1/file?");
});

/** What the browser uploads with, and a hand that moves it. */
class FakedUpload {
  readonly fields: Record<string, string> = {};
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
  url = "";
  status = 0;
  responseText = "";
  aborted = false;
  sent: unknown;
  onload: () => void = () => undefined;
  onerror: () => void = () => undefined;

  open(_method: string, url: string): void {
    this.url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.fields[name] = value;
  }

  send(octets: unknown): void {
    this.sent = octets;
  }

  abort(): void {
    this.aborted = true;
  }

  answer(status: number, text: string): void {
    this.status = status;
    this.responseText = text;
    this.onload();
  }
}

function begun(options: { signal?: AbortSignal; onProgress?: (sent: number) => void } = {}): {
  request: FakedUpload;
  outcome: Promise<unknown>;
} {
  const request = new FakedUpload();
  const make = (): XMLHttpRequest => request as unknown as XMLHttpRequest;
  const octets = new Blob(["hello"], { type: "text/plain" });
  return { request, outcome: upload(session, "A1", octets, { ...options, make }) };
}

test("an upload tells how far it is, and what came of it", async () => {
  const seen: number[] = [];
  const { request, outcome } = begun({ onProgress: (sent) => seen.push(sent) });
  request.upload.onprogress?.({ loaded: 2 });
  request.upload.onprogress?.({ loaded: 5 });
  request.answer(201, '{"blobId": "U1", "type": "text/plain", "size": 5}');
  expect(await outcome).toEqual({ blobId: "U1", type: "text/plain", size: 5 });
  expect(seen).toEqual([2, 5]);
  expect(request.url).toBe("https://mail.example/jmap/upload/A1/");
  expect(request.fields).toEqual({ "Content-Type": "text/plain", "X-Pillarbox": "1" });
});

test("an upload that fails says why", async () => {
  const large = begun();
  large.request.answer(413, '{"type": "urn:ietf:params:jmap:error:limit", "limit": "maxSizeUpload"}');
  await expect(large.outcome).rejects.toMatchObject({ status: 413, limit: "maxSizeUpload" });
  const page = begun();
  page.request.answer(502, "<h1>Bad Gateway</h1>");
  await expect(page.outcome).rejects.toBeInstanceOf(RequestFailed);
  const ended = begun();
  ended.request.answer(401, "");
  await expect(ended.outcome).rejects.toBeInstanceOf(SessionEnded);
  const gone = begun();
  gone.request.onerror();
  await expect(gone.outcome).rejects.toBeInstanceOf(Unreachable);
});

test("an upload is given up when it is not wanted any more", async () => {
  const control = new AbortController();
  const { request, outcome } = begun({ signal: control.signal });
  control.abort(new Error("enough"));
  await expect(outcome).rejects.toThrow("enough");
  expect(request.aborted).toBe(true);
  await expect(begun({ signal: control.signal }).outcome).rejects.toThrow("enough");
});

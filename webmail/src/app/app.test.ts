import { expect, test } from "vitest";

import { isOurs, mailboxOf, signInFrom } from "./address";

test("an address names a mailbox", () => {
  expect(["/mail", "/mail/", "/mail/sent", "/mail/F7/T1", "/mail/a%2Fb", "/mail/%E0"].map(mailboxOf)).toEqual(
    ["inbox", "inbox", "sent", "F7", "a/b", "%E0"],
  );
});

test("who signs in comes back", () => {
  expect(signInFrom("/mail/F7", "?q=a b")).toBe("/sign-in?to=%2Fmail%2FF7%3Fq%3Da+b");
});

test("a click is the page's own unless it wants another tab, a file, or another page", () => {
  const origin = "https://mail.example";
  const click = (more: object = {}): MouseEvent =>
    ({ button: 0, defaultPrevented: false, ...more }) as MouseEvent;
  const link = (more: object = {}): HTMLAnchorElement =>
    ({
      target: "",
      origin,
      pathname: "/mail/sent",
      hasAttribute: () => false,
      ...more,
    }) as unknown as HTMLAnchorElement;
  expect(isOurs(click(), link(), origin)).toBe(true);
  for (const held of ["ctrlKey", "metaKey", "shiftKey", "altKey"]) {
    expect(isOurs(click({ [held]: true }), link(), origin)).toBe(false);
  }
  expect(isOurs(click({ button: 1 }), link(), origin)).toBe(false);
  for (const other of [{ pathname: "/account" }, { target: "_blank" }, { origin: "https://else.example" }]) {
    expect(isOurs(click(), link(other), origin)).toBe(false);
  }
});

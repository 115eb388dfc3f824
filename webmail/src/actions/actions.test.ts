import { expect, test } from "vitest";

import { actionFor } from "./action";
import type { Context } from "./table";
import { ACTIONS } from "./table";

const context = { isLoading: false, refresh: () => undefined } satisfies Context;
const shiftN = {
  key: "N",
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: true,
  isComposing: false,
};

function found(event: object, with_: Context = context): string | undefined {
  return actionFor(ACTIONS, event as KeyboardEvent, with_)?.id;
}

test("a key stands for an action, when that can be done", () => {
  expect(found({ ...shiftN, target: null })).toBe("refresh");
  expect(found({ ...shiftN, ctrlKey: true, target: null })).toBeUndefined();
  expect(found({ ...shiftN, target: null }, { ...context, isLoading: true })).toBeUndefined();
});

test("a key means nothing to us while somebody writes", () => {
  expect(found({ ...shiftN, isComposing: true })).toBeUndefined();
  expect(found({ ...shiftN, keyCode: 229 })).toBeUndefined();
  expect(found({ ...shiftN, target: { tagName: "INPUT" } })).toBeUndefined();
  expect(found({ ...shiftN, target: { tagName: "DIV", isContentEditable: true } })).toBeUndefined();
});

test("no action has the name or the keys of another", () => {
  const all = ACTIONS.flatMap((one) => [one.id, ...one.keys]);
  expect(new Set(all).size).toBe(all.length);
});

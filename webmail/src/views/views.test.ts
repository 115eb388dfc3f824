import { expect, test } from "vitest";

import { initials, nameOf, tint } from "./people";
import { short } from "./times";
import { languageOf, wordsIn } from "./words";

test("times are as short as they can be told apart", () => {
  const now = Date.parse("2026-11-05T10:00:00Z");
  const shown = (at: string): string => short(Date.parse(at), now, "en-GB", "Europe/Berlin");
  expect(shown("2026-11-04T23:30:00Z")).toBe("00:30"); // today in Berlin
  expect(shown("2026-11-02T09:00:00Z")).toBe("Mon");
  expect(shown("2026-10-29T09:00:00Z")).toBe("29 Oct");
  expect(shown("2024-11-03T09:00:00Z")).toBe("2024-11-03");
  expect(shown("2026-11-07T09:00:00Z")).toBe("7 Nov"); // a clock that is ahead
});

test("somebody has a name, initials and a colour", () => {
  expect(nameOf({ name: " ", email: "ann@example.org" })).toBe("ann@example.org");
  expect(["Tomás Reyes", "carol@two.example", "山本 さくら", "Ann", "🙂", ""].map(initials)).toEqual([
    "TR",
    "CE",
    "山",
    "A",
    "?",
    "?",
  ]);
  expect(tint("Ann@example.org")).toBe(tint("ann@example.org"));
  const all = Array.from({ length: 200 }, (_, n) => tint(`u${n}@example.org`));
  expect([Math.min(...all), Math.max(...all)]).toEqual([1, 10]);
});

test("words are in a language that somebody reads, else in English", () => {
  expect(languageOf(["fr-FR", "de-AT"])).toBe("de");
  expect(languageOf(["fr"])).toBe("en");
  expect(wordsIn("de")("mailbox.inbox")).toBe("Posteingang");
});

/** Somebody in a list: a name, initials and a colour, all made of the address and never asked of the net. */

import type { EmailAddress } from "../jmap";

const TINTS = 10;

/** What somebody is called. */
export function nameOf(person: EmailAddress): string {
  return person.name?.trim() || person.email;
}

/** One letter or two. */
export function initials(name: string): string {
  const words = name.split(/[\s@._-]+/u).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const first = [words[0], words.length > 1 ? words.at(-1) : undefined];
  const letters = first.map((word) => (word === undefined ? "" : (Array.from(word)[0] ?? "")));
  // Two letters of scripts whose letters are words would be too wide
  const shown = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(
    letters.join(""),
  )
    ? letters[0]
    : letters.join("");
  return (shown ?? "").toLocaleUpperCase() || "?";
}

/** From 1 to 10, the same for an address at all times. */
export function tint(address: string): number {
  let sum = 0;
  for (const letter of address.toLowerCase()) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return (sum % TINTS) + 1;
}

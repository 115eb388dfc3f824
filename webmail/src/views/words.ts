/** All that the page says, in each language. */

export interface Words {
  readonly "action.refresh": string;
  readonly empty: string;
  readonly failed: string;
  readonly folders: string;
  readonly "mailbox.all": string;
  readonly "mailbox.archive": string;
  readonly "mailbox.drafts": string;
  readonly "mailbox.flagged": string;
  readonly "mailbox.important": string;
  readonly "mailbox.inbox": string;
  readonly "mailbox.junk": string;
  readonly "mailbox.sent": string;
  readonly "mailbox.trash": string;
  readonly attachment: string;
  readonly "no-mailbox": string;
  readonly "no-sender": string;
  readonly "no-subject": string;
  readonly "session-ended": string;
  readonly "sign-in": string;
  readonly "try-again": string;
  readonly unread: string;
  readonly "your-account": string;
}

const ENGLISH: Words = {
  "action.refresh": "Look for new mail",
  attachment: "Has an attachment",
  empty: "Nothing is in here",
  failed: "Mail could not be loaded. Nothing is lost.",
  folders: "Folders",
  "mailbox.all": "All mail",
  "mailbox.archive": "Archive",
  "mailbox.drafts": "Drafts",
  "mailbox.flagged": "Starred",
  "mailbox.important": "Important",
  "mailbox.inbox": "Inbox",
  "mailbox.junk": "Spam",
  "mailbox.sent": "Sent",
  "mailbox.trash": "Trash",
  "no-mailbox": "There is no such folder",
  "no-sender": "No sender",
  "no-subject": "No subject",
  "session-ended": "You are signed out. What is on this page stays until you leave it.",
  "sign-in": "Sign in",
  "try-again": "Try again",
  unread: "Unread",
  "your-account": "Your account",
};

const GERMAN: Words = {
  "action.refresh": "Nach neuer Post sehen",
  attachment: "Hat einen Anhang",
  empty: "Hier ist nichts",
  failed: "Die Post konnte nicht geladen werden. Nichts ist verloren.",
  folders: "Ordner",
  "mailbox.all": "Alle Nachrichten",
  "mailbox.archive": "Archiv",
  "mailbox.drafts": "Entwürfe",
  "mailbox.flagged": "Markiert",
  "mailbox.important": "Wichtig",
  "mailbox.inbox": "Posteingang",
  "mailbox.junk": "Spam",
  "mailbox.sent": "Gesendet",
  "mailbox.trash": "Papierkorb",
  "no-mailbox": "Diesen Ordner gibt es nicht",
  "no-sender": "Ohne Absender",
  "no-subject": "Ohne Betreff",
  "session-ended": "Die Anmeldung ist abgelaufen. Was auf dieser Seite steht, bleibt bis zum Verlassen da.",
  "sign-in": "Anmelden",
  "try-again": "Noch einmal versuchen",
  unread: "Ungelesen",
  "your-account": "Dein Konto",
};

export type Key = keyof Words;
export type Language = "en" | "de";

const ALL: Readonly<Record<Language, Words>> = { en: ENGLISH, de: GERMAN };

/** The first of these languages that there are words in. */
export function languageOf(preferred: readonly string[]): Language {
  const known = preferred.map((one) => one.slice(0, 2).toLowerCase()).find((one) => one in ALL);
  return (known as Language | undefined) ?? "en";
}

/** The words in a language. */
export function wordsIn(language: Language): (key: Key) => string {
  const words = ALL[language];
  return (key) => words[key];
}

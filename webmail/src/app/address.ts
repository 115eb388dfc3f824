/** The page's addresses: each says what is shown, so that back, forward and a new tab do what a person expects. */

const MAIL = /^\/mail\/([^/]+)/;

/** The mailbox that a path names, as `keyOf` does. */
export function mailboxOf(path: string): string {
  const found = MAIL.exec(path)?.[1];
  if (found === undefined) return "inbox";
  try {
    return decodeURIComponent(found);
  } catch {
    return found;
  }
}

/** Where to sign in, and come back here. */
export function signInFrom(path: string, query: string): string {
  return `/sign-in?${new URLSearchParams({ to: path + query }).toString()}`;
}

/** Whether a click on a link is one that the page answers by itself; else the browser does, in a new tab for instance. */
export function isOurs(event: MouseEvent, link: HTMLAnchorElement, origin: string): boolean {
  return (
    event.button === 0 &&
    !event.defaultPrevented &&
    !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) &&
    link.target === "" &&
    !link.hasAttribute("download") &&
    link.origin === origin &&
    (link.pathname === "/mail" || link.pathname.startsWith("/mail/"))
  );
}

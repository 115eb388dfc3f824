/** What can be done, as data: menus, keys and tests are all made of one table (`table.ts`). */

export interface Action<Context> {
  readonly id: string;
  /** A key of the words. */
  readonly label: string;
  /** As `pressed` writes them. */
  readonly keys: readonly string[];
  when(this: void, context: Context): boolean;
  perform(this: void, context: Context): void;
}

/** What was pressed, as actions name it: `Control+Shift+N`. */
export function pressed(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">,
): string {
  const held = { Control: event.ctrlKey, Meta: event.metaKey, Alt: event.altKey, Shift: event.shiftKey };
  const names = Object.entries(held).flatMap(([name, is]) => (is ? [name] : []));
  return [...names, event.key.length === 1 ? event.key.toUpperCase() : event.key].join("+");
}

/** The action that a key stands for; none while a word is being composed (IME), or a field has the keys. */
export function actionFor<Context>(
  actions: readonly Action<Context>[],
  event: KeyboardEvent,
  context: Context,
): Action<Context> | null {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- Safari says it by nothing else
  if (event.isComposing || event.keyCode === 229 || takesText(event.target)) return null;
  const keys = pressed(event);
  return actions.find((one) => one.keys.includes(keys) && one.when(context)) ?? null;
}

function takesText(target: EventTarget | null): boolean {
  const element = target as { readonly tagName?: string; readonly isContentEditable?: boolean } | null;
  return element?.isContentEditable === true || /^(INPUT|TEXTAREA|SELECT)$/.test(element?.tagName ?? "");
}

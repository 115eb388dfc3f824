/** The table of actions. */

import type { Action } from "./action";

/** What actions work on. */
export interface Context {
  readonly isLoading: boolean;
  refresh(this: void): void;
}

export const ACTIONS: readonly Action<Context>[] = [
  {
    id: "refresh",
    label: "action.refresh",
    keys: ["Shift+N"],
    when: (context) => !context.isLoading,
    perform: (context) => {
      context.refresh();
    },
  },
];

/** JMAP for the page: everything that other layers use of it. */

export { downloadUrl, upload } from "./blobs";
export type { UploadOptions, Uploaded } from "./blobs";
export { Call, Reference } from "./calls";
export { Client } from "./client";
export type { Listeners } from "./client";
export type * from "./core";
export type { Failure } from "./failures";
export { MethodFailed, RequestFailed, SessionEnded, Unreachable } from "./failures";
export type * from "./mail";
export { MAIL, SUBMISSION, UNDO } from "./methods";
export type { Answers, MethodName, Methods, Takes } from "./methods";
export { Push } from "./push";
export type { PushListeners } from "./push";
export { browser } from "./surroundings";
export type { Surroundings } from "./surroundings";

/**
 * The transfer of files that `conec send` and `conec receive` make over one stream.
 *
 * @module
 */

export type { TransferSummary } from "./events.ts";
export { DEFAULT_NAMES, type GivenContent, givenText } from "./given-content.ts";
export { encodeTransfer, nodeFileSystem } from "./ground/index.ts";
export type { Keeping } from "./kept-arrivals.ts";
export { KeptParts } from "./placing/index.ts";
export { countSources, type LinkPolicy } from "./reading/index.ts";
export { type ReceiveOptions, receiveFiles } from "./receive-files.ts";
export { type AnnouncedTransfer, countThings, TransferReport } from "./report.ts";
export { type SendOptions, sendFiles } from "./send-files.ts";

/**
 * How a stream, a channel, a Client or a Coordinator ended: see `base/close-info.ts`.
 *
 * @module
 */

export type { CloseInfo } from "../base/close-info.ts";

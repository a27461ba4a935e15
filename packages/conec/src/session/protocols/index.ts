/**
 * Protocols: streams that go to whoever handles what is said on them.
 *
 * @module
 */

export {
	checkHandlers,
	type HandlerContext,
	type HandlerFailed,
	type Handling,
	type ProtocolHandler,
	type ProtocolHandlers,
} from "./handler.ts";
export { Reception, type ReceptionParts } from "./reception.ts";
export type { Arrival } from "./waiting.ts";

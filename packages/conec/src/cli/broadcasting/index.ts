/**
 * What `conec broadcast`, `conec chat --room` and a Coordinator's log share: taking part in a broadcast, and telling of it.
 *
 * @module
 */

export { type BroadcastPresence, showBroadcastEvent } from "./events.ts";
export { takePart, tellUnsure } from "./part.ts";
export { countText, lostText, namesText, parsePosition, peerText, positionText } from "./words.ts";

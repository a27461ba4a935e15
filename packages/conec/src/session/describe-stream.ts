/**
 * What error messages call a stream.
 *
 * @module
 */

import { isExplicitStreamId } from "../wire/ids.ts";

/** `stream 7 to "bob"`, or `stream to "bob"` where nobody chose the number. `peer` null is the Coordinator. */
export function describeStream(id: number, direction: "to" | "from", peer: string | null): string {
	return `stream ${isExplicitStreamId(id) ? `${id} ` : ""}${direction} ${peer === null ? "the Coordinator" : `"${peer}"`}`;
}

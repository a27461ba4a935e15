/**
 * What error messages of streams say after the colon.
 *
 * @module
 */

import type { ConecErrorCode } from "../../errors.ts";

/** Why a stream is over, when the other side said so. */
export const WORDS: Partial<Record<ConecErrorCode, string>> = {
	PEER_BUSY: "the peer has no room for another stream",
	PEER_UNKNOWN: "peer is not connected",
	PEER_LOST: "the Coordinator has lost the peer",
	PEER_TIMEOUT: "the other side did not answer in time",
	CLIENT_CLOSED: "the Client has closed",
	COORDINATOR_CLOSED: "the Coordinator has closed",
	FRAME_INVALID: "the other side did not understand a frame",
	MESSAGE_TOO_LONG: "a message is longer than the other side takes",
	STREAM_TRUNCATED: "it was cut off without an end",
	DISCONNECTED: "the Coordinator has disconnected the Client",
	LAGGED: "it was read too slowly. Join with since to get what was missed",
	BROADCAST_REFUSED: "the Coordinator does not allow it",
	PROTOCOL_UNHANDLED: "the other side does not handle that protocol",
	LIMIT_EXCEEDED: "there are too many streams to this peer",
	STREAM_ID_IN_USE: "a live stream has this number",
	ID_INVALID: "the peer's id is not valid",
	PROTOCOL_ERROR: "the other side says that this side broke the protocol",
};

/** Why a stream is over, when its connection is. */
export const LOST_WORDS: Partial<Record<ConecErrorCode, string>> = {
	COORDINATOR_LOST: "the connection to the Coordinator is lost",
	PEER_LOST: "the direct connection is lost",
	CONNECTION_LOST: "the connection is lost",
};

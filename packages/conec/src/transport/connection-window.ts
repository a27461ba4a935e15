/**
 * How much a connection may have received that nobody has read.
 *
 * @module
 */

import type { TransportLimits } from "./transport.ts";

/** Streams beyond these add nothing: the window would be gigabytes. */
const MOST_STREAMS = 128;

/**
 * The window of a connection, in bytes. Without a limit of its own it is one stream's window more than there are streams: stalled
 * streams can use up theirs, and a further one still flows. An eighth of the whole window comes on top, because that much may be
 * read before quinn tells the other side.
 */
export function connectionWindowBytes(limits: TransportLimits): number {
	const { connectionWindowBytes: own, streamsPerConnection, quicStreamWindowBytes, streamWindowBytes } = limits;
	// The control stream is one more.
	return own ?? Math.ceil(((Math.min(streamsPerConnection, MOST_STREAMS) + 2) * (quicStreamWindowBytes ?? streamWindowBytes) * 8) / 7);
}

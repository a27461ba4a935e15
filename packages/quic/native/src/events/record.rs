//! The kinds of records that JS is told.

use crate::numbered::numbered;

numbered! {
	const FRAME = 1;
	const LARGE = 2;
	const END = 3;
	const RESET = 4;
	const STOPPED = 5;
	const DRAIN = 6;
	const FINISHED = 7;
	const STREAM_LOST = 8;
	const STREAM_IN = 9;
	const STREAM_DONE = 10;
	const CONN_IN = 11;
	const CONN_OPEN = 12;
	const CONN_CLOSED = 13;
	const DATAGRAM = 14;
	const RAW = 15;
	const PIPE_END = 16;
	const ENDPOINT_CLOSED = 17;
	/// The closes of its connections have left; `ENDPOINT_CLOSED` follows.
	const ENDPOINT_LEFT = 18;
	const CONN_SETTLED = 19;
	/// Both legs of a pipe are open; `PIPE_END` follows.
	const PIPE_OPEN = 20;
	/// Others get less of what comes on the connection than could come: its source sends faster than it may.
	const CONN_SLOWED = 21;
	/// JS may take what came on the connection, after it had to wait.
	const CONN_TURN = 22;
	/// Several short frames of one stream side by side, with their headers. The head says how many.
	const FRAMES = 23;
}

//! What a connection gets once both sides want it.

use std::time::Duration;

use quinn::VarInt;

#[derive(Clone, Copy)]
pub struct Terms {
	pub heads: Heads,
	pub windows: Windows,
	/// It may send datagrams.
	pub datagrams: bool,
	/// What this side may have sent without being acknowledged. `None`: it follows the congestion window.
	pub send_window: Option<u64>,
}

/// How incoming streams begin.
#[derive(Clone, Copy)]
pub struct Heads {
	/// The first frame is at most this long.
	pub bytes: usize,
	/// It arrives within this time.
	pub timeout: Duration,
	pub timeout_code: VarInt,
	pub invalid_code: VarInt,
}

/// As much as the peer may open and send.
#[derive(Clone, Copy)]
pub struct Windows {
	pub bidirectional: u32,
	pub unidirectional: u32,
	pub connection: VarInt,
}

//! What waits to be sent on one stream. A plain value: its stream holds the lock.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use quinn::VarInt;

/// The JS thread sends up to this much by itself at the end of its tick. The wrapper knows the number too.
pub const INLINE_BYTES: usize = 4 * 1024;
/// Longer payloads get an allocation of their own instead of being packed with their neighbours; so does one of this length.
pub const OWN_CHUNK_BYTES: usize = 16 * 1024;

/// See the module.
pub struct Outgoing {
	/// Small frames of this tick, packed.
	pub tail: BytesMut,
	pub chunks: VecDeque<Bytes>,
	/// Bytes queued and not yet taken by QUIC.
	pub queued: usize,
	pub high_water: usize,
	pub wants_drain: bool,
	pub finish: bool,
	pub reset: Option<VarInt>,
	/// Nothing more can be written.
	pub over: bool,
	/// The writer is busy or has been notified.
	pub scheduled: bool,
	/// Little is queued, and the JS thread sends it itself when its tick ends.
	pub due: bool,
}

/// What is to be done about what was queued.
pub enum Next {
	Nothing,
	WakeWriter,
	FlushLater,
}

impl Outgoing {
	pub fn new() -> Self {
		Self {
			tail: BytesMut::new(),
			chunks: VecDeque::new(),
			queued: 0,
			high_water: usize::MAX, // a first frame is written before this is known
			wants_drain: false,
			finish: false,
			reset: None,
			over: false,
			scheduled: true, // until a writer runs, nobody needs waking
			due: false,
		}
	}

	/// Grows with what the stream really carries, so that an idle stream costs little and a busy one allocates seldom.
	pub fn reserve(&mut self, bytes: usize) {
		if self.tail.capacity() - self.tail.len() < bytes {
			let ahead = self.queued.clamp(256, 64 * 1024);
			self.tail.reserve(bytes.max(ahead));
		}
	}

	/// Queues bytes that have an allocation of their own, behind what is packed so far.
	pub fn append(&mut self, bytes: Bytes) {
		let tail = self.tail.split().freeze();
		if !tail.is_empty() {
			self.chunks.push_back(tail);
		}
		self.chunks.push_back(bytes);
	}

	/// What is to be done about what was just queued.
	pub fn next(&mut self) -> Next {
		if self.scheduled {
			return Next::Nothing;
		}
		if self.queued <= INLINE_BYTES {
			return if std::mem::replace(&mut self.due, true) { Next::Nothing } else { Next::FlushLater };
		}
		self.scheduled = true;
		Next::WakeWriter
	}

	/// Moves everything queued to `batch`. Returns whether FIN follows. Clears `scheduled` when there is nothing.
	pub fn take(&mut self, batch: &mut Vec<Bytes>) -> bool {
		batch.extend(self.chunks.drain(..));
		if !self.tail.is_empty() {
			batch.push(self.tail.split().freeze());
		}
		self.scheduled = !batch.is_empty();
		self.finish
	}

	/// QUIC took that many bytes. Returns whether JS waits to hear of it.
	pub fn taken(&mut self, bytes: usize) -> bool {
		self.queued = self.queued.saturating_sub(bytes);
		self.queued < self.high_water / 2 && std::mem::replace(&mut self.wants_drain, false)
	}

	/// Drops what is queued.
	pub fn forget(&mut self) {
		self.chunks.clear();
		self.tail = BytesMut::new();
		self.queued = 0;
	}
}

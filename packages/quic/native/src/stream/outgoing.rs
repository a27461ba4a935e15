//! What waits to be sent on one stream. A plain value: its stream holds the lock.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use quinn::VarInt;

use super::frame::{self, HEADER_BYTES};
use super::in_hand::{InHand, Part, Piece};

/// The JS thread sends up to this much by itself at the end of its tick. The wrapper knows the number too.
pub const INLINE_BYTES: usize = 4 * 1024;
/// Longer payloads get an allocation of their own instead of being packed with their neighbours; so does one of this length.
const OWN_CHUNK_BYTES: usize = 16 * 1024;

/// See the module.
pub struct Outgoing {
	/// Small frames of this tick, packed.
	tail: BytesMut,
	pieces: VecDeque<Piece>,
	/// Whole frames that go ahead of all others.
	urgent: BytesMut,
	/// Bytes queued and not yet taken by QUIC.
	pub queued: usize,
	pub high_water: usize,
	wants_drain: bool,
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
			pieces: VecDeque::new(),
			urgent: BytesMut::new(),
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

	/// Queues a copy of a frame; without a kind, of bytes as they are.
	pub fn add(&mut self, kind: Option<u8>, payload: &[u8]) {
		if payload.len() >= OWN_CHUNK_BYTES {
			return self.append(kind, Bytes::copy_from_slice(payload));
		}
		self.begin(kind, payload.len(), payload.len());
		self.tail.extend_from_slice(payload);
	}

	/// Does the same with bytes that many streams share.
	pub fn add_shared(&mut self, kind: Option<u8>, payload: &Bytes) {
		match payload.len() >= OWN_CHUNK_BYTES {
			true => self.append(kind, payload.clone()),
			false => self.add(kind, payload),
		}
	}

	/// Queues whole frames that bring their headers along.
	pub fn add_frames(&mut self, frames: &Bytes) {
		if frames.len() < OWN_CHUNK_BYTES {
			return self.add(None, frames);
		}
		self.count(frames.len());
		self.cut_tail();
		self.pieces.push_back(Piece { bytes: frames.clone(), part: Part::Frames });
	}

	/// Queues a copy of a frame that goes ahead of all that are not urgent, as soon as the frame ends of which QUIC has a part.
	pub fn add_urgent(&mut self, kind: u8, payload: &[u8]) {
		self.urgent.reserve(HEADER_BYTES + payload.len());
		self.urgent.extend_from_slice(&frame::header(kind, payload.len()));
		self.urgent.extend_from_slice(payload);
		self.count(HEADER_BYTES + payload.len());
	}

	/// Queues a payload that has an allocation of its own.
	fn append(&mut self, kind: Option<u8>, payload: Bytes) {
		self.begin(kind, payload.len(), 0);
		self.cut_tail();
		self.pieces.push_back(Piece { bytes: payload, part: Part::Payload });
	}

	/// Counts a payload, writes its header if it has a kind, and makes room for `packed` bytes behind that.
	fn begin(&mut self, kind: Option<u8>, len: usize, packed: usize) {
		match kind {
			Some(kind) => {
				self.reserve(HEADER_BYTES + packed);
				self.tail.extend_from_slice(&frame::header(kind, len));
				self.count(HEADER_BYTES + len);
			}
			None => {
				self.reserve(packed);
				self.count(len);
			}
		}
	}

	fn count(&mut self, bytes: usize) {
		self.queued += bytes;
		if self.queued >= self.high_water {
			self.wants_drain = true;
		}
	}

	/// Grows with what the stream really carries, so that an idle stream costs little and a busy one allocates seldom.
	fn reserve(&mut self, bytes: usize) {
		if self.tail.capacity() - self.tail.len() < bytes {
			let ahead = self.queued.clamp(256, 64 * 1024);
			self.tail.reserve(bytes.max(ahead));
		}
	}

	/// Makes a piece of what is packed so far.
	fn cut_tail(&mut self) {
		let tail = self.tail.split().freeze();
		if !tail.is_empty() {
			self.pieces.push_back(Piece { bytes: tail, part: Part::Frames });
		}
	}

	/// What is to be done about what was just queued. `inline`: the JS thread may send it itself.
	pub fn next(&mut self, inline: bool) -> Next {
		if self.scheduled {
			return Next::Nothing;
		}
		if self.queued <= INLINE_BYTES && (inline || self.due) {
			return if std::mem::replace(&mut self.due, true) { Next::Nothing } else { Next::FlushLater };
		}
		self.scheduled = true;
		Next::WakeWriter
	}

	/// Moves everything queued into an empty hand, or what is urgent into a full one. Returns whether FIN follows. Clears
	/// `scheduled` when the hand stays empty.
	pub fn take(&mut self, hand: &mut InHand) -> bool {
		if hand.is_empty() {
			self.pieces.drain(..).for_each(|piece| hand.push(piece));
			if !self.tail.is_empty() {
				hand.push(Piece { bytes: self.tail.split().freeze(), part: Part::Frames });
			}
		}
		if !self.urgent.is_empty() {
			hand.push_urgent(std::mem::take(&mut self.urgent).freeze());
		}
		self.scheduled = !hand.is_empty();
		self.finish
	}

	/// QUIC took that many bytes. Returns whether JS waits to hear of it.
	pub fn taken(&mut self, bytes: usize) -> bool {
		self.queued = self.queued.saturating_sub(bytes);
		self.queued < self.high_water / 2 && std::mem::replace(&mut self.wants_drain, false)
	}

	/// Drops what is queued. Returns how many bytes that were.
	pub fn forget(&mut self) -> usize {
		self.pieces.clear();
		self.tail = BytesMut::new();
		self.urgent = BytesMut::new();
		std::mem::take(&mut self.queued)
	}
}

#[cfg(test)]
mod tests {
	use super::super::frame::{header, payload_length};
	use super::super::in_hand::Offer;
	use super::*;

	/// A small generator: the same choices on every run.
	fn next(seed: &mut u64, below: usize) -> usize {
		*seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
		(*seed >> 33) as usize % below
	}

	const ORDINARY: u8 = 0;
	const URGENT: u8 = 0x11;

	/// Cuts what went to QUIC into frames: their kinds and first payload bytes.
	fn frames(mut wire: &[u8]) -> Vec<(u8, u32)> {
		let mut found = Vec::new();
		while !wire.is_empty() {
			let len = payload_length(wire.first_chunk().unwrap());
			let payload = &wire[HEADER_BYTES..HEADER_BYTES + len];
			assert!(payload[4..].iter().all(|byte| *byte == payload[0]), "a frame is torn");
			found.push((wire[0], u32::from_be_bytes(payload[..4].try_into().unwrap())));
			wire = &wire[HEADER_BYTES + len..];
		}
		found
	}

	/// A payload that begins with `number`, and is filled with its first byte.
	fn payload(number: u32, len: usize) -> Vec<u8> {
		let mut payload = number.to_be_bytes().to_vec();
		payload.resize(len.max(4), payload[0]);
		payload
	}

	/// Gives QUIC as much as `most` bytes of what comes next.
	fn give(hand: &mut InHand, most: usize, wire: &mut Vec<u8>) {
		let mut offer = Offer::default();
		let count = hand.offer(false, &mut offer);
		let all = offer[..count].concat();
		let n = most.min(all.len());
		wire.extend_from_slice(&all[..n]);
		hand.took(n);
	}

	#[test]
	fn urgent_frames_go_between_frames_ahead_of_those_that_wait_and_in_their_order() {
		let mut seed = 1;
		for _ in 0..2_000 {
			let mut out = Outgoing::new();
			let mut hand = InHand::default();
			let mut wire = Vec::new();
			let (mut ordinary, mut urgent) = (0, 0);
			// When an urgent frame was given to the hand: its number, and how long the wire was.
			let mut given: Vec<(u32, usize)> = Vec::new();
			for _ in 0..next(&mut seed, 60) {
				match next(&mut seed, 5) {
					0 | 1 => {
						let len = [4, 10, 300, 20_000][next(&mut seed, 4)];
						out.add(Some(ORDINARY), &payload(ordinary, len));
						ordinary += 1;
					}
					2 => {
						out.add_urgent(URGENT, &payload(urgent, 4 + next(&mut seed, 20)));
						given.push((urgent, wire.len()));
						urgent += 1;
						out.take(&mut hand);
					}
					3 => {
						let len = [4, 20_000][next(&mut seed, 2)];
						let frame = |number| [&header(ORDINARY, len)[..], &payload(number, len)].concat();
						out.add_frames(&Bytes::from([frame(ordinary), frame(ordinary + 1)].concat()));
						ordinary += 2;
					}
					_ => {
						out.take(&mut hand);
						give(&mut hand, 1 + next(&mut seed, 9_000), &mut wire);
					}
				}
			}
			loop {
				out.take(&mut hand);
				if hand.is_empty() {
					break;
				}
				give(&mut hand, 1 + next(&mut seed, 9_000), &mut wire);
			}
			let sent = frames(&wire);
			for (kind, count) in [(ORDINARY, ordinary), (URGENT, urgent)] {
				let numbers: Vec<u32> = sent.iter().filter(|frame| frame.0 == kind).map(|frame| frame.1).collect();
				assert_eq!(numbers, (0..count).collect::<Vec<u32>>());
			}
			for (number, since) in given {
				// Between its arrival and its place there are urgent frames only, and the rest of the frame that had begun.
				let mut at = 0;
				let mut begun_later = 0;
				for (kind, found) in &sent {
					if (*kind, *found) == (URGENT, number) {
						break;
					}
					if *kind == ORDINARY && at >= since {
						begun_later += 1;
					}
					at += HEADER_BYTES + payload_length(wire[at..].first_chunk().unwrap());
				}
				assert_eq!(begun_later, 0, "urgent frame {number} waited");
			}
			assert_eq!(out.queued, wire.len());
		}
	}

	#[test]
	fn a_long_frame_that_has_begun_ends_first() {
		let mut out = Outgoing::new();
		let mut hand = InHand::default();
		let mut wire = Vec::new();
		for number in 0..2 {
			out.add(Some(ORDINARY), &payload(number, 1 << 20));
		}
		out.take(&mut hand);
		give(&mut hand, 500_000, &mut wire);
		out.add_urgent(URGENT, &payload(0, 4));
		out.take(&mut hand);
		assert!(!hand.is_urgent());
		while !hand.is_empty() {
			give(&mut hand, usize::MAX, &mut wire);
		}
		assert_eq!(frames(&wire), [(ORDINARY, 0), (URGENT, 0), (ORDINARY, 1)]);
	}

	#[test]
	fn a_first_frame_comes_first_though_urgent_ones_come_before_it_is_sent() {
		let mut out = Outgoing::new();
		let mut hand = InHand::default();
		out.add_urgent(1, &payload(9, 20_000));
		out.add(Some(ORDINARY), &payload(0, 4));
		out.add_urgent(URGENT, &payload(0, 4));
		out.take(&mut hand);
		let mut wire = Vec::new();
		give(&mut hand, usize::MAX, &mut wire);
		assert_eq!(frames(&wire), [(1, 9), (URGENT, 0), (ORDINARY, 0)]);
	}

	#[test]
	fn little_is_sent_at_the_end_of_the_tick_unless_it_goes_aside() {
		let next = |inline: &[bool]| {
			let mut out = Outgoing::new();
			out.scheduled = false;
			let all: Vec<&str> = inline
				.iter()
				.map(|inline| {
					out.add_urgent(URGENT, &[1]);
					match out.next(*inline) {
						Next::Nothing => "nothing",
						Next::WakeWriter => "wake",
						Next::FlushLater => "flush",
					}
				})
				.collect();
			all.join(" ")
		};
		assert_eq!(next(&[true, true, false]), "flush nothing nothing");
		assert_eq!(next(&[false, false, true]), "wake nothing nothing");
	}
}

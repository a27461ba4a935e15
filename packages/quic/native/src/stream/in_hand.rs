//! What a writer has in its hand: what QUIC has not taken yet, in pieces, and where frames begin among them. Pure.

use std::collections::VecDeque;

use bytes::Bytes;

use super::frame::{payload_length, HEADER_BYTES};

/// QUIC is offered so many pieces at a time.
const OFFERED_PIECES: usize = 16;

/// What QUIC is offered at a time; what is not needed stays empty.
pub type Offer = [Bytes; OFFERED_PIECES];

/// A piece of what a stream sends.
pub struct Piece {
	pub bytes: Bytes,
	pub part: Part,
}

/// What a piece is, so that the places between frames can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
	/// It begins with a frame. Its last frame may be a header alone, whose payload is the next piece.
	Frames,
	/// The payload of the header at the end of the piece before.
	Payload,
	/// Whole urgent frames.
	Urgent,
}

/// See the module.
#[derive(Default)]
pub struct InHand {
	pieces: VecDeque<Piece>,
	/// QUIC has taken so much of the first piece, and less than all of it.
	taken: usize,
}

impl InHand {
	pub fn is_empty(&self) -> bool {
		self.pieces.is_empty()
	}

	/// Whether an urgent frame is next.
	pub fn is_urgent(&self) -> bool {
		self.pieces.front().is_some_and(|first| first.part == Part::Urgent)
	}

	/// Adds what comes last.
	pub fn push(&mut self, piece: Piece) {
		if !piece.bytes.is_empty() {
			self.pieces.push_back(piece);
		}
	}

	/// Adds urgent frames: behind the frame of which QUIC has a part, behind those that are urgent too, and ahead of all others.
	pub fn push_urgent(&mut self, bytes: Bytes) {
		let mut at = self.begun();
		while self.pieces.get(at).is_some_and(|piece| piece.part == Part::Urgent) {
			at += 1;
		}
		self.pieces.insert(at, Piece { bytes, part: Part::Urgent });
	}

	/// How many pieces hold the rest of the frame of which QUIC has a part. The first piece is cut behind that frame if need be.
	fn begun(&mut self) -> usize {
		let Some(first) = self.pieces.front_mut() else { return 0 };
		match first.part {
			Part::Payload => return 1,
			_ if self.taken == 0 => return 0,
			Part::Urgent => return 1,
			Part::Frames => {}
		}
		let end = end_of_frame(&first.bytes, self.taken);
		if end >= first.bytes.len() {
			let split = usize::from(end > first.bytes.len()); // its payload is the next piece
			return (1 + split).min(self.pieces.len());
		}
		let rest = Piece { bytes: first.bytes.split_off(end), part: Part::Frames };
		if end == self.taken {
			*first = rest;
			self.taken = 0;
			return 0;
		}
		self.pieces.insert(1, rest);
		1
	}

	/// What QUIC may take next: the first pieces, or the urgent ones that come first. Returns how many there are.
	pub fn offer(&self, urgent_only: bool, offer: &mut Offer) -> usize {
		let mut count = 0;
		for (piece, place) in self.pieces.iter().zip(offer) {
			if urgent_only && piece.part != Part::Urgent {
				break;
			}
			*place = if count == 0 { piece.bytes.slice(self.taken..) } else { piece.bytes.clone() };
			count += 1;
		}
		count
	}

	/// QUIC took that many bytes.
	pub fn took(&mut self, bytes: usize) {
		self.taken += bytes;
		while let Some(first) = self.pieces.front() {
			if self.taken < first.bytes.len() {
				return;
			}
			self.taken -= first.bytes.len();
			self.pieces.pop_front();
		}
	}
}

/// Where the frame ends that has a byte before `at`. That may be beyond the end of `frames`.
fn end_of_frame(frames: &[u8], at: usize) -> usize {
	let mut end = 0;
	while end < at {
		let Some(header) = frames.get(end..).and_then(|rest| rest.first_chunk()) else { return frames.len() };
		end += HEADER_BYTES + payload_length(header);
	}
	end
}

#[cfg(test)]
mod tests {
	use super::super::frame::header;
	use super::super::outgoing::Outgoing;
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
	fn only_urgent_frames_are_offered_if_asked_for() {
		let mut hand = InHand::default();
		hand.push(Piece { bytes: Bytes::from_static(&[0, 0, 0, 1, 7, 0, 0, 0, 1, 8]), part: Part::Frames });
		hand.took(3);
		hand.push_urgent(Bytes::from_static(&[URGENT, 0, 0, 0]));
		let mut offer = Offer::default();
		assert_eq!(hand.offer(true, &mut offer), 0);
		hand.took(2);
		assert!(hand.is_urgent());
		assert_eq!(hand.offer(true, &mut offer), 1);
		assert_eq!(offer[0], [URGENT, 0, 0, 0][..]);
	}

	#[test]
	fn headers_that_lie_lead_nowhere() {
		let mut hand = InHand::default();
		hand.push(Piece { bytes: Bytes::from_static(&[0, 0xff, 0xff, 0xff, 1, 2]), part: Part::Frames });
		hand.took(5);
		hand.push_urgent(Bytes::from_static(&[URGENT, 0, 0, 0]));
		hand.took(1);
		assert!(hand.is_urgent());
		let mut torn = InHand::default();
		torn.push(Piece { bytes: Bytes::from_static(&[0, 0, 0, 0, 9]), part: Part::Frames });
		torn.took(4);
		torn.push_urgent(Bytes::from_static(&[URGENT, 0, 0, 0]));
		assert!(torn.is_urgent());
	}
}

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
	use super::*;

	const URGENT: u8 = 0x11;

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

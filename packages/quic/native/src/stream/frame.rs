//! Framing: `kind` (8 bits), `length` (24 bits, big endian), payload. Pure.

use bytes::{Buf, Bytes, BytesMut};

pub const HEADER_BYTES: usize = 4;
/// What 24 bits can say.
pub const MAX_PAYLOAD_BYTES: u32 = 0xff_ffff;

pub fn header(kind: u8, len: usize) -> [u8; HEADER_BYTES] {
	let len = len as u32;
	[kind, (len >> 16) as u8, (len >> 8) as u8, len as u8]
}

/// The length of the payload that a header announces.
pub fn payload_length(header: &[u8; HEADER_BYTES]) -> usize {
	u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize
}

/// Largest payloads, checked on the four header bytes before anything is kept.
#[derive(Clone, Copy)]
pub struct Limits {
	/// Bit `k`: kind `k` may be `long` bytes.
	pub long_kinds: u32,
	pub long: u32,
	pub other: u32,
}

impl Limits {
	fn of(&self, kind: u8) -> u32 {
		if kind < 32 && self.long_kinds & 1 << kind != 0 {
			self.long
		} else {
			self.other
		}
	}
}

#[derive(Debug, PartialEq, Eq)]
pub struct TooLong {
	pub kind: u8,
	pub len: u32,
}

/// Where whole frames go.
pub trait Sink {
	/// A frame that lay in one piece.
	fn whole(&mut self, kind: u8, payload: &[u8]);
	/// Several such frames side by side, with their headers: at most [`RUN_FRAMES`].
	fn run(&mut self, frames: &[u8], count: usize);
	/// A frame in pieces, `len` bytes in all.
	fn pieces(&mut self, kind: u8, pieces: Vec<Bytes>, len: usize);
	/// A long frame in one piece, shared rather than copied.
	fn shared(&mut self, kind: u8, payload: Bytes);
}

/// So many short frames that lie side by side go on as one.
pub const RUN_FRAMES: usize = 64;

/// Pieces shorter than this are copied together. A shared piece keeps the whole received packet alive, and a peer that sends
/// one byte in each packet must not make us hold a packet for each byte.
const SHARED_PIECE_BYTES: usize = 512;

/// Cuts a stream of bytes into frames. It keeps only bytes that have arrived; it reserves nothing because a header declares it.
pub struct Deframer {
	limits: Limits,
	shared_from: usize,
	head: [u8; HEADER_BYTES],
	head_len: usize,
	body: Option<Body>,
}

struct Body {
	kind: u8,
	len: usize,
	got: usize,
	pieces: Vec<Bytes>,
	small: BytesMut,
}

impl Deframer {
	pub fn new(limits: Limits, shared_from: usize) -> Self {
		Self { limits, shared_from, head: [0; HEADER_BYTES], head_len: 0, body: None }
	}

	/// Whether the stream may end here.
	pub fn between_frames(&self) -> bool {
		self.head_len == 0 && self.body.is_none()
	}

	pub fn feed(&mut self, mut data: Bytes, sink: &mut impl Sink) -> Result<(), TooLong> {
		while !data.is_empty() {
			if let Some(body) = &mut self.body {
				let n = data.len().min(body.len - body.got);
				body.add(data.split_to(n));
				if body.got == body.len {
					if let Some(body) = self.body.take() {
						body.deliver(sink);
					}
				}
				continue;
			}
			if self.head_len == 0 {
				let whole = self.whole_frames(&data, sink)?;
				data.advance(whole);
			}
			let n = data.len().min(HEADER_BYTES - self.head_len);
			self.head[self.head_len..self.head_len + n].copy_from_slice(&data[..n]);
			self.head_len += n;
			data.advance(n);
			if self.head_len < HEADER_BYTES {
				return Ok(());
			}
			self.head_len = 0;
			let kind = self.head[0];
			let len = payload_length(&self.head) as u32;
			if len > self.limits.of(kind) {
				return Err(TooLong { kind, len });
			}
			let len = len as usize;
			if data.len() < len {
				self.body = Some(Body { kind, len, got: 0, pieces: Vec::new(), small: BytesMut::new() });
			} else if len >= self.shared_from {
				sink.shared(kind, data.split_to(len));
			} else {
				sink.whole(kind, &data[..len]);
				data.advance(len);
			}
		}
		Ok(())
	}

	/// Delivers the short frames that lie in `data` from its beginning, side by side. Returns how many bytes those are. Nothing of it is
	/// split off: to count who shares a packet costs more than to copy a short frame.
	fn whole_frames(&self, data: &[u8], sink: &mut impl Sink) -> Result<usize, TooLong> {
		let (mut begin, mut at, mut count) = (0, 0, 0);
		let too_long = loop {
			let Some((head, behind)) = data[at..].split_first_chunk::<HEADER_BYTES>() else { break None };
			let (kind, len) = (head[0], payload_length(head));
			if len as u32 > self.limits.of(kind) {
				break Some(TooLong { kind, len: len as u32 });
			}
			if len > behind.len() || len >= self.shared_from {
				break None;
			}
			at += HEADER_BYTES + len;
			count += 1;
			if count == RUN_FRAMES {
				sink.run(&data[begin..at], count);
				(begin, count) = (at, 0);
			}
		};
		match count {
			0 => {}
			1 => sink.whole(data[begin], &data[begin + HEADER_BYTES..at]),
			_ => sink.run(&data[begin..at], count),
		}
		too_long.map_or(Ok(at), Err)
	}
}

impl Body {
	fn add(&mut self, piece: Bytes) {
		self.got += piece.len();
		if piece.len() < SHARED_PIECE_BYTES {
			self.small.extend_from_slice(&piece);
			return;
		}
		if !self.small.is_empty() {
			self.pieces.push(self.small.split().freeze());
		}
		self.pieces.push(piece);
	}

	fn deliver(mut self, sink: &mut impl Sink) {
		if self.pieces.is_empty() {
			sink.whole(self.kind, &self.small);
			return;
		}
		if !self.small.is_empty() {
			self.pieces.push(self.small.freeze());
		}
		sink.pieces(self.kind, self.pieces, self.len);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[derive(Default)]
	struct Frames(Vec<(u8, Vec<u8>)>);

	impl Sink for Frames {
		fn whole(&mut self, kind: u8, payload: &[u8]) {
			self.0.push((kind, payload.to_vec()));
		}
		fn run(&mut self, mut frames: &[u8], count: usize) {
			assert!((2..=RUN_FRAMES).contains(&count));
			for _ in 0..count {
				let (head, behind) = frames.split_first_chunk().unwrap();
				let (payload, rest) = behind.split_at(payload_length(head));
				self.0.push((head[0], payload.to_vec()));
				frames = rest;
			}
			assert!(frames.is_empty());
		}
		fn pieces(&mut self, kind: u8, pieces: Vec<Bytes>, len: usize) {
			let all = pieces.concat();
			assert_eq!(all.len(), len);
			self.0.push((kind, all));
		}
		fn shared(&mut self, kind: u8, payload: Bytes) {
			self.0.push((kind, payload.to_vec()));
		}
	}

	const LIMITS: Limits = Limits { long_kinds: 1, long: 5000, other: 100 };

	fn wire(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
		let mut out = Vec::new();
		for (kind, payload) in frames {
			out.extend_from_slice(&header(*kind, payload.len()));
			out.extend_from_slice(payload);
		}
		out
	}

	/// A small generator: the same cuts on every run.
	fn next(seed: &mut u64) -> u64 {
		*seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
		*seed >> 33
	}

	#[test]
	fn any_cut_gives_the_same_frames() {
		let mut seed = 1;
		for _ in 0..500 {
			let frames: Vec<_> = (0..next(&mut seed) % 8)
				.map(|_| {
					let kind = (next(&mut seed) % 3) as u8;
					let most = if kind == 0 { 5001 } else { 101 };
					(kind, (0..next(&mut seed) % most).map(|i| i as u8).collect())
				})
				.collect();
			let mut rest = Bytes::from(wire(&frames));
			let mut deframer = Deframer::new(LIMITS, 2000);
			let mut got = Frames::default();
			while !rest.is_empty() {
				let most = if next(&mut seed).is_multiple_of(2) { 7 } else { 3000 };
				let n = (1 + next(&mut seed) as usize % most).min(rest.len());
				deframer.feed(rest.split_to(n), &mut got).unwrap();
			}
			assert!(deframer.between_frames());
			assert_eq!(got.0, frames);
		}
	}

	#[test]
	fn length_is_refused_on_the_header_alone() {
		for (kind, len, ok) in [(0, 5000, true), (0, 5001, false), (7, 100, true), (7, 101, false), (200, 101, false)] {
			let mut deframer = Deframer::new(LIMITS, 2000);
			let result = deframer.feed(Bytes::copy_from_slice(&header(kind, len)), &mut Frames::default());
			assert_eq!(result.is_ok(), ok, "kind {kind} length {len}");
		}
	}

	#[test]
	fn a_stream_may_not_end_inside_a_frame() {
		let bytes = wire(&[(0, vec![1, 2, 3])]);
		for cut in 1..bytes.len() {
			let mut deframer = Deframer::new(LIMITS, 2000);
			deframer.feed(Bytes::copy_from_slice(&bytes[..cut]), &mut Frames::default()).unwrap();
			assert!(!deframer.between_frames(), "cut at {cut}");
		}
	}

	#[test]
	fn one_byte_pieces_are_copied_together() {
		let mut deframer = Deframer::new(LIMITS, 2000);
		for byte in wire(&[(0, vec![9; 5000])]) {
			deframer.feed(Bytes::copy_from_slice(&[byte]), &mut Frames::default()).unwrap();
			if let Some(body) = &deframer.body {
				assert!(body.pieces.is_empty());
			}
		}
	}
}

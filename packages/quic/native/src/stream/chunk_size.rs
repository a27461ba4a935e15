//! How large the chunks are that QUIC gives: each is what one packet brought. That depends on the path, and QUIC reads a number of chunks, not of bytes. Pure.

use bytes::Bytes;

/// Shorter ones count as this, so that a peer that sends little at a time does not make us read little at a time.
const LEAST_BYTES: usize = 1_024;
/// What one may be while none is known: the largest packet.
const MOST_BYTES: usize = 8 * 1024;

/// See the module.
pub struct ChunkSize(u16);

impl Default for ChunkSize {
	fn default() -> Self {
		Self(MOST_BYTES as u16)
	}
}

impl ChunkSize {
	/// How many chunks have about so many bytes: at least one.
	pub fn within(&self, bytes: usize) -> usize {
		bytes.div_ceil(self.0.into()).max(1)
	}

	/// These were read. The next ones will be like them.
	pub fn came(&mut self, chunks: &[Bytes]) {
		let longest = chunks.iter().map(Bytes::len).max().unwrap_or(0);
		self.0 = longest.clamp(LEAST_BYTES, MOST_BYTES) as u16;
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn as_many_are_read_as_there_is_room_for_whatever_packets_the_path_takes() {
		let mut size = ChunkSize::default();
		assert_eq!(size.within(64 * 1024), 8);
		for (length, chunks) in [(1_400, 47), (6_500, 11), (100, 64), (60_000, 8)] {
			size.came(&[Bytes::from(vec![0; length]), Bytes::from_static(b"x")]);
			assert_eq!(size.within(64 * 1024), chunks, "{length}");
			assert_eq!(size.within(1), 1);
		}
	}
}

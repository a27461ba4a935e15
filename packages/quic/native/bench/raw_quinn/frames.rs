//! What goes over a stream: a head that names the mode, then frames.

use bytes::{BufMut, Bytes, BytesMut};

/// The server counts what it reads.
pub const SINK: u8 = 1;
/// The server sends each frame back.
pub const ECHO: u8 = 2;
/// The server never reads.
pub const STALL: u8 = 3;

pub fn frame_of(size: usize) -> Bytes {
	let mut frame = BytesMut::with_capacity(4 + size);
	frame.put_u32(size as u32);
	frame.resize(4 + size, 0x61);
	frame.freeze()
}

pub fn size_of_message(head: &[u8; 5]) -> usize {
	u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize
}

/// Counts whole frames in a byte sequence cut anywhere.
#[derive(Default)]
pub struct Deframer {
	pub bytes: u64,
	pub messages: u64,
	header: [u8; 4],
	header_filled: usize,
	payload_left: usize,
}

impl Deframer {
	pub fn feed(&mut self, mut data: &[u8]) {
		while !data.is_empty() {
			if self.payload_left > 0 {
				let taken = self.payload_left.min(data.len());
				self.payload_left -= taken;
				self.bytes += taken as u64;
				data = &data[taken..];
				self.messages += u64::from(self.payload_left == 0);
				continue;
			}
			let taken = (4 - self.header_filled).min(data.len());
			self.header[self.header_filled..self.header_filled + taken].copy_from_slice(&data[..taken]);
			self.header_filled += taken;
			data = &data[taken..];
			if self.header_filled == 4 {
				self.header_filled = 0;
				self.payload_left = (u32::from_be_bytes(self.header) & 0xff_ffff) as usize;
				self.messages += u64::from(self.payload_left == 0);
			}
		}
	}
}

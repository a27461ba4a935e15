//! The first frame of an incoming stream, read before anything is decided.

use quinn::{ReadError, RecvStream};

use crate::stream::HEADER_BYTES;

/// What came first on an incoming stream.
pub enum Head {
	/// Its kind and its payload.
	Frame(u8, Vec<u8>),
	/// None came: why not, in words for the peer.
	Invalid(&'static str),
	/// The connection is over.
	Lost,
}

/// Reads exactly one frame and not a byte more.
pub async fn read_head(recv: &mut RecvStream, limit: usize) -> Head {
	let mut bytes = Vec::new();
	let mut wanted = HEADER_BYTES;
	loop {
		while bytes.len() < wanted {
			match recv.read_chunk(wanted - bytes.len(), true).await {
				Ok(Some(chunk)) => bytes.extend_from_slice(&chunk.bytes),
				Ok(None) => return Head::Invalid("the first frame was cut short"),
				Err(ReadError::Reset(_)) => return Head::Invalid("the stream was reset before its first frame was whole"),
				Err(_) => return Head::Lost,
			}
		}
		if wanted == HEADER_BYTES {
			let len = u32::from_be_bytes([0, bytes[1], bytes[2], bytes[3]]) as usize;
			if len > limit {
				return Head::Invalid("the first frame is too long");
			}
			wanted += len;
			if len > 0 {
				continue;
			}
		}
		let payload = bytes.split_off(HEADER_BYTES);
		return Head::Frame(bytes[0], payload);
	}
}

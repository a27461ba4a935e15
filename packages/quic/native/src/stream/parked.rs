//! Both halves of a stream while nothing serves them.

use quinn::{RecvStream, SendStream, VarInt};

/// The halves of a stream that waits for JS to decide: read, piped or refused.
pub struct Parked {
	pub send: Option<SendStream>,
	pub recv: Option<RecvStream>,
}

impl Parked {
	/// Resets and stops the stream. Dropping the halves would send FIN, as if all were well.
	pub fn refuse(self, code: VarInt) {
		if let Some(mut send) = self.send {
			let _ = send.reset(code);
		}
		if let Some(mut recv) = self.recv {
			let _ = recv.stop(code);
		}
	}
}

//! Whether JS wants further streams of the peer. Those that it does not want yet wait in QUIC, where they cost next to nothing.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// See the module.
#[derive(Default)]
pub struct Appetite {
	sated: AtomicBool,
	/// Whoever waits for the end of that is woken.
	back: Notify,
}

impl Appetite {
	/// What JS says.
	pub fn set_sated(&self, sated: bool) {
		self.sated.store(sated, Ordering::SeqCst);
		if !sated {
			self.back.notify_waiters();
		}
	}

	pub fn is_sated(&self) -> bool {
		self.sated.load(Ordering::SeqCst)
	}

	/// Resolves when JS wants streams, or the connection is over.
	pub async fn comes_back(&self, connection: &quinn::Connection) {
		let mut over = pin!(connection.closed());
		loop {
			let mut back = pin!(self.back.notified());
			back.as_mut().enable();
			if !self.is_sated() {
				return;
			}
			tokio::select! {
				() = back => {}
				_ = over.as_mut() => return,
			}
		}
	}
}

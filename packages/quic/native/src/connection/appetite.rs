//! Whether JS wants further streams of the peer. Those that it does not want yet wait in QUIC, where they cost next to nothing.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// See the module.
#[derive(Default)]
pub struct Appetite(AtomicBool);

impl Appetite {
	/// What JS says. The caller wakes those that wait.
	pub fn set_sated(&self, sated: bool) {
		self.0.store(sated, Ordering::SeqCst);
	}

	pub fn is_sated(&self) -> bool {
		self.0.load(Ordering::SeqCst)
	}

	/// Resolves when JS wants streams, or the connection is over. `told`: when JS may have said so.
	pub async fn comes_back(&self, told: &Notify, connection: &quinn::Connection) {
		let mut over = pin!(connection.closed());
		loop {
			let mut changed = pin!(told.notified());
			changed.as_mut().enable();
			if !self.is_sated() {
				return;
			}
			tokio::select! {
				() = changed => {}
				_ = over.as_mut() => return,
			}
		}
	}
}

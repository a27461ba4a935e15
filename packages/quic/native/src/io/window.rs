//! The send window of a connection: how much may be sent and not acknowledged, or given to QUIC and not sent. Pure.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// So much at least.
const LEAST_BYTES: u64 = 512 * 1024;
/// Two congestion windows are in flight at most until the next acknowledgements come. This is for what comes behind them.
const AHEAD_BYTES: u64 = 256 * 1024;
/// The same of a connection that several sources share. What is in QUIC goes in the order in which it came there: a newcomer waits for it.
const SHARED_LEAST_BYTES: u64 = 128 * 1024;
const SHARED_AHEAD_BYTES: u64 = 64 * 1024;

/// A fixed window, or one that follows the congestion window, so that a slow line holds little and a fast one is kept full.
pub struct SendWindow {
	follows: bool,
	shared: AtomicBool,
	bytes: AtomicU64,
}

impl SendWindow {
	/// `None`: it follows the congestion window.
	pub fn new(fixed: Option<u64>) -> Self {
		Self { follows: fixed.is_none(), shared: AtomicBool::new(false), bytes: AtomicU64::new(fixed.unwrap_or(LEAST_BYTES)) }
	}

	/// From now on several sources share the connection.
	pub fn share(&self) {
		self.shared.store(true, Ordering::Relaxed);
	}

	pub fn bytes(&self) -> u64 {
		self.bytes.load(Ordering::Relaxed)
	}

	/// The window that belongs to this congestion window, if it is much smaller or larger than the present one.
	pub fn renewed(&self, congestion_window: u64) -> Option<u64> {
		if !self.follows {
			return None;
		}
		let (ahead, least) = match self.shared.load(Ordering::Relaxed) {
			true => (SHARED_AHEAD_BYTES, SHARED_LEAST_BYTES),
			false => (AHEAD_BYTES, LEAST_BYTES),
		};
		let wanted = congestion_window.saturating_mul(2).saturating_add(ahead).max(least);
		let bytes = self.bytes();
		if (bytes - bytes / 4..=bytes + bytes / 8).contains(&wanted) {
			return None;
		}
		self.bytes.store(wanted, Ordering::Relaxed);
		Some(wanted)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const KIB: u64 = 1024;

	#[test]
	fn it_follows_the_congestion_window_and_is_never_less_than_512_kib() {
		let window = SendWindow::new(None);
		assert_eq!(window.bytes(), 512 * KIB);
		for (congestion_window, wanted) in
			[(12 * KIB, None), (128 * KIB, None), (1024 * KIB, Some(2304 * KIB)), (16 * KIB, Some(512 * KIB))]
		{
			assert_eq!(window.renewed(congestion_window), wanted, "{congestion_window}");
		}
	}

	#[test]
	fn small_changes_are_not_worth_it_and_many_of_them_are() {
		let window = SendWindow::new(None);
		let mut renewals = 0;
		for congestion_window in (12 * KIB..4096 * KIB).step_by(1200) {
			renewals += usize::from(window.renewed(congestion_window).is_some());
			let least = congestion_window * 3 / 2 + 128 * KIB;
			assert!(window.bytes() >= least.max(512 * KIB), "{} at {congestion_window}", window.bytes());
		}
		assert!((10..40).contains(&renewals), "{renewals}");
	}

	#[test]
	fn a_shared_one_holds_less_ahead() {
		let window = SendWindow::new(None);
		window.share();
		assert_eq!(window.renewed(12 * KIB), Some(128 * KIB));
		assert_eq!(window.renewed(256 * KIB), Some(576 * KIB));
	}

	#[test]
	fn a_fixed_one_stays() {
		let window = SendWindow::new(Some(7));
		assert_eq!((window.renewed(1 << 30), window.bytes()), (None, 7));
	}
}

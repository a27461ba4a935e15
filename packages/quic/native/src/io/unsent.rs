//! Bytes that a connection has given to QUIC and that its peer has not acknowledged. Pure.
//!
//! quinn keeps them until then and does not tell how many there are. So this counts what is given to it, and how much of it is on its way.
//! While the congestion window has room, everything that was given has been sent at least once, unless QUIC holds it back to send it evenly. Then
//! what is held is what is on its way. Otherwise it is at most that and what was given since.

use std::sync::atomic::{AtomicU64, Ordering};

use super::flight::Flight;

/// Probes that got lost are never acknowledged: so much may be missing.
const SLACK_BYTES: u64 = 64 * 1024;

/// See the module.
#[derive(Default)]
pub struct Unsent {
	/// Bytes given to QUIC since the beginning.
	written: AtomicU64,
	/// `written` after the last run of the driver, and after the one before. All that was written before a run began could be sent in it.
	after_run: AtomicU64,
	before_run: AtomicU64,
	/// What was on its way when there was last room, and `written` then.
	held: AtomicU64,
	settled: AtomicU64,
	/// Bytes of packets that were acknowledged, as was last seen, and when `held` was noted.
	acknowledged: AtomicU64,
	acknowledged_then: AtomicU64,
}

impl Unsent {
	/// QUIC took so much.
	pub fn wrote(&self, bytes: u64) {
		self.written.fetch_add(bytes, Ordering::Relaxed);
	}

	/// The driver has run: what QUIC could send is sent.
	pub fn ran(&self) {
		self.before_run.store(self.after_run.load(Ordering::Relaxed), Ordering::Relaxed);
		self.after_run.store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
	}

	/// What was given before the last run began. It is asked for before the flight is looked at: several threads may look.
	pub fn before_run(&self) -> u64 {
		self.before_run.load(Ordering::Relaxed)
	}

	/// What is on its way since then.
	pub fn look(&self, before_run: u64, flight: &Flight) {
		self.acknowledged.store(flight.acknowledged, Ordering::Relaxed);
		if flight.has_room && self.has_all_left(before_run, flight) {
			self.acknowledged_then.store(flight.acknowledged, Ordering::Relaxed);
			self.settled.store(before_run, Ordering::Relaxed);
			self.held.store(flight.bytes, Ordering::Relaxed);
		}
	}

	/// Where there is room, QUIC may still hold back what it has, to send it evenly. Then less is on its way or acknowledged than was given.
	fn has_all_left(&self, before_run: u64, flight: &Flight) -> bool {
		let Some(acknowledged) = flight.acknowledged.checked_sub(self.acknowledged_then.load(Ordering::Relaxed)) else {
			return true; // the path is another one
		};
		let given = before_run.saturating_sub(self.settled.load(Ordering::Relaxed));
		let all = self.held.load(Ordering::Relaxed) + given;
		flight.bytes == 0 || flight.bytes + acknowledged + SLACK_BYTES >= all
	}

	/// Bytes of packets that were acknowledged. It changes while the peer acknowledges something.
	pub fn acknowledged(&self) -> u64 {
		self.acknowledged.load(Ordering::Relaxed)
	}

	/// Whether there is nothing to look for.
	pub fn is_nothing(&self) -> bool {
		self.held.load(Ordering::Relaxed) == 0 && self.written.load(Ordering::Relaxed) == self.settled.load(Ordering::Relaxed)
	}

	/// At most so much is held. QUIC takes no more than the send window.
	pub fn bytes(&self, send_window: u64) -> u64 {
		let since = self.written.load(Ordering::Relaxed).saturating_sub(self.settled.load(Ordering::Relaxed));
		(self.held.load(Ordering::Relaxed) + since).min(send_window)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const WINDOW: u64 = 512 * 1024;
	const MTU: u64 = 1_200;

	/// A connection of a model: what it really holds is known.
	#[derive(Default)]
	struct Model {
		unsent: Unsent,
		waiting: u64,
		in_flight: u64,
	}

	impl Model {
		fn write(&mut self, bytes: u64) {
			let taken = bytes.min(WINDOW - self.waiting - self.in_flight);
			self.waiting += taken;
			self.unsent.wrote(taken);
		}

		/// A run of the driver, with what is acknowledged before it sends.
		fn run(&mut self, acknowledged: u64, congestion_window: u64, looks: bool) {
			self.in_flight -= acknowledged.min(self.in_flight);
			let sent = self.waiting.min(congestion_window.saturating_sub(self.in_flight));
			self.waiting -= sent;
			self.in_flight += sent;
			self.unsent.ran();
			if looks {
				self.unsent.look(self.unsent.before_run(), &Flight::new(self.in_flight, congestion_window, MTU, 0));
			}
		}

		fn figure(&self) -> u64 {
			self.unsent.bytes(WINDOW)
		}
	}

	#[test]
	fn it_is_never_less_than_what_is_held_and_nothing_when_all_is_acknowledged() {
		let mut seed = 7_u64;
		let mut next = |below: u64| {
			seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
			(seed >> 33) % below
		};
		for _ in 0..500 {
			let mut model = Model::default();
			for _ in 0..200 {
				match next(3) {
					0 => model.write(next(100_000)),
					_ => model.run(next(30_000), 14_000 + next(60_000), next(2) == 0),
				}
				// What is acknowledged between two looks may still count.
				assert!(model.figure() >= model.waiting, "{} < {}", model.figure(), model.waiting);
				assert!(model.figure() <= WINDOW);
			}
			for _ in 0..100 {
				model.run(u64::MAX, 14_000, true);
			}
			assert_eq!((model.figure(), model.unsent.is_nothing()), (0, true));
		}
	}

	#[test]
	fn what_quic_holds_back_to_send_it_evenly_counts_though_there_is_room() {
		let unsent = Unsent::default();
		unsent.wrote(400_000);
		for _ in 0..2 {
			unsent.ran();
		}
		unsent.look(unsent.before_run(), &Flight::new(30_000, 150_000, MTU, 0));
		assert_eq!(unsent.bytes(WINDOW), 400_000);
		unsent.look(unsent.before_run(), &Flight::new(100_000, 150_000, MTU, 302_000));
		assert_eq!(unsent.bytes(WINDOW), 100_000, "all has left");
		unsent.look(unsent.before_run(), &Flight::new(0, 150_000, MTU, 402_000));
		assert!(unsent.is_nothing());
	}

	#[test]
	fn a_peer_that_stops_acknowledging_is_held_what_the_send_window_takes() {
		let mut model = Model::default();
		for _ in 0..100 {
			model.write(40_000);
			model.run(0, 14_000, true);
		}
		assert_eq!(model.figure(), WINDOW);
		assert!(!model.unsent.is_nothing());
	}
}

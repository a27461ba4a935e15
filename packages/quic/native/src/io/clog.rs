//! What is known of a connection whose other side has no credit left, because pipes that read from it wait for room elsewhere.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::lock::lock;

/// See the module. Whoever sends keeps some credit for what is urgent. It has none left only if somebody takes less than he says he does.
#[derive(Default)]
pub struct Clog {
	/// DATA_BLOCKED frames that have come.
	told: AtomicU64,
	/// MAX_DATA frames that had been sent when the last of them came, and one. 0: there is credit.
	since: AtomicU64,
	begun: Notify,
	/// How many wait for it to begin.
	watchers: AtomicUsize,
	/// Directions of pipes that have waited since then, by the connection that has no room for them.
	waiting: Mutex<HashMap<usize, usize>>,
}

impl Clog {
	/// The newest counts of frames: DATA_BLOCKED that have come, MAX_DATA that were sent.
	pub fn count(&self, data_blocked: u64, max_data: u64) {
		if data_blocked != self.told.swap(data_blocked, Ordering::Relaxed) {
			self.since.store(max_data + 1, Ordering::Relaxed);
			self.begun.notify_waiters();
		} else if self.since.load(Ordering::Relaxed) != max_data + 1 {
			self.since.store(0, Ordering::Relaxed);
		}
	}

	/// Whether the other side has had no credit since it said so.
	pub fn holds(&self) -> bool {
		self.since.load(Ordering::Relaxed) != 0
	}

	/// Whether anybody wants to know at once. The counts must be the newest then.
	pub fn is_watched(&self) -> bool {
		self.watchers.load(Ordering::Relaxed) > 0
	}

	/// How many want to know.
	pub fn watched(&self) -> usize {
		self.watchers.load(Ordering::Relaxed)
	}

	/// It is watched until what this gives is dropped.
	pub fn watch(&self) -> Watching<'_> {
		self.watchers.fetch_add(1, Ordering::Relaxed);
		Watching(self)
	}

	/// Resolves when the other side has no credit.
	pub async fn begins(&self) {
		loop {
			let begun = self.begun.notified();
			tokio::pin!(begun);
			begun.as_mut().enable();
			if self.holds() {
				return;
			}
			begun.await;
		}
	}

	/// One more waits for that connection, until what this gives is dropped.
	pub fn wait(&self, connection: usize) -> Waiting<'_> {
		*lock(&self.waiting).entry(connection).or_default() += 1;
		Waiting { clog: self, connection }
	}
}

/// See [`Clog::watch`].
pub struct Watching<'a>(&'a Clog);

impl Drop for Watching<'_> {
	fn drop(&mut self) {
		self.0.watchers.fetch_sub(1, Ordering::Relaxed);
	}
}

/// See [`Clog::wait`].
pub struct Waiting<'a> {
	clog: &'a Clog,
	connection: usize,
}

impl Waiting<'_> {
	/// Whether no more wait for any other connection.
	pub fn is_worst(&self) -> bool {
		let waiting = lock(&self.clog.waiting);
		let own = waiting.get(&self.connection).copied().unwrap_or(0);
		waiting.values().all(|&count| count <= own)
	}
}

impl Drop for Waiting<'_> {
	fn drop(&mut self) {
		let mut waiting = lock(&self.clog.waiting);
		if let Some(count) = waiting.get_mut(&self.connection) {
			*count -= 1;
			if *count == 0 {
				waiting.remove(&self.connection);
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn it_holds_from_the_word_of_the_other_side_until_there_is_new_credit() {
		let clog = Clog::default();
		clog.count(0, 5);
		assert!(!clog.holds());
		clog.count(1, 5);
		assert!(clog.holds());
		clog.count(1, 5);
		assert!(clog.holds());
		clog.count(1, 6);
		assert!(!clog.holds());
		clog.count(1, 7);
		assert!(!clog.holds());
		clog.count(2, 7);
		assert!(clog.holds());
	}

	#[test]
	fn the_worst_is_the_connection_that_most_wait_for() {
		let clog = Clog::default();
		let [one, _two, other] = [clog.wait(1), clog.wait(1), clog.wait(2)];
		assert!(one.is_worst() && !other.is_worst());
		drop(one);
		assert!(other.is_worst());
	}
}

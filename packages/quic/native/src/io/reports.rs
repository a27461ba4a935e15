//! What the tasks of a connection still have to tell JS when the connection is over.
//!
//! QUIC keeps what the peer said on a stream before the connection ended. JS is told that first, then which streams are lost, and
//! last that the connection is over.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use tokio::sync::Notify;

/// Of one connection.
#[derive(Default)]
pub struct Reports {
	/// Tasks that may know something that the peer said.
	words: AtomicUsize,
	/// Tasks that know of nothing but the loss of the connection.
	losses: AtomicUsize,
	changed: Notify,
}

impl Reports {
	/// For a task that may learn from the peer. Drop it when JS has been told all that can still come without JS. When the
	/// connection is over, that has to happen soon.
	pub fn expect(self: &Arc<Self>) -> Report {
		self.words.fetch_add(1, Ordering::SeqCst);
		Report(self.clone())
	}

	/// Resolves when JS knows what the peer said on a connection that is over.
	async fn heard(&self) {
		self.until(|| self.words.load(Ordering::SeqCst) == 0).await;
	}

	/// Resolves when JS knows also which streams are lost.
	pub async fn told(&self) {
		self.until(|| self.words.load(Ordering::SeqCst) == 0 && self.losses.load(Ordering::SeqCst) == 0).await;
	}

	async fn until(&self, reached: impl Fn() -> bool) {
		loop {
			let mut changed = pin!(self.changed.notified());
			changed.as_mut().enable();
			if reached() {
				return;
			}
			changed.await;
		}
	}

	fn end_one(&self, of: &AtomicUsize) {
		if of.fetch_sub(1, Ordering::SeqCst) == 1 {
			self.changed.notify_waiters();
		}
	}
}

/// See `Reports::expect`.
pub struct Report(Arc<Reports>);

impl Report {
	/// There is nothing to tell but that the connection is lost. Resolves when it is time for that; drop the result afterwards.
	pub async fn lost(self) -> Loss {
		self.0.losses.fetch_add(1, Ordering::SeqCst);
		let loss = Loss(self.0.clone());
		drop(self);
		loss.0.heard().await;
		loss
	}
}

impl Drop for Report {
	fn drop(&mut self) {
		self.0.end_one(&self.0.words);
	}
}

/// See `Report::lost`.
pub struct Loss(Arc<Reports>);

impl Drop for Loss {
	fn drop(&mut self) {
		self.0.end_one(&self.0.losses);
	}
}

#[cfg(test)]
mod tests {
	use std::future::Future;
	use std::task::{Context, Poll, Waker};

	use super::*;

	fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
		future.poll(&mut Context::from_waker(Waker::noop()))
	}

	#[test]
	fn words_come_before_losses_and_losses_before_the_end() {
		let reports = Arc::new(Reports::default());
		assert!(poll(pin!(reports.told())).is_ready());
		let [first, second, word] = [reports.expect(), reports.expect(), reports.expect()];
		let mut told = pin!(reports.told());
		let (mut first, mut second) = (Box::pin(first.lost()), Box::pin(second.lost()));
		assert!(poll(first.as_mut()).is_pending());
		assert!(poll(second.as_mut()).is_pending());
		assert!(poll(told.as_mut()).is_pending());
		drop(word);
		assert!(poll(told.as_mut()).is_pending());
		let Poll::Ready(one) = poll(first.as_mut()) else { panic!("all words are told") };
		drop(one);
		assert!(poll(told.as_mut()).is_pending(), "one loss is not told yet");
		let Poll::Ready(other) = poll(second.as_mut()) else { panic!("all words are told") };
		drop(other);
		assert!(poll(told.as_mut()).is_ready());
	}

	#[test]
	fn who_goes_without_a_word_holds_nobody_up() {
		let reports = Arc::new(Reports::default());
		let word = reports.expect();
		let mut lost = Box::pin(reports.expect().lost());
		assert!(poll(lost.as_mut()).is_pending());
		drop(lost);
		drop(word);
		assert!(poll(pin!(reports.told())).is_ready());
	}
}

//! Who sends on a connection, and how many bytes a second others may get of him.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::lock::lock;

use super::room::unique;
use super::tokens::Tokens;

/// Whoever slows a source down is told of it at most this often.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// One or several connections that count as one sender.
pub struct Source {
	/// Tells it from all others.
	pub name: u64,
	pace: Option<Mutex<Pace>>,
	own: Weak<Source>,
}

/// How fast the source may send. Streams that must wait take turns.
struct Pace {
	tokens: Tokens,
	/// Those that wait, in the order of their turns.
	queue: VecDeque<(u64, Waker)>,
	/// The one whose turn it is.
	granted: Option<u64>,
	/// A timer runs that gives the next turn. One is enough for all.
	timed: bool,
	told: Option<Instant>,
}

impl Source {
	/// `bytes_per_second`: 0 is no bound. Then `burst` does not count.
	pub fn new(bytes_per_second: u64, burst: u64) -> Arc<Self> {
		let pace = (bytes_per_second > 0).then(|| {
			let tokens = Tokens::new(bytes_per_second, burst, Instant::now());
			Mutex::new(Pace { tokens, queue: VecDeque::new(), granted: None, timed: false, told: None })
		});
		Arc::new_cyclic(|own| Self { name: unique(), pace, own: own.clone() })
	}

	/// The next turn is due.
	fn due(&self) {
		let Some(pace) = &self.pace else { return };
		let mut pace = lock(pace);
		pace.timed = false;
		self.next(&mut pace);
	}

	/// Gives the turn to the next one, or says when that can be.
	fn next(&self, pace: &mut Pace) {
		if pace.granted.is_some() || pace.timed || pace.queue.is_empty() {
			return;
		}
		pace.tokens.refill(Instant::now());
		let Some(lacks) = pace.tokens.lacks() else {
			if let Some((reader, waker)) = pace.queue.pop_front() {
				pace.granted = Some(reader);
				waker.wake();
			}
			return;
		};
		// There is none when the I/O thread ends, and then nobody waits.
		let Ok(io) = tokio::runtime::Handle::try_current() else { return };
		pace.timed = true;
		let own = self.own.clone();
		io.spawn(async move {
			tokio::time::sleep(lacks).await;
			if let Some(source) = own.upgrade() {
				source.due();
			}
		});
	}
}

/// A stream of which bytes are read, as fast as its source may send.
pub struct PacedReader {
	source: Arc<Source>,
	reader: u64,
	/// It waits for its turn, or has it.
	queued: bool,
}

impl PacedReader {
	/// `None`: the source may send as fast as it likes.
	pub fn new(source: &Arc<Source>) -> Option<Self> {
		source.pace.as_ref().map(|_| Self { source: source.clone(), reader: unique(), queued: false })
	}

	/// Whether it may read now. Pending: it is woken when it may. `slowed` is called if nobody was told for a while that this source is.
	pub fn turn(&mut self, cx: &mut Context, slowed: impl FnOnce()) -> Poll<()> {
		let Some(pace) = &self.source.pace else { return Poll::Ready(()) };
		let mut pace = lock(pace);
		if pace.granted == Some(self.reader) {
			return Poll::Ready(());
		}
		let now = Instant::now();
		if !self.queued {
			pace.tokens.refill(now);
			if pace.tokens.lacks().is_none() && pace.queue.is_empty() && pace.granted.is_none() {
				return Poll::Ready(());
			}
			pace.queue.push_back((self.reader, cx.waker().clone()));
			self.queued = true;
			if pace.told.is_none_or(|told| now >= told + TOLD_EVERY) {
				pace.told = Some(now);
				slowed();
			}
		} else if let Some((_, waker)) = pace.queue.iter_mut().find(|(reader, _)| *reader == self.reader) {
			waker.clone_from(cx.waker());
		}
		self.source.next(&mut pace);
		// It may have got its turn just now.
		match pace.granted == Some(self.reader) {
			true => Poll::Ready(()),
			false => Poll::Pending,
		}
	}

	/// It has read so many bytes, or none, and has had its turn.
	pub fn read(&mut self, bytes: usize) {
		let Some(pace) = &self.source.pace else { return };
		if bytes == 0 && !self.queued {
			return;
		}
		let pace = &mut *lock(pace);
		if bytes > 0 {
			pace.tokens.spend(bytes as u64, Instant::now());
		}
		if !std::mem::take(&mut self.queued) {
			return;
		}
		if pace.granted == Some(self.reader) {
			pace.granted = None;
		} else {
			pace.queue.retain(|(reader, _)| *reader != self.reader);
		}
		self.source.next(pace);
	}
}

impl Drop for PacedReader {
	fn drop(&mut self) {
		if self.queued {
			self.read(0);
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Reads `step` bytes at a time as fast as it may, until `until`. Returns how many.
	async fn read_all(source: Arc<Source>, step: usize, until: Instant) -> u64 {
		let mut reader = PacedReader::new(&source).unwrap();
		let mut had = 0;
		while Instant::now() < until {
			std::future::poll_fn(|cx| reader.turn(cx, || {})).await;
			reader.read(step);
			had += step as u64;
		}
		had
	}

	#[test]
	fn streams_of_a_source_share_its_bytes_in_turn() {
		let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
		tokio.block_on(async {
			let source = Source::new(1_000_000, 10_000);
			let until = Instant::now() + Duration::from_millis(600);
			let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(read_all(source.clone(), 1_000, until))).collect();
			let mut had = Vec::new();
			for task in tasks {
				had.push(task.await.unwrap());
			}
			let all: u64 = had.iter().sum();
			assert!(all >= 50_000, "{all}");
			assert!(had.iter().max().unwrap() <= &(had.iter().min().unwrap() + 12_000), "{had:?}");
			assert_eq!(lock(source.pace.as_ref().unwrap()).queue.len(), 0);
		});
	}

	#[test]
	fn one_that_ends_while_it_waits_or_in_its_turn_holds_nobody_up() {
		let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
		tokio.block_on(async {
			let source = Source::new(100_000, 1_000);
			let [mut first, mut second, mut third] = std::array::from_fn(|_| PacedReader::new(&source).unwrap());
			let mut cx = Context::from_waker(Waker::noop());
			let mut told = 0;
			assert!(first.turn(&mut cx, || told += 1).is_ready());
			first.read(3_000);
			assert!(first.turn(&mut cx, || told += 1).is_pending());
			assert!(second.turn(&mut cx, || told += 1).is_pending());
			assert_eq!(told, 1);
			drop(first);
			std::future::poll_fn(|cx| second.turn(cx, || {})).await;
			assert!(third.turn(&mut cx, || {}).is_pending(), "it is another one's turn");
			drop(second);
			std::future::poll_fn(|cx| third.turn(cx, || {})).await;
			third.read(0);
		});
	}

	#[test]
	fn without_a_bound_nobody_is_paced() {
		let source = Source::new(0, 0);
		assert!(PacedReader::new(&source).is_none());
	}
}

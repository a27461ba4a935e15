//! Streams that want to send on one connection, while it has no room for all of them: they write in turn, by source.
//!
//! QUIC wakes all streams that wait for room at once, the last one first, and whoever writes first takes what there is. So a stream that
//! finds others waiting lets them all come, and then the one writes whose source has had least. See [`Fair`].

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::lock::lock;

use super::fair::Fair;

/// See the module.
#[derive(Default)]
pub struct Room {
	/// Streams that have something to write and no room, or find others that have none.
	waiting: AtomicUsize,
	fair: Mutex<Fair<Waker>>,
}

impl Room {
	/// Whether somebody waits.
	pub fn is_wanted(&self) -> bool {
		self.waiting.load(Ordering::Relaxed) > 0
	}
}

/// Names that are never used twice.
pub fn unique() -> u64 {
	static NEXT: AtomicU64 = AtomicU64::new(1);
	NEXT.fetch_add(1, Ordering::Relaxed)
}

/// One stream that wants room.
pub struct Ticket {
	room: Arc<Room>,
	source: u64,
	stream: u64,
	/// It counts as waiting.
	waits: bool,
	/// It has asked for its turn, or has it.
	asks: bool,
	/// [`Fair`] knows it.
	known: bool,
}

impl Ticket {
	pub fn new(room: Arc<Room>, source: u64) -> Self {
		Self { room, source, stream: unique(), waits: false, asks: false, known: false }
	}

	/// Whether it may write now. Pending: it is woken when it may.
	pub fn turn(&mut self, cx: &mut Context) -> Poll<()> {
		if !self.asks && self.room.waiting.load(Ordering::Relaxed) == usize::from(self.waits) {
			return Poll::Ready(()); // nobody else waits
		}
		self.wait();
		self.asks = true;
		self.known = true;
		let mut fair = lock(&self.room.fair);
		if fair.holder == Some(self.stream) {
			return Poll::Ready(());
		}
		let again = fair.is_ready(self.source, self.stream);
		fair.ready(self.source, self.stream, cx.waker().clone());
		if fair.holder.is_some() {
			return Poll::Pending;
		}
		match fair.judge {
			None => {
				// Behind all that are awake now.
				fair.judge = Some(self.stream);
				cx.waker().wake_by_ref();
				Poll::Pending
			}
			Some(judge) if judge == self.stream && again => match self.pass_on(&mut fair) {
				Some(stream) if stream == self.stream => Poll::Ready(()),
				_ => Poll::Pending,
			},
			Some(_) => Poll::Pending,
		}
	}

	/// It has written so many bytes in its turn.
	pub fn wrote(&mut self, bytes: usize) {
		if !self.asks {
			return;
		}
		let mut fair = lock(&self.room.fair);
		let keeps = fair.wrote(self.source, self.stream, bytes as u64);
		if fair.holder == Some(self.stream) && !keeps {
			self.pass_on(&mut fair);
		}
	}

	/// There was no room for it. QUIC wakes it.
	pub fn blocked(&mut self) {
		self.wait();
		self.ask_no_more();
	}

	/// It has written all that it had.
	pub fn done(&mut self) {
		if std::mem::take(&mut self.waits) {
			self.room.waiting.fetch_sub(1, Ordering::Relaxed);
			self.ask_no_more();
		}
	}

	fn wait(&mut self) {
		if !std::mem::replace(&mut self.waits, true) {
			self.room.waiting.fetch_add(1, Ordering::Relaxed);
		}
	}

	fn ask_no_more(&mut self) {
		if std::mem::take(&mut self.asks) {
			let mut fair = lock(&self.room.fair);
			fair.unready(self.source, self.stream);
			self.replace(&mut fair);
		}
	}

	/// If it was its turn, it is another one's.
	fn replace(&self, fair: &mut Fair<Waker>) {
		if fair.holder == Some(self.stream) || (fair.holder.is_none() && fair.judge == Some(self.stream)) {
			self.pass_on(fair);
		}
	}

	/// It is the turn of whoever has had least. Returns who that is.
	fn pass_on(&self, fair: &mut Fair<Waker>) -> Option<u64> {
		fair.holder = None;
		fair.judge = None;
		let (stream, waker) = fair.grant()?;
		if stream != self.stream {
			waker.wake();
		}
		Some(stream)
	}
}

impl Drop for Ticket {
	fn drop(&mut self) {
		self.done();
		if self.known {
			lock(&self.room.fair).forget(self.source, self.stream);
		}
	}
}

#[cfg(test)]
mod tests {
	use std::collections::VecDeque;
	use std::task::Wake;

	use super::*;

	/// What wakes is noted.
	struct Bell(usize, Arc<Mutex<VecDeque<usize>>>);

	impl Wake for Bell {
		fn wake(self: Arc<Self>) {
			lock(&self.1).push_back(self.0);
		}
	}

	struct Scene {
		tickets: Vec<Option<Ticket>>,
		woken: Arc<Mutex<VecDeque<usize>>>,
		had: Vec<usize>,
	}

	impl Scene {
		/// One stream for each source named.
		fn new(sources: &[u64]) -> Self {
			let room = Arc::new(Room::default());
			let tickets = sources.iter().map(|&source| Some(Ticket::new(room.clone(), source))).collect();
			Self { tickets, woken: Arc::default(), had: vec![0; sources.len()] }
		}

		fn room(&self) -> Arc<Room> {
			self.tickets.iter().flatten().next().unwrap().room.clone()
		}

		/// A stream that always has more: it writes while it may and there is room, `step` at a time.
		fn poll(&mut self, index: usize, room: &mut usize, step: usize) {
			let waker = Waker::from(Arc::new(Bell(index, self.woken.clone())));
			let Some(ticket) = &mut self.tickets[index] else { return };
			while ticket.turn(&mut Context::from_waker(&waker)).is_ready() {
				if *room == 0 {
					return ticket.blocked();
				}
				let bytes = step.min(*room);
				*room -= bytes;
				self.had[index] += bytes;
				ticket.wrote(bytes);
			}
		}

		/// QUIC has room, and wakes the blocked ones in that order. Runs until nobody is awake.
		fn run(&mut self, order: impl Iterator<Item = usize>, mut room: usize, step: usize) {
			lock(&self.woken).extend(order);
			for _ in 0..100_000 {
				let Some(index) = lock(&self.woken).pop_front() else { return };
				self.poll(index, &mut room, step);
			}
			panic!("it does not come to rest");
		}
	}

	#[test]
	fn whoever_is_woken_first_all_sources_get_the_same() {
		let mut sources = vec![1; 64];
		sources.push(2);
		let mut scene = Scene::new(&sources);
		for round in 0..400 {
			match round % 2 {
				0 => scene.run(0..65, 3_000, 1_500),
				_ => scene.run((0..65).rev(), 3_000, 1_500),
			}
		}
		let all: usize = scene.had.iter().sum();
		assert_eq!(all, 400 * 3_000);
		assert!(scene.had[64] * 10 >= all * 4, "{} of {all}", scene.had[64]);
		let most = scene.had[..64].iter().max().unwrap();
		assert!(*most <= all / 2 / 64 * 3, "{most}");
	}

	#[test]
	fn sources_share_alike_though_there_is_never_room_for_two_of_them() {
		for sources in [vec![1, 2], vec![2, 1], vec![1, 1, 1, 2, 3]] {
			let mut scene = Scene::new(&sources);
			for round in 0..600 {
				match round % 3 {
					0 => scene.run((0..sources.len()).rev(), 1_000, 1_500),
					_ => scene.run(0..sources.len(), 1_000, 1_500),
				}
			}
			let kinds = *sources.iter().max().unwrap();
			for source in 1..=kinds {
				let had: usize = (0..sources.len()).filter(|&index| sources[index] == source).map(|index| scene.had[index]).sum();
				let fair = 600_000 / kinds as usize;
				assert!(had * 10 >= fair * 9, "{sources:?}: {:?}", scene.had);
			}
		}
	}

	#[test]
	fn one_that_is_alone_writes_at_once_and_takes_no_turn() {
		let mut scene = Scene::new(&[1, 2]);
		scene.run([0].into_iter(), 10_000, 1_000);
		assert_eq!(scene.had, [10_000, 0]);
		assert!(scene.room().is_wanted());
		assert_eq!(lock(&scene.room().fair).sources(), 0);
		scene.tickets[0].as_mut().unwrap().done();
		assert!(!scene.room().is_wanted());
	}

	#[test]
	fn one_that_ends_in_its_turn_or_as_judge_or_while_it_waits_holds_nobody_up() {
		for victim in 0..4 {
			for stage in 0..12 {
				let mut scene = Scene::new(&[1, 2, 3, 4]);
				scene.run(0..4, 0, 1_000);
				lock(&scene.woken).extend(0..4);
				for _ in 0..stage {
					let Some(index) = lock(&scene.woken).pop_front() else { break };
					// One write in each turn.
					let waker = Waker::from(Arc::new(Bell(index, scene.woken.clone())));
					let ticket = scene.tickets[index].as_mut().unwrap();
					if ticket.turn(&mut Context::from_waker(&waker)).is_ready() {
						ticket.wrote(1_000);
						waker.wake();
					}
				}
				scene.tickets[victim] = None;
				let before = scene.had.clone();
				scene.run(std::iter::empty(), 100_000, 1_000);
				for other in (0..4).filter(|&other| other != victim) {
					assert!(scene.had[other] > before[other], "victim {victim}, stage {stage}: {other}");
				}
				scene.tickets.iter_mut().for_each(|ticket| drop(ticket.take()));
			}
		}
	}

	#[test]
	fn nothing_is_counted_when_all_are_gone() {
		let mut scene = Scene::new(&[1, 1, 2]);
		let room = scene.room();
		scene.run(0..3, 50_000, 700);
		scene.tickets.clear();
		assert!(!room.is_wanted());
		let fair = lock(&room.fair);
		assert_eq!((fair.sources(), fair.holder, fair.judge), (0, None, None));
	}
}

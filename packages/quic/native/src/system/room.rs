//! Waiting for room in a socket's send buffer: one wait per socket, however many connections stand in line for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};

use crate::lock::lock;

/// Whether the socket has room, and who waits for it.
#[derive(Default)]
pub struct Room {
	/// The last packet found none.
	full: AtomicBool,
	/// Room was announced, and nothing has been sent since.
	fruitless: AtomicBool,
	line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
	/// By number. `None`: the holder was woken and has not asked again since.
	waiting: BTreeMap<u64, Option<Waker>>,
	next: u64,
	/// Somebody watches the socket for all of them.
	watched: bool,
}

/// A place in the line, or none. It is kept until its holder has had its turn, so that everybody gets one.
#[derive(Debug, Default)]
pub struct Place(Option<u64>);

impl Room {
	/// A packet has left.
	pub fn sent(&self) {
		if self.fruitless.load(Ordering::Relaxed) {
			self.fruitless.store(false, Ordering::Relaxed);
		}
	}

	/// A packet found no room.
	pub fn filled(&self) {
		self.full.store(true, Ordering::Relaxed);
	}

	/// Ready: there is room, as far as is known. Pending: `waker` is woken when there is. `watch` is called if nobody watches the
	/// socket yet; it has to see to it that `freed` is called.
	pub fn poll(&self, place: &mut Place, waker: &Waker, watch: impl FnOnce()) -> Poll<()> {
		if place.0.is_none() && !self.full.load(Ordering::Relaxed) {
			return Poll::Ready(()); // quinn asks before every packet
		}
		let mut line = lock(&self.line);
		if !self.full.load(Ordering::Relaxed) {
			Self::give_up(&mut line, place);
			return Poll::Ready(());
		}
		let number = *place.0.get_or_insert_with(|| {
			line.next += 1;
			line.next
		});
		let known = line.waiting.entry(number).or_default();
		if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
			*known = Some(waker.clone());
		}
		if !std::mem::replace(&mut line.watched, true) {
			drop(line);
			watch();
		}
		Poll::Pending
	}

	/// There is room, or it is worth a try.
	pub fn freed(&self) {
		self.fruitless.store(true, Ordering::Relaxed);
		let mut line = lock(&self.line);
		self.full.store(false, Ordering::Relaxed);
		line.watched = false;
		let woken: Vec<_> = line.waiting.values_mut().filter_map(Option::take).collect();
		drop(line); // wakers are foreign code
		woken.into_iter().for_each(Waker::wake);
	}

	/// Whether room has been announced since anything was last sent.
	pub fn is_fruitless(&self) -> bool {
		self.fruitless.load(Ordering::Relaxed)
	}

	/// Leaves the place, because its holder is gone.
	pub fn leave(&self, place: &mut Place) {
		if place.0.is_some() {
			Self::give_up(&mut lock(&self.line), place);
		}
	}

	fn give_up(line: &mut MutexGuard<Line>, place: &mut Place) {
		if let Some(number) = place.0.take() {
			line.waiting.remove(&number);
		}
	}
}

#[cfg(test)]
mod tests {
	use std::sync::Arc;
	use std::task::Wake;

	use super::*;

	/// Notes its number when it is woken.
	struct Named(usize, Arc<Mutex<Vec<usize>>>);

	impl Wake for Named {
		fn wake(self: Arc<Self>) {
			lock(&self.1).push(self.0);
		}
	}

	struct Crowd {
		room: Room,
		places: Vec<Place>,
		wakers: Vec<Waker>,
		woken: Arc<Mutex<Vec<usize>>>,
		watches: usize,
	}

	impl Crowd {
		fn of(size: usize) -> Self {
			let woken: Arc<Mutex<Vec<usize>>> = Arc::default();
			let wakers = (0..size).map(|number| Waker::from(Arc::new(Named(number, woken.clone())))).collect();
			Self { room: Room::default(), places: (0..size).map(|_| Place::default()).collect(), wakers, woken, watches: 0 }
		}

		fn poll(&mut self, who: usize) -> bool {
			self.room.poll(&mut self.places[who], &self.wakers[who], || self.watches += 1).is_ready()
		}

		fn free(&mut self) -> Vec<usize> {
			self.room.freed();
			std::mem::take(&mut lock(&self.woken))
		}
	}

	#[test]
	fn nobody_waits_while_there_is_room() {
		let mut crowd = Crowd::of(2);
		assert!(crowd.poll(0) && crowd.poll(1));
		assert_eq!(crowd.watches, 0);
	}

	#[test]
	fn all_that_wait_are_woken_once_and_watched_for_once() {
		let mut crowd = Crowd::of(3);
		crowd.room.filled();
		for who in [0, 1, 2, 1, 0] {
			assert!(!crowd.poll(who));
		}
		assert_eq!(crowd.watches, 1);
		assert_eq!(crowd.free(), [0, 1, 2]);
		assert_eq!(crowd.free(), []);
		assert!((0..3).all(|who| crowd.poll(who)));
		assert!(lock(&crowd.room.line).waiting.is_empty());
	}

	#[test]
	fn whoever_had_its_turn_stands_behind_those_that_had_none() {
		let mut crowd = Crowd::of(3);
		crowd.room.filled();
		assert!((0..3).all(|who| !crowd.poll(who)));
		for first in [0, 1, 2, 0] {
			let order = crowd.free();
			assert_eq!(order, [first, (first + 1) % 3, (first + 2) % 3]);
			for (at, who) in order.into_iter().enumerate() {
				// The first finds room and takes it all.
				assert_eq!(crowd.poll(who), at == 0);
				if at == 0 {
					crowd.room.filled();
					assert!(!crowd.poll(who));
				}
			}
		}
	}

	#[test]
	fn the_last_waker_of_a_place_counts_and_a_place_that_is_left_wakes_nobody() {
		let mut crowd = Crowd::of(3);
		crowd.room.filled();
		assert!((0..2).all(|who| !crowd.poll(who)));
		let other = crowd.wakers[2].clone();
		assert!(crowd.room.poll(&mut crowd.places[0], &other, || {}).is_pending());
		crowd.room.leave(&mut crowd.places[1]);
		assert_eq!(crowd.free(), [2]);
		crowd.room.leave(&mut crowd.places[0]);
		assert!(lock(&crowd.room.line).waiting.is_empty());
	}

	#[test]
	fn it_is_known_whether_room_was_of_any_use() {
		let mut crowd = Crowd::of(1);
		crowd.room.filled();
		assert!(!crowd.room.is_fruitless());
		crowd.free();
		assert!(crowd.room.is_fruitless());
		crowd.room.sent();
		assert!(!crowd.room.is_fruitless());
	}
}

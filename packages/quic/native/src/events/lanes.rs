//! All lanes, and whose turn it is. Pure.
//!
//! Lanes take turns of some records each, as flows do in fair queueing with priority for sparse flows (RFC 8290): a lane that had
//! nothing waiting goes ahead of those that have had a turn since. So who asks a question now and then does not wait behind all those
//! who always have something. A lane that was served so and is empty waits for a round of the others before it goes ahead again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use super::lane::{Batch, Class, Lane, Spares, Taken, TURN_RECORDS};

struct Place {
	lane: Lane,
	/// It is in `fresh` or `others`.
	listed: bool,
	/// Nothing is added any more. Its place is free when it is empty.
	closed: bool,
}

/// See the module.
pub struct Lanes {
	places: Vec<Place>,
	free: Vec<usize>,
	/// Those that had nothing waiting.
	fresh: VecDeque<usize>,
	others: VecDeque<usize>,
	pub spares: Spares,
	/// Readers whose lanes have room again. Wake them when the lock is free.
	pub woken: Vec<Waker>,
}

/// The lane of the environment itself.
const OWN: usize = 0;

impl Default for Lanes {
	fn default() -> Self {
		let own = Place { lane: Lane::default(), listed: false, closed: false };
		Self {
			places: vec![own],
			free: Vec::new(),
			fresh: VecDeque::new(),
			others: VecDeque::new(),
			spares: Spares::default(),
			woken: Vec::new(),
		}
	}
}

impl Lanes {
	pub fn open(&mut self) -> usize {
		let place = Place { lane: Lane::default(), listed: false, closed: false };
		match self.free.pop() {
			Some(id) => {
				self.places[id] = place;
				id
			}
			None => {
				self.places.push(place);
				self.places.len() - 1
			}
		}
	}

	/// Nothing is added to the lane any more. What waits still goes to JS.
	pub fn close(&mut self, id: usize) {
		self.places[id].closed = true;
		if !self.places[id].listed {
			self.free.push(id);
		}
	}

	pub fn lane(&mut self, id: usize) -> &mut Lane {
		&mut self.places[id].lane
	}

	/// Adds what `fill` adds.
	pub fn add(&mut self, id: usize, class: Class, fill: impl FnOnce(&mut Batch)) {
		let place = &mut self.places[id];
		fill(&mut Batch { lane: &mut place.lane, spares: &mut self.spares, class });
		if !place.listed && !place.lane.is_empty() {
			place.listed = true;
			self.fresh.push_back(id);
		}
	}

	/// A record that follows all that waits now, of all lanes.
	pub fn fence(&mut self, record: Vec<u8>) {
		let record = Arc::new(record);
		for id in self.fresh.iter().chain(&self.others) {
			let lane = &mut self.places[*id].lane;
			if !lane.is_empty() {
				lane.fence(&record);
			}
		}
		self.pass(record);
	}

	/// One copy of a fence is gone. The last one is the record's turn.
	fn pass(&mut self, fence: Arc<Vec<u8>>) {
		if let Some(record) = Arc::into_inner(fence) {
			self.add(OWN, Class::Data, |batch| batch.packed(&record));
		}
	}

	/// Puts into `batch` what JS gets next. It is about `most` records where one lane alone has something.
	pub fn next(&mut self, batch: &mut [u8], most: usize) -> Taken {
		loop {
			let is_fresh = !self.fresh.is_empty();
			let is_alone = self.fresh.len() + self.others.len() == 1;
			let list = if is_fresh { &mut self.fresh } else { &mut self.others };
			let Some(&id) = list.front() else { return Taken::Nothing };
			let place = &mut self.places[id];
			let most = if is_alone { most.max(TURN_RECORDS) } else { TURN_RECORDS };
			let taken = place.lane.take(batch, most, &mut self.spares, &mut self.woken);
			if let Taken::NoRoom = taken {
				return taken;
			}
			list.pop_front();
			if !place.lane.is_empty() || (is_fresh && !self.others.is_empty()) {
				self.others.push_back(id);
			} else {
				place.listed = false;
				if place.closed {
					self.free.push(id);
				}
			}
			match taken {
				Taken::Fence(fence) => self.pass(fence),
				Taken::Nothing => {}
				taken => return taken,
			}
		}
	}

	pub fn is_empty(&self) -> bool {
		self.fresh.is_empty() && self.others.is_empty()
	}

	/// Forgets what waits.
	pub fn clear(&mut self) {
		self.places.iter_mut().for_each(|place| place.lane.clear());
	}
}

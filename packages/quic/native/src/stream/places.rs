//! How many streams the peer of a connection may have open: few at first, and more when it uses them.
//!
//! quinn keeps a place in two maps (about 45 bytes) for every stream that the peer may open, whether the peer does or not. So a
//! connection that has a handful of streams does not pay for thousands.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

/// What a peer may have open before it has opened any. Those maps double when they have 28, 56 or 112 places; so this leaves four for streams
/// of this side, and costs 2.7 KiB, where 128 places cost 10.6.
const FIRST: u32 = 52;
/// So many times as many it may have next. A peer that opens a thousand at once has them after three round trips.
const GROWTH: u32 = 4;

/// See the module.
pub struct Places {
	live: AtomicU32,
	granted: AtomicU32,
	most: u32,
}

/// The place of one stream. It is free again when this is dropped.
pub struct Place(Arc<Places>);

impl Places {
	pub fn new(most: u32) -> Self {
		Self { live: AtomicU32::new(0), granted: AtomicU32::new(most.min(FIRST)), most }
	}

	/// How many streams the peer may have open at first, where it may have `most` in the end.
	pub fn at_first(most: u32) -> u32 {
		most.min(FIRST)
	}

	/// How many streams the peer may have open now.
	pub fn granted(&self) -> u32 {
		self.granted.load(Ordering::Relaxed)
	}

	/// The peer has opened a stream. Gives its place. With it comes how many the peer may have from now on, if it is time for more:
	/// half of them are in use, so that the peer hears of it before it has to wait, unless it opens them all at once.
	pub fn take(self: &Arc<Self>) -> (Place, Option<u32>) {
		let live = self.live.fetch_add(1, Ordering::Relaxed) + 1;
		let granted = self.granted();
		let more = granted.saturating_mul(GROWTH).min(self.most);
		let raised = live > granted / 2 && more > granted;
		if raised {
			self.granted.store(more, Ordering::Relaxed); // streams of one connection come in one after the other
		}
		(Place(self.clone()), raised.then_some(more))
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		self.0.live.fetch_sub(1, Ordering::Relaxed);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_peer_gets_more_when_half_is_in_use_and_never_more_than_the_most() {
		let places = Arc::new(Places::new(300));
		assert_eq!((places.granted(), Places::at_first(300), Places::at_first(5)), (52, 52, 5));
		let (mut held, mut raises) = (Vec::new(), Vec::new());
		for streams in 1..=300 {
			let (place, raised) = places.take();
			held.push(place);
			raises.extend(raised.map(|more| (streams, more)));
		}
		assert_eq!(raises, [(27, 208), (105, 300)]);
		assert_eq!(places.granted(), 300);
	}

	#[test]
	fn streams_that_have_ended_do_not_count() {
		let places = Arc::new(Places::new(1000));
		for _ in 0..10_000 {
			assert!(places.take().1.is_none());
		}
		assert_eq!((places.granted(), places.live.load(Ordering::Relaxed)), (52, 0));
	}
}

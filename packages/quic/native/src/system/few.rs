//! A few of many, by their handles. Pure.

/// So many endpoints have their sockets watched at once. Each costs two system calls in every round of the event loop. A JS thread that talks
/// with more peers than that in turns is busy anyway, so an answer seldom finds it waiting.
pub const MOST: usize = 8;

/// See the module. Never more than [`MOST`].
#[derive(Default)]
pub struct Few(Vec<u32>);

impl Few {
	/// Whether it is one of them, or could become one.
	pub fn has_room_for(&self, handle: u32) -> bool {
		self.0.len() < MOST || self.0.contains(&handle)
	}

	/// Returns whether it is new. There must be room.
	pub fn add(&mut self, handle: u32) -> bool {
		let is_new = self.has_room_for(handle) && !self.0.contains(&handle);
		if is_new {
			self.0.push(handle);
		}
		is_new
	}

	/// Returns whether it was one of them.
	pub fn remove(&mut self, handle: u32) -> bool {
		let place = self.0.iter().position(|one| *one == handle);
		place.map(|place| self.0.swap_remove(place)).is_some()
	}

	pub fn is_empty(&self) -> bool {
		self.0.is_empty()
	}

	#[cfg(test)]
	pub fn len(&self) -> usize {
		self.0.len()
	}

	pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
		self.0.iter().copied()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn there_are_never_more_than_a_few_however_many_ask() {
		let mut few = Few::default();
		let taken = (0..5_000).filter(|handle| few.add(*handle)).count();
		assert_eq!((taken, few.len()), (MOST, MOST));
		assert!(few.has_room_for(0), "it is one of them");
		assert!(!few.has_room_for(MOST as u32));
	}

	#[test]
	fn one_that_leaves_makes_room_for_another() {
		let mut few = Few::default();
		assert!(few.is_empty());
		(0..MOST as u32).for_each(|handle| assert!(few.add(handle)));
		assert!(!few.add(3), "it is one of them already");
		assert!(few.remove(3) && !few.remove(3) && !few.remove(4_711));
		assert!(few.add(4_711));
		assert!(few.iter().any(|handle| handle == 4_711) && few.iter().all(|handle| handle != 3));
	}
}

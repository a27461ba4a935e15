//! Handles: what JS holds instead of pointers. 20 bits are a slot and 12 bits its generation, so a stale handle finds nothing.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::error::{error, Result, TOO_MANY_HANDLES};
use crate::lock::lock;

struct Slot<T> {
	generation: u32,
	entry: Option<T>,
}

struct Slots<T> {
	slots: Vec<Slot<T>>,
	/// Oldest first, so that a slot rests long before it is used again.
	free: VecDeque<u32>,
}

/// See the module.
pub struct Table<T> {
	slots: Mutex<Slots<T>>,
}

pub const SLOT_BITS: u32 = 20;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;
const GENERATION_MASK: u32 = (1 << (32 - SLOT_BITS)) - 1;

impl<T: Clone> Table<T> {
	pub fn new() -> Self {
		// Slot 0 is never handed out: 0 is "no handle".
		let none = Slot { generation: 0, entry: None };
		Self { slots: Mutex::new(Slots { slots: vec![none], free: VecDeque::new() }) }
	}

	/// Reserves a handle and stores what `make` builds around it. The table is locked meanwhile.
	pub fn insert(&self, make: impl FnOnce(u32) -> T) -> Result<u32> {
		self.insert_with(|handle| Ok(make(handle)))
	}

	/// Does the same for something that can fail to be made.
	pub fn insert_with(&self, make: impl FnOnce(u32) -> Result<T>) -> Result<u32> {
		let mut table = lock(&self.slots);
		let slot = match table.free.pop_front() {
			Some(slot) => slot,
			None if table.slots.len() <= SLOT_MASK as usize => {
				table.slots.push(Slot { generation: 0, entry: None });
				table.slots.len() as u32 - 1
			}
			None => return Err(error(TOO_MANY_HANDLES, "Cannot open more than 2^20 streams and connections at once")),
		};
		let handle = slot | table.slots[slot as usize].generation << SLOT_BITS;
		match make(handle) {
			Ok(entry) => {
				table.slots[slot as usize].entry = Some(entry);
				Ok(handle)
			}
			Err(e) => {
				table.free.push_back(slot);
				Err(e)
			}
		}
	}

	pub fn remove(&self, handle: u32) {
		let removed = {
			let mut table = lock(&self.slots);
			let slot = handle & SLOT_MASK;
			match table.slots.get_mut(slot as usize) {
				Some(found) if found.generation == handle >> SLOT_BITS && found.entry.is_some() => {
					let removed = found.entry.take();
					found.generation = (found.generation + 1) & GENERATION_MASK;
					table.free.push_back(slot);
					removed
				}
				_ => None,
			}
		};
		drop(removed); // outside the lock, because dropping may reach back to this table
	}

	/// Gives what `choose` makes of each entry, where it makes something.
	pub fn choose<U>(&self, choose: impl Fn(&T) -> Option<U>) -> Vec<U> {
		let table = lock(&self.slots);
		table.slots.iter().filter_map(|slot| slot.entry.as_ref()).filter_map(choose).collect()
	}

	/// Drops everything. No handle is valid any more.
	pub fn clear(&self) {
		let all = std::mem::take(&mut lock(&self.slots).slots);
		drop(all); // outside the lock, as in `remove`
	}

	pub fn get(&self, handle: u32) -> Option<T> {
		let table = lock(&self.slots);
		let found = table.slots.get((handle & SLOT_MASK) as usize)?;
		if found.generation == handle >> SLOT_BITS {
			found.entry.clone()
		} else {
			None
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_stale_handle_finds_nothing_when_its_slot_is_used_again() {
		let table = Table::new();
		let first = table.insert(|_| 'a').ok().unwrap();
		table.remove(first);
		let second = table.insert(|_| 'b').ok().unwrap();
		assert_eq!(first & SLOT_MASK, second & SLOT_MASK);
		assert_ne!(first, second);
		assert_eq!((table.get(first), table.get(second)), (None, Some('b')));
		table.remove(first);
		assert_eq!(table.get(second), Some('b'));
	}

	#[test]
	fn no_handle_is_zero_and_the_slot_of_what_failed_is_free_again() {
		let table = Table::new();
		assert!(table.insert_with(|_| Err(crate::error::invalid("as it might"))).is_err());
		let handle = table.insert(|_| ()).ok().unwrap();
		assert_eq!(handle, 1);
		assert_eq!(table.get(0), None);
	}
}

//! Handles: what JS holds instead of pointers. 20 bits of slot, 12 bits of generation, so a stale handle finds nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::{error, stale, Result, TOO_MANY_HANDLES};
use crate::lock::lock;
use crate::stream::Stream;

#[derive(Clone)]
pub enum Entry {
	Endpoint(Arc<Endpoint>),
	Connection(Arc<Connection>),
	Stream(Arc<Stream>),
}

struct Slot {
	generation: u32,
	entry: Option<Entry>,
}

struct Slots {
	slots: Vec<Slot>,
	/// Oldest first, so that a slot rests long before it is used again.
	free: VecDeque<u32>,
}

pub struct Table {
	slots: Mutex<Slots>,
}

const SLOT_BITS: u32 = 20;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;
const GENERATION_MASK: u32 = (1 << (32 - SLOT_BITS)) - 1;

impl Table {
	pub fn new() -> Self {
		// Slot 0 is never handed out: 0 is "no handle".
		let none = Slot { generation: 0, entry: None };
		Self { slots: Mutex::new(Slots { slots: vec![none], free: VecDeque::new() }) }
	}

	/// Reserves a handle and stores what `make` builds around it. The table is locked meanwhile.
	pub fn insert(&self, make: impl FnOnce(u32) -> Entry) -> Result<u32> {
		self.insert_with(|handle| Ok(make(handle)))
	}

	/// The same for what may fail to be made.
	pub fn insert_with(&self, make: impl FnOnce(u32) -> Result<Entry>) -> Result<u32> {
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
		drop(removed); // outside the lock: dropping may reach back here
	}

	pub fn endpoint(&self, handle: u32) -> Result<Arc<Endpoint>> {
		match self.get(handle) {
			Some(Entry::Endpoint(found)) => Ok(found),
			_ => Err(stale("endpoint")),
		}
	}

	pub fn connection(&self, handle: u32) -> Result<Arc<Connection>> {
		match self.get(handle) {
			Some(Entry::Connection(found)) => Ok(found),
			_ => Err(stale("connection")),
		}
	}

	pub fn stream(&self, handle: u32) -> Option<Arc<Stream>> {
		match self.get(handle) {
			Some(Entry::Stream(found)) => Some(found),
			_ => None,
		}
	}

	pub fn endpoints(&self) -> Vec<Arc<Endpoint>> {
		let table = lock(&self.slots);
		let entries = table.slots.iter().filter_map(|slot| slot.entry.as_ref());
		entries.filter_map(|entry| if let Entry::Endpoint(found) = entry { Some(found.clone()) } else { None }).collect()
	}

	pub fn streams(&self) -> Vec<Arc<Stream>> {
		let table = lock(&self.slots);
		let entries = table.slots.iter().filter_map(|slot| slot.entry.as_ref());
		entries.filter_map(|entry| if let Entry::Stream(found) = entry { Some(found.clone()) } else { None }).collect()
	}

	/// Of one endpoint.
	pub fn connections(&self, endpoint: u32) -> Vec<Arc<Connection>> {
		let table = lock(&self.slots);
		let entries = table.slots.iter().filter_map(|slot| slot.entry.as_ref());
		entries
			.filter_map(|entry| match entry {
				Entry::Connection(found) if found.endpoint.handle == endpoint => Some(found.clone()),
				_ => None,
			})
			.collect()
	}

	pub fn clear(&self) {
		let all = std::mem::take(&mut lock(&self.slots).slots);
		drop(all);
	}

	fn get(&self, handle: u32) -> Option<Entry> {
		let table = lock(&self.slots);
		let found = table.slots.get((handle & SLOT_MASK) as usize)?;
		if found.generation == handle >> SLOT_BITS {
			found.entry.clone()
		} else {
			None
		}
	}
}

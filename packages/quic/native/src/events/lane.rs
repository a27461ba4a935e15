//! What waits for JS of one source: a connection with its streams, or the socket of an endpoint. Pure.
//!
//! A lane has two classes. Control goes first: what the control stream brings, new streams, and what becomes of pipes. Records of one
//! stream are of one class, so their order stays. What ends a connection waits behind its data, and so behind all that it brought.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use super::record;

/// The head of a record.
pub const RECORD_BYTES: usize = 12;
/// A packed segment is closed at this size. One record may be longer: a first frame of 64 KiB.
pub const SEGMENT_BYTES: usize = 64 * 1024;
/// A packed segment is closed at so many records, too. A lane's turn is one segment.
pub const SEGMENT_RECORDS: usize = 64;
/// Where control comes as bytes, there may be a message in each 25 of them. So its segments are shorter.
const CONTROL_SEGMENT_BYTES: usize = 4 * 1024;
/// When so much data of a lane waits for JS, its streams are not read: the rest waits in QUIC's windows.
const FULL_RECORDS: usize = 4_096;
const FULL_BYTES: usize = 4 * 1024 * 1024;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Class {
	Control,
	Data,
}

/// A part of what waits, which JS gets in one piece.
pub enum Segment {
	Packed(Packed),
	Large {
		kind: u8,
		handle: u32,
		parts: Vec<Bytes>,
		len: usize,
	},
	/// A record that may go when every lane has passed its copy.
	Fence(Arc<Vec<u8>>),
}

/// Records side by side.
#[derive(Default)]
pub struct Packed {
	pub bytes: Vec<u8>,
	pub records: usize,
	/// Of unreliable datagrams.
	pub datagram_bytes: usize,
}

impl Segment {
	/// What it needs of a batch.
	pub fn batch_bytes(&self) -> usize {
		match self {
			Self::Packed(packed) => packed.bytes.len(),
			Self::Large { .. } => RECORD_BYTES,
			Self::Fence(_) => 0,
		}
	}

	/// Records and bytes, those outside the batch included.
	fn size(&self) -> (usize, usize) {
		match self {
			Self::Packed(packed) => (packed.records, packed.bytes.len()),
			Self::Large { len, .. } => (1, *len),
			Self::Fence(_) => (0, 0),
		}
	}
}

/// See the module.
#[derive(Default)]
pub struct Lane {
	control: VecDeque<Segment>,
	data: VecDeque<Segment>,
	/// What waits in `data`.
	records: usize,
	bytes: usize,
	/// Whether no more data may be read. Readers look at it without the queue's lock.
	full: Arc<AtomicBool>,
	/// Changes when the lane is full no more.
	epoch: u64,
	/// Readers that wait for that.
	wakers: Vec<Waker>,
}

impl Lane {
	pub fn is_empty(&self) -> bool {
		self.control.is_empty() && self.data.is_empty()
	}

	pub fn full(&self) -> &Arc<AtomicBool> {
		&self.full
	}

	/// What JS gets next.
	pub fn front(&self) -> Option<&Segment> {
		self.control.front().or_else(|| self.data.front())
	}

	/// Takes it out. Readers that may go on are put into `woken`.
	pub fn pop(&mut self, woken: &mut Vec<Waker>) -> Option<Segment> {
		if let Some(first) = self.control.pop_front() {
			return Some(first);
		}
		let segment = self.data.pop_front()?;
		let (records, bytes) = segment.size();
		self.records -= records;
		self.bytes -= bytes;
		if self.records <= FULL_RECORDS / 2 && self.bytes <= FULL_BYTES / 2 && self.full.load(Ordering::Relaxed) {
			self.full.store(false, Ordering::Release);
			self.epoch += 1;
			woken.append(&mut self.wakers);
		}
		Some(segment)
	}

	/// Whether a reader may read on. If not, `waker` is woken when it may. `since` is the reader's: it waits once in each epoch.
	pub fn has_room(&mut self, waker: &Waker, since: &mut u64) -> bool {
		if !self.full.load(Ordering::Relaxed) {
			return true;
		}
		if std::mem::replace(since, self.epoch + 1) != self.epoch + 1 {
			self.wakers.push(waker.clone());
		}
		false
	}

	pub fn fence(&mut self, record: &Arc<Vec<u8>>) {
		self.data.push_back(Segment::Fence(record.clone()));
	}

	/// Forgets what waits.
	pub fn clear(&mut self) {
		self.control.clear();
		self.data.clear();
	}
}

/// Emptied segments, kept to spare allocations.
#[derive(Default)]
pub struct Spares(Vec<Vec<u8>>);

/// So many, each of at most two segments.
const SPARES: usize = 4;

impl Spares {
	pub fn put(&mut self, mut bytes: Vec<u8>) {
		if self.0.len() < SPARES && bytes.capacity() > 0 && bytes.capacity() <= 2 * SEGMENT_BYTES {
			bytes.clear();
			self.0.push(bytes);
		}
	}
}

/// Appends records to one class of a lane. The queue is locked while a batch lives, so nothing is awaited meanwhile.
pub struct Batch<'a> {
	pub(super) lane: &'a mut Lane,
	pub(super) spares: &'a mut Spares,
	pub(super) class: Class,
}

impl Batch<'_> {
	pub fn record(&mut self, kind_of_record: u8, frame_kind: u8, handle: u32, payload: &[&[u8]]) {
		let len: usize = payload.iter().map(|part| part.len()).sum();
		let padding = len.wrapping_neg() & 3;
		let segment = self.segment(RECORD_BYTES + len + padding);
		let packed = &mut segment.bytes;
		packed.extend_from_slice(&head(kind_of_record, frame_kind, handle, len));
		for part in payload {
			packed.extend_from_slice(part);
		}
		packed.extend_from_slice(&[0; 3][..padding]);
	}

	/// A record that is an unreliable datagram and counts as `cost` bytes of them.
	pub fn datagram(&mut self, kind_of_record: u8, handle: u32, payload: &[&[u8]], cost: usize) {
		self.record(kind_of_record, 0, handle, payload);
		if let Some(Segment::Packed(packed)) = self.lane.data.back_mut() {
			packed.datagram_bytes += cost;
		}
	}

	pub fn large(&mut self, frame_kind: u8, handle: u32, parts: Vec<Bytes>, len: usize) {
		self.count(len);
		self.segments().push_back(Segment::Large { kind: frame_kind, handle, parts, len });
	}

	/// Whole records as they are.
	pub fn packed(&mut self, records: &[u8]) {
		self.segment(records.len()).bytes.extend_from_slice(records);
	}

	fn segments(&mut self) -> &mut VecDeque<Segment> {
		match self.class {
			Class::Control => &mut self.lane.control,
			Class::Data => &mut self.lane.data,
		}
	}

	fn count(&mut self, bytes: usize) {
		if self.class == Class::Data {
			self.lane.records += 1;
			self.lane.bytes += bytes;
			if self.lane.records > FULL_RECORDS || self.lane.bytes > FULL_BYTES {
				self.lane.full.store(true, Ordering::Release);
			}
		}
	}

	/// Where a record of `more` bytes goes.
	fn segment(&mut self, more: usize) -> &mut Packed {
		self.count(more);
		let most = if self.class == Class::Data { SEGMENT_BYTES } else { CONTROL_SEGMENT_BYTES };
		let fits = matches!(self.segments().back(), Some(Segment::Packed(packed)) if packed.bytes.len() + more <= most && packed.records < SEGMENT_RECORDS);
		if !fits {
			let bytes = self.spares.0.pop().unwrap_or_default();
			self.segments().push_back(Segment::Packed(Packed { bytes, ..Packed::default() }));
		}
		match self.segments().back_mut() {
			Some(Segment::Packed(packed)) => {
				packed.records += 1;
				packed
			}
			_ => unreachable!("a packed segment was just pushed"),
		}
	}
}

/// The head of a record, as JS reads it.
pub fn head(kind_of_record: u8, frame_kind: u8, handle: u32, len: usize) -> [u8; RECORD_BYTES] {
	let mut head = [0; RECORD_BYTES];
	head[..4].copy_from_slice(&(u32::from(kind_of_record) | u32::from(frame_kind) << 8).to_ne_bytes());
	head[4..8].copy_from_slice(&handle.to_ne_bytes());
	head[8..].copy_from_slice(&(len as u32).to_ne_bytes());
	head
}

/// The head of the record that announces a large payload.
pub fn large_head(frame_kind: u8, handle: u32, len: usize) -> [u8; RECORD_BYTES] {
	head(record::LARGE, frame_kind, handle, len)
}

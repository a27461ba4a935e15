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
/// Records in a lane's turn, while others wait.
pub const TURN_RECORDS: usize = 64;
/// Where control comes as bytes, there may be a message in each 25 of them. So its segments are shorter.
const CONTROL_SEGMENT_BYTES: usize = 4 * 1024;
/// When so much data of a lane waits for JS, its streams are not read: the rest waits in QUIC's windows.
const FULL_RECORDS: usize = 4_096;
const FULL_BYTES: usize = 4 * 1024 * 1024;

/// When so many records of control wait for JS, no further streams of the peer are accepted.
const CROWDED_RECORDS: usize = 64;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Class {
	Control,
	Data,
}

/// A part of what waits.
enum Segment {
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
struct Packed {
	bytes: Vec<u8>,
	/// So much of it JS has.
	at: usize,
	/// Those that JS does not have.
	records: usize,
	/// Where every further turn of records begins, and how many are before it since the last one. To find that in the bytes would cost a miss
	/// of the cache for each record.
	marks: VecDeque<(usize, usize)>,
	/// Records behind the last mark.
	behind: usize,
	/// Of unreliable datagrams.
	datagram_bytes: usize,
}

impl Packed {
	/// A record comes next, which counts as so many: at most [`TURN_RECORDS`].
	fn begins(&mut self, records: usize) {
		if self.behind + records > TURN_RECORDS {
			self.marks.push_back((self.bytes.len(), self.behind));
			self.behind = 0;
		}
		self.behind += records;
		self.records += records;
	}

	/// How many bytes and records go into `room` bytes: all, or whole turns of at most about `most` records.
	fn fitting(&self, room: usize, most: usize) -> (usize, usize) {
		let rest = self.bytes.len() - self.at;
		if self.records <= most && rest <= room {
			return (rest, self.records);
		}
		let turns = (most / TURN_RECORDS).max(1).min(self.marks.len());
		match (1..=turns).rev().find(|turns| self.marks[turns - 1].0 - self.at <= room) {
			Some(turns) => (self.marks[turns - 1].0 - self.at, self.marks.iter().take(turns).map(|mark| mark.1).sum()),
			None if rest <= room && self.marks.is_empty() => (rest, self.records),
			None => (0, 0),
		}
	}

	/// JS has so many bytes and records more.
	fn took(&mut self, bytes: usize, records: usize) {
		self.at += bytes;
		self.records -= records;
		while self.marks.front().is_some_and(|mark| mark.0 <= self.at) {
			self.marks.pop_front();
		}
	}
}

/// What JS got.
pub enum Taken {
	/// Whole records are in the batch.
	Records {
		bytes: usize,
		records: usize,
		/// Of unreliable datagrams that are all fetched now.
		datagram_bytes: usize,
	},
	/// A payload of which only the head goes into the batch.
	Large {
		kind: u8,
		handle: u32,
		parts: Vec<Bytes>,
		len: usize,
	},
	/// A copy of a record that goes when all copies have.
	Fence(Arc<Vec<u8>>),
	/// What comes next needs more room.
	NoRoom,
	Nothing,
}

/// See the module.
#[derive(Default)]
pub struct Lane {
	control: VecDeque<Segment>,
	data: VecDeque<Segment>,
	/// Records that wait in `control`.
	control_records: usize,
	/// Those who accept streams, and wait until fewer of them wait.
	accepters: Vec<Waker>,
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

	/// Takes out what comes next: at most `most` records, which go into `batch`, or one of what does not. Readers that may go on are put into
	/// `woken`.
	pub fn take(&mut self, batch: &mut [u8], most: usize, spares: &mut Spares, woken: &mut Vec<Waker>) -> Taken {
		let is_control = !self.control.is_empty();
		let segments = if is_control { &mut self.control } else { &mut self.data };
		let (taken, records, bytes) = match segments.front_mut() {
			None => return Taken::Nothing,
			Some(Segment::Packed(packed)) => {
				let (bytes, records) = packed.fitting(batch.len(), most);
				if records == 0 {
					return Taken::NoRoom;
				}
				batch[..bytes].copy_from_slice(&packed.bytes[packed.at..packed.at + bytes]);
				packed.took(bytes, records);
				let mut datagram_bytes = 0;
				if packed.records == 0 {
					datagram_bytes = packed.datagram_bytes;
					spares.put(std::mem::take(&mut packed.bytes));
					segments.pop_front();
				}
				(Taken::Records { bytes, records, datagram_bytes }, records, bytes)
			}
			Some(Segment::Large { .. }) if batch.len() < RECORD_BYTES => return Taken::NoRoom,
			Some(_) => match segments.pop_front() {
				Some(Segment::Large { kind, handle, parts, len }) => (Taken::Large { kind, handle, parts, len }, 1, len),
				Some(Segment::Fence(fence)) => (Taken::Fence(fence), 0, 0),
				_ => unreachable!("it was there just now"),
			},
		};
		if is_control {
			self.control_records -= records;
			if self.control_records <= CROWDED_RECORDS / 2 {
				woken.append(&mut self.accepters);
			}
		} else {
			self.took(records, bytes, woken);
		}
		taken
	}

	/// So much data waits no more.
	fn took(&mut self, records: usize, bytes: usize, woken: &mut Vec<Waker>) {
		self.records -= records;
		self.bytes -= bytes;
		if self.records <= FULL_RECORDS / 2 && self.bytes <= FULL_BYTES / 2 && self.full.load(Ordering::Relaxed) {
			self.full.store(false, Ordering::Release);
			self.epoch += 1;
			woken.append(&mut self.wakers);
		}
	}

	/// Whether another stream of the peer may be accepted. If not, `waker` is woken when it may.
	pub fn takes_streams(&mut self, waker: &Waker) -> bool {
		let takes = self.control_records < CROWDED_RECORDS;
		if !takes && !self.accepters.iter().any(|other| other.will_wake(waker)) {
			self.accepters.push(waker.clone());
		}
		takes
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

/// Emptied segments, kept to spare allocations: many lanes fill one each, and a new one is copied several times while it grows.
#[derive(Default)]
pub struct Spares {
	segments: Vec<Vec<u8>>,
	/// Their memory.
	bytes: usize,
}

/// So much is kept.
const SPARE_BYTES: usize = 512 * 1024;

impl Spares {
	pub fn put(&mut self, mut bytes: Vec<u8>) {
		let capacity = bytes.capacity();
		if capacity > 0 && capacity <= 2 * SEGMENT_BYTES && self.bytes + capacity <= SPARE_BYTES {
			bytes.clear();
			self.bytes += capacity;
			self.segments.push(bytes);
		}
	}

	fn take(&mut self) -> Vec<u8> {
		let segment = self.segments.pop().unwrap_or_default();
		self.bytes -= segment.capacity();
		segment
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
		let head = head(kind_of_record, frame_kind, handle, len);
		self.write(1, &head, len, payload);
	}

	/// Short frames of a stream side by side, at most [`TURN_RECORDS`]. They count as so many records.
	pub fn frames(&mut self, handle: u32, frames: &[u8], count: usize) {
		let mut head = head(record::FRAMES, 0, handle, frames.len());
		let word = u32::from(record::FRAMES) | (count as u32) << 16;
		head[..4].copy_from_slice(&word.to_ne_bytes());
		self.write(count, &head, frames.len(), &[frames]);
	}

	fn write(&mut self, records: usize, head: &[u8; RECORD_BYTES], len: usize, payload: &[&[u8]]) {
		let padding = len.wrapping_neg() & 3;
		let more = RECORD_BYTES + len + padding;
		let packed = &mut self.segment(records, more).bytes;
		packed.reserve(more);
		packed.extend_from_slice(head);
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
		self.count(1, len);
		self.segments().push_back(Segment::Large { kind: frame_kind, handle, parts, len });
	}

	/// Whole records as they are.
	pub fn packed(&mut self, records: &[u8]) {
		self.segment(1, records.len()).bytes.extend_from_slice(records);
	}

	fn segments(&mut self) -> &mut VecDeque<Segment> {
		match self.class {
			Class::Control => &mut self.lane.control,
			Class::Data => &mut self.lane.data,
		}
	}

	fn count(&mut self, records: usize, bytes: usize) {
		if self.class == Class::Control {
			self.lane.control_records += records;
		} else {
			self.lane.records += records;
			self.lane.bytes += bytes;
			if self.lane.records > FULL_RECORDS || self.lane.bytes > FULL_BYTES {
				self.lane.full.store(true, Ordering::Release);
			}
		}
	}

	/// Where a record of `more` bytes goes.
	fn segment(&mut self, records: usize, more: usize) -> &mut Packed {
		self.count(records, more);
		let most = if self.class == Class::Data { SEGMENT_BYTES } else { CONTROL_SEGMENT_BYTES };
		let fits = matches!(self.segments().back(), Some(Segment::Packed(packed)) if packed.bytes.len() + more <= most);
		if !fits {
			let bytes = self.spares.take();
			self.segments().push_back(Segment::Packed(Packed { bytes, ..Packed::default() }));
		}
		match self.segments().back_mut() {
			Some(Segment::Packed(packed)) => {
				packed.begins(records);
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

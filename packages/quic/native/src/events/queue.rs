//! Everything that has happened, in order, on its way to JS: one queue, one wake-up and one batch for a whole environment.
//!
//! A record is a head of 12 bytes (`type | kind << 8`, handle, payload length; native-endian u32) and the payload, padded to
//! a multiple of 4. Long payloads stay out of the batch: JS sees a `LARGE` record and fetches the bytes with `take`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use tokio::sync::Notify;

use crate::lock::lock;

use super::record;

pub type Waker = ThreadsafeFunction<(), (), (), napi::Status, false>;

/// The head of a record.
pub const RECORD_BYTES: usize = 12;
/// Payloads of this length and longer are handed over one by one instead of being packed.
pub const LARGE_BYTES: usize = 32 * 1024;
/// JS fetches records into a buffer of this length. Any segment fits into an empty one.
pub const BATCH_BYTES: usize = 256 * 1024;
/// A packed segment is closed at this size. One record may be longer: a first frame of 64 KiB.
const SEGMENT_BYTES: usize = 64 * 1024;
const _: () = assert!(2 * SEGMENT_BYTES <= BATCH_BYTES);
/// As many bytes of unreliable datagrams may wait for JS. More are dropped (raw ones) or left to QUIC's own bounded buffer.
const DATAGRAM_BYTES: usize = 1024 * 1024;

/// One `poll` announces no more than this and one payload, so that JS can do other work in between.
const ANNOUNCED_BYTES: usize = 512 * 1024;
/// `poll` sets this bit when more waits.
pub const MORE: u32 = 0x8000_0000;

enum Segment {
	Packed(Vec<u8>),
	Large { kind: u8, handle: u32, parts: Vec<Bytes>, len: usize },
}

#[derive(Default)]
struct State {
	segments: VecDeque<Segment>,
	/// Large payloads whose record JS has and whose bytes it has not taken yet.
	announced: VecDeque<Vec<Bytes>>,
	/// An emptied segment, kept to spare an allocation.
	spare: Vec<u8>,
	/// JS has been woken and has not yet seen the queue empty.
	scheduled: bool,
	datagram_bytes: usize,
}

pub struct Queue {
	state: Mutex<State>,
	/// `None` once the environment is going away: then nothing calls into it any more.
	waker: Mutex<Option<Waker>>,
	drained: Notify,
	/// Held by the JS thread while it reads a socket itself.
	receiving: Mutex<()>,
}

/// While it lives, `final_event` waits.
pub struct Receiving<'a> {
	_guard: MutexGuard<'a, ()>,
}

/// Appends records. The queue is locked while a batch lives, so nothing is awaited meanwhile.
pub struct Batch<'a> {
	state: &'a mut State,
}

impl Batch<'_> {
	pub fn record(&mut self, kind_of_record: u8, frame_kind: u8, handle: u32, payload: &[&[u8]]) {
		let len: usize = payload.iter().map(|part| part.len()).sum();
		let segment = self.segment(RECORD_BYTES + len + 3);
		segment.extend_from_slice(&(u32::from(kind_of_record) | u32::from(frame_kind) << 8).to_ne_bytes());
		segment.extend_from_slice(&handle.to_ne_bytes());
		segment.extend_from_slice(&(len as u32).to_ne_bytes());
		for part in payload {
			segment.extend_from_slice(part);
		}
		let padding = len.wrapping_neg() & 3;
		segment.extend_from_slice(&[0; 3][..padding]);
	}

	pub fn large(&mut self, frame_kind: u8, handle: u32, parts: Vec<Bytes>, len: usize) {
		self.state.segments.push_back(Segment::Large { kind: frame_kind, handle, parts, len });
	}

	fn segment(&mut self, more: usize) -> &mut Vec<u8> {
		let fits = matches!(self.state.segments.back(), Some(Segment::Packed(packed)) if packed.len() + more <= SEGMENT_BYTES);
		if !fits {
			let fresh = std::mem::take(&mut self.state.spare);
			self.state.segments.push_back(Segment::Packed(fresh));
		}
		match self.state.segments.back_mut() {
			Some(Segment::Packed(packed)) => packed,
			_ => unreachable!("a packed segment was just pushed"),
		}
	}
}

/// A u64 as JS reads it: two native-endian u32, low half first.
pub fn u64_halves(value: u64) -> [u8; 8] {
	let mut bytes = [0; 8];
	bytes[..4].copy_from_slice(&(value as u32).to_ne_bytes());
	bytes[4..].copy_from_slice(&((value >> 32) as u32).to_ne_bytes());
	bytes
}

impl Queue {
	pub fn new(waker: Waker) -> Self {
		Self { state: Mutex::default(), waker: Mutex::new(Some(waker)), drained: Notify::new(), receiving: Mutex::new(()) }
	}

	/// Runs `fill` under the lock and wakes JS unless it is awake already.
	pub fn push(&self, fill: impl FnOnce(&mut Batch)) {
		let wake = {
			let mut state = lock(&self.state);
			fill(&mut Batch { state: &mut state });
			!std::mem::replace(&mut state.scheduled, true)
		};
		if wake {
			self.wake();
		}
	}

	/// One event with a small payload.
	pub fn event(&self, kind_of_record: u8, handle: u32, payload: &[&[u8]]) {
		self.push(|batch| batch.record(kind_of_record, 0, handle, payload));
	}

	/// JS thread: it is about to read a socket itself. What it reads comes before the news that a stream or connection is over,
	/// even if the I/O thread finds that out at the same moment.
	pub fn receiving(&self) -> Receiving<'_> {
		Receiving { _guard: lock(&self.receiving) }
	}

	/// I/O thread: the event that ends something. If the JS thread is just reading a socket, this waits until all that it has read
	/// is in the queue.
	pub fn final_event(&self, kind_of_record: u8, handle: u32, payload: &[&[u8]]) {
		self.wait_for_receiver();
		self.event(kind_of_record, handle, payload);
	}

	fn wait_for_receiver(&self) {
		drop(lock(&self.receiving));
	}

	/// Whether there is room for an unreliable datagram. If so, counts it.
	pub fn admit_datagram(&self, len: usize) -> bool {
		let mut state = lock(&self.state);
		if state.datagram_bytes + len > DATAGRAM_BYTES {
			return false;
		}
		state.datagram_bytes += len + 64;
		true
	}

	/// Waits until JS has fetched everything.
	pub async fn drained(&self) {
		let notified = self.drained.notified();
		tokio::pin!(notified);
		notified.as_mut().enable();
		if lock(&self.state).datagram_bytes == 0 {
			return;
		}
		notified.await;
	}

	/// JS thread: fills `buffer` from `offset` with whole records. Returns the bytes written, with `MORE` when not all fitted.
	pub fn poll(&self, buffer: &mut [u8], offset: usize) -> u32 {
		let mut state = lock(&self.state);
		let mut at = offset.min(buffer.len());
		let mut announced = 0;
		let more = loop {
			if announced >= ANNOUNCED_BYTES {
				break true;
			}
			let room = buffer.len() - at;
			match state.segments.pop_front() {
				None => break false,
				Some(Segment::Packed(mut packed)) if packed.len() <= room => {
					buffer[at..at + packed.len()].copy_from_slice(&packed);
					at += packed.len();
					packed.clear();
					if packed.capacity() > state.spare.capacity() && packed.capacity() <= 2 * SEGMENT_BYTES {
						state.spare = packed;
					}
				}
				Some(Segment::Large { kind, handle, parts, len }) if room >= RECORD_BYTES => {
					buffer[at..at + 4].copy_from_slice(&(u32::from(record::LARGE) | u32::from(kind) << 8).to_ne_bytes());
					buffer[at + 4..at + 8].copy_from_slice(&handle.to_ne_bytes());
					buffer[at + 8..at + 12].copy_from_slice(&(len as u32).to_ne_bytes());
					at += 12;
					announced += len;
					state.announced.push_back(parts);
				}
				Some(segment) => {
					state.segments.push_front(segment);
					break true;
				}
			}
		};
		if !more {
			state.scheduled = false;
			if state.datagram_bytes > 0 {
				state.datagram_bytes = 0;
				self.drained.notify_waiters();
			}
		}
		(at - offset) as u32 | if more { MORE } else { 0 }
	}

	/// JS thread: the bytes of the oldest announced large payload.
	pub fn take(&self, buffer: &mut [u8]) {
		let parts = lock(&self.state).announced.pop_front().unwrap_or_default();
		let mut at = 0;
		for part in parts {
			let n = part.len().min(buffer.len() - at);
			buffer[at..at + n].copy_from_slice(&part[..n]);
			at += n;
		}
	}

	/// JS thread: whether this queue keeps the environment alive.
	#[allow(deprecated)] // the library offers no other way to change its mind after creation
	pub fn set_referenced(&self, env: &napi::Env, on: bool) {
		if let Some(waker) = lock(&self.waker).as_mut() {
			let _ = if on { waker.refer(env) } else { waker.unref(env) };
		}
	}

	/// The environment is going away: from here on nothing calls into it.
	pub fn silence(&self) {
		drop(lock(&self.waker).take());
		lock(&self.state).segments.clear();
	}

	fn wake(&self) {
		if let Some(waker) = lock(&self.waker).as_ref() {
			waker.call((), ThreadsafeFunctionCallMode::NonBlocking);
		}
	}
}

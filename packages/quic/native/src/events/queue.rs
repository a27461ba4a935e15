//! Everything that has happened, on its way to JS: one queue, one wake-up and one batch for a whole environment. What one connection
//! brings stays in order, as `lane.rs` has it. Connections take turns, as `lanes.rs` has it.
//!
//! A record is a head of 12 bytes (`type | kind << 8`, handle, payload length; native-endian u32) and the payload, padded to
//! a multiple of 4. Long payloads stay out of the batch: JS sees a `LARGE` record and fetches the bytes with `take`.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use tokio::sync::Notify;

use crate::lock::lock;
use crate::system::calling;

use super::lane::{head, large_head, Batch, Class, Taken, SEGMENT_BYTES};
use super::lanes::Lanes;

pub type Waker = ThreadsafeFunction<(), (), (), napi::Status, false>;

/// Payloads of this length and longer are handed over one by one instead of being packed.
pub const LARGE_BYTES: usize = 32 * 1024;
/// What comes so fast that it is read so many bytes at a time is gathered: see [`Outlet::gather`].
const BULK_BYTES: usize = LARGE_BYTES;
/// JS is woken when so much is gathered.
const GATHERED_BYTES: usize = 256 * 1024;
/// Taken payloads of so many bytes wait for the I/O thread to free them.
const SPENT_BYTES: usize = 512 * 1024;
/// JS fetches records into a buffer of this length. Any segment fits into an empty one.
pub const BATCH_BYTES: usize = 256 * 1024;
const _: () = assert!(2 * SEGMENT_BYTES <= BATCH_BYTES);
/// As many bytes of unreliable datagrams may wait for JS. More are dropped (raw ones) or left to QUIC's own bounded buffer.
const DATAGRAM_BYTES: usize = 1024 * 1024;
/// What a datagram costs besides its bytes.
const DATAGRAM_COST: usize = 64;

/// One `poll` announces no more than this and one payload, so that JS can do other work in between.
const ANNOUNCED_BYTES: usize = 512 * 1024;
/// `poll` sets this bit when more may wait.
pub const MORE: u32 = 0x8000_0000;

#[derive(Default)]
struct State {
	lanes: Lanes,
	/// Large payloads whose record JS has and whose bytes it has not taken yet.
	announced: VecDeque<Vec<Bytes>>,
	/// What JS has taken. The I/O thread frees it, which has made it and whose cache has its counts.
	spent: Vec<Vec<Bytes>>,
	spent_bytes: usize,
	/// JS has been woken and has not yet seen the queue empty.
	scheduled: bool,
	/// Bytes for which JS was not woken yet, because more is about to come.
	gathered: usize,
	/// Somebody waits for that, and wakes JS then.
	gathering: bool,
	datagram_bytes: usize,
}

impl State {
	/// Whether JS has to be woken now.
	fn schedules(&mut self) -> bool {
		self.gathered = 0;
		!self.lanes.is_empty() && !std::mem::replace(&mut self.scheduled, true)
	}

	fn take_spent(&mut self) -> Vec<Vec<Bytes>> {
		self.spent_bytes = 0;
		std::mem::take(&mut self.spent)
	}
}

pub struct Queue {
	state: Mutex<State>,
	/// `None` once the environment is going away: then nothing calls into it any more.
	waker: Mutex<Option<Waker>>,
	/// Half of the room for datagrams is free.
	drained: Notify,
	/// Held by the JS thread while it reads a socket itself.
	receiving: Mutex<()>,
	/// How often JS was woken, and how often it was told in place.
	woken: AtomicU64,
	told: AtomicU64,
}

/// While it lives, `final_event` waits. If what this thread has read meanwhile is for JS, JS gets it at the end, in place.
pub struct Receiving<'a> {
	queue: &'a Queue,
	guard: Option<MutexGuard<'a, ()>>,
}

thread_local! {
	/// Whether JS has to be told of something; `None` unless this thread reads a socket itself.
	static TO_TELL: Cell<Option<bool>> = const { Cell::new(None) };
}

impl Drop for Receiving<'_> {
	fn drop(&mut self) {
		self.guard = None; // JS may take its time
		if TO_TELL.take() == Some(true) && (std::thread::panicking() || !self.queue.tell_in_place()) {
			self.queue.wake();
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
		Self::with(Some(waker))
	}

	/// Nobody is told that something waits.
	#[cfg(test)]
	pub fn unwoken() -> Self {
		Self::with(None)
	}

	fn with(waker: Option<Waker>) -> Self {
		Self {
			state: Mutex::default(),
			waker: Mutex::new(waker),
			drained: Notify::new(),
			receiving: Mutex::new(()),
			woken: AtomicU64::new(0),
			told: AtomicU64::new(0),
		}
	}

	/// Runs `fill` under the lock and wakes JS unless it is awake already.
	fn push(&self, fill: impl FnOnce(&mut State)) {
		let (wake, spent) = {
			let mut state = lock(&self.state);
			fill(&mut state);
			(state.schedules(), state.take_spent())
		};
		if wake {
			self.rouse();
		}
		drop(spent);
	}

	/// See [`Outlet::gather`].
	fn gather(&self, fill: impl FnOnce(&mut State) -> usize) -> bool {
		let (wake, waits, spent) = {
			let mut state = lock(&self.state);
			let bytes = fill(&mut state);
			state.gathered += bytes;
			let waits = !state.scheduled && bytes >= BULK_BYTES && state.gathered < GATHERED_BYTES;
			let wakes = !waits && bytes > 0 && state.schedules();
			(wakes, waits && !std::mem::replace(&mut state.gathering, true), state.take_spent())
		};
		if wake {
			self.rouse();
		}
		drop(spent);
		waits
	}

	/// How much is gathered. `None`: JS was woken for it.
	pub fn gathered(&self) -> Option<usize> {
		let mut state = lock(&self.state);
		state.gathering = !state.scheduled && state.gathered > 0;
		state.gathering.then_some(state.gathered)
	}

	/// Nothing more is about to come.
	pub fn wake_for_gathered(&self) {
		let wake = {
			let mut state = lock(&self.state);
			state.gathering = false;
			state.schedules()
		};
		if wake {
			self.rouse();
		}
	}

	/// An event that follows everything that waits now, from wherever it came.
	pub fn event_after_all(&self, kind_of_record: u8, handle: u32) {
		self.push(|state| state.lanes.fence(head(kind_of_record, 0, handle, 0).to_vec()));
	}

	/// JS thread: it is about to read a socket itself. What it reads comes before the news that a stream or connection is over,
	/// even if the I/O thread finds that out at the same moment.
	pub fn receiving(&self) -> Receiving<'_> {
		let guard = Some(lock(&self.receiving));
		TO_TELL.set(Some(false));
		Receiving { queue: self, guard }
	}

	/// JS thread, where no JavaScript runs: JS takes what waits. Returns `false` if it was not told.
	fn tell_in_place(&self) -> bool {
		let told = calling::call();
		self.told.fetch_add(told.into(), Ordering::Relaxed);
		told
	}

	/// How often JS was woken by another thread or in a later round of its event loop, and how often it was told in place.
	pub fn told(&self) -> (u64, u64) {
		(self.woken.load(Ordering::Relaxed), self.told.load(Ordering::Relaxed))
	}

	fn wait_for_receiver(&self) {
		drop(lock(&self.receiving));
	}

	/// Waits until there is room for datagrams.
	async fn drained(&self) {
		let notified = self.drained.notified();
		tokio::pin!(notified);
		notified.as_mut().enable();
		if lock(&self.state).datagram_bytes <= DATAGRAM_BYTES / 2 {
			return;
		}
		notified.await;
	}

	/// JS thread: fills `buffer` from `offset` with whole records. It ends with the turn that brings them to `most`. Returns the bytes
	/// written, with `MORE` when more may wait.
	pub fn poll(&self, buffer: &mut [u8], offset: usize, most: usize) -> u32 {
		let (result, woken) = self.fill(buffer, offset, most);
		woken.into_iter().for_each(std::task::Waker::wake); // the lock is free now
		result
	}

	fn fill(&self, buffer: &mut [u8], offset: usize, most: usize) -> (u32, Vec<std::task::Waker>) {
		let mut state = lock(&self.state);
		let state = &mut *state;
		let mut at = offset.min(buffer.len());
		let mut announced = 0;
		let mut records = 0;
		let mut datagram_bytes = 0;
		let more = loop {
			if announced >= ANNOUNCED_BYTES || records >= most {
				break !state.lanes.is_empty();
			}
			match state.lanes.next(&mut buffer[at..], most - records) {
				Taken::Nothing => break false,
				Taken::NoRoom => break true,
				Taken::Records { bytes, records: taken, datagram_bytes: of_datagrams } => {
					at += bytes;
					records += taken;
					datagram_bytes += of_datagrams;
				}
				Taken::Large { kind, handle, parts, len } => {
					let head = large_head(kind, handle, len);
					buffer[at..at + head.len()].copy_from_slice(&head);
					at += head.len();
					records += 1;
					announced += len;
					state.announced.push_back(parts);
				}
				Taken::Fence(_) => {} // `next` keeps those
			}
		};
		if !more {
			state.scheduled = false;
		}
		if datagram_bytes > 0 {
			state.datagram_bytes -= datagram_bytes;
			if state.datagram_bytes <= DATAGRAM_BYTES / 2 {
				self.drained.notify_waiters();
			}
		}
		((at - offset) as u32 | if more { MORE } else { 0 }, std::mem::take(&mut state.lanes.woken))
	}

	/// JS thread: the bytes of the oldest announced large payload.
	pub fn take(&self, buffer: &mut [u8]) {
		let parts = lock(&self.state).announced.pop_front().unwrap_or_default();
		let mut at = 0;
		for part in &parts {
			let n = part.len().min(buffer.len() - at);
			buffer[at..at + n].copy_from_slice(&part[..n]);
			at += n;
		}
		let mut state = lock(&self.state);
		if state.spent_bytes + at <= SPENT_BYTES {
			state.spent_bytes += at;
			state.spent.push(parts);
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
		lock(&self.state).lanes.clear();
	}

	/// JS learns of it: at the end of what this thread is reading for it, or by being woken.
	fn rouse(&self) {
		match TO_TELL.get() {
			Some(_) => TO_TELL.set(Some(true)),
			None => self.wake(),
		}
	}

	fn wake(&self) {
		if let Some(waker) = lock(&self.waker).as_ref() {
			self.woken.fetch_add(1, Ordering::Relaxed);
			waker.call((), ThreadsafeFunctionCallMode::NonBlocking);
		}
	}
}

/// Where one source puts what JS is told of it.
pub struct Outlet {
	pub queue: Arc<Queue>,
	lane: usize,
	/// No more data may be read.
	full: Arc<AtomicBool>,
}

impl Outlet {
	pub fn new(queue: Arc<Queue>) -> Self {
		let (lane, full) = {
			let lanes = &mut lock(&queue.state).lanes;
			let lane = lanes.open();
			(lane, lanes.lane(lane).full().clone())
		};
		Self { queue, lane, full }
	}

	/// Adds what `fill` adds, under the lock, and wakes JS unless it is awake already.
	pub fn push(&self, class: Class, fill: impl FnOnce(&mut Batch)) {
		self.queue.push(|state| state.lanes.add(self.lane, class, fill));
	}

	/// The same for data of a stream; `fill` tells its bytes. Where much comes at a time, JS is woken when enough of it waits, or when no more comes.
	/// Returns whether the caller has to see to that: it calls `wake_for_gathered` when nothing is left to be read.
	pub fn gather(&self, class: Class, fill: impl FnOnce(&mut Batch) -> usize) -> bool {
		self.queue.gather(|state| {
			let mut bytes = 0;
			state.lanes.add(self.lane, class, |batch| bytes = fill(batch));
			bytes
		})
	}

	/// One event with a small payload.
	pub fn event(&self, class: Class, kind_of_record: u8, handle: u32, payload: &[&[u8]]) {
		self.push(class, |batch| batch.record(kind_of_record, 0, handle, payload));
	}

	/// I/O thread: the event that ends something. If the JS thread is just reading a socket, this waits until all that it has read
	/// is in the queue.
	pub fn final_event(&self, class: Class, kind_of_record: u8, handle: u32, payload: &[&[u8]]) {
		self.queue.wait_for_receiver();
		self.event(class, kind_of_record, handle, payload);
	}

	/// An unreliable datagram. Returns false when there is no room for it.
	pub fn datagram(&self, kind_of_record: u8, handle: u32, payload: &[&[u8]]) -> bool {
		let cost = payload.iter().map(|part| part.len()).sum::<usize>() + DATAGRAM_COST;
		let mut admitted = false;
		self.queue.push(|state| {
			admitted = state.datagram_bytes + cost <= DATAGRAM_BYTES;
			if admitted {
				state.datagram_bytes += cost;
				state.lanes.add(self.lane, Class::Data, |batch| batch.datagram(kind_of_record, handle, payload, cost));
			}
		});
		admitted
	}

	/// Waits until there is room for datagrams again.
	pub async fn drained(&self) {
		self.queue.drained().await;
	}

	/// Resolves when another stream of the peer may be accepted: JS has seen most of those before.
	pub async fn takes_streams(&self) {
		std::future::poll_fn(|cx| match lock(&self.queue.state).lanes.lane(self.lane).takes_streams(cx.waker()) {
			true => std::task::Poll::Ready(()),
			false => std::task::Poll::Pending,
		})
		.await;
	}

	/// Whether data may be read on. If not, `waker` is woken when it may. `since` is the reader's memory of that, and 0 at first.
	pub fn has_room(&self, waker: &std::task::Waker, since: &mut u64) -> bool {
		!self.full.load(Ordering::Acquire) || lock(&self.queue.state).lanes.lane(self.lane).has_room(waker, since)
	}
}

impl Drop for Outlet {
	fn drop(&mut self) {
		lock(&self.queue.state).lanes.close(self.lane);
	}
}

//! One stream: a queue of bytes going out, credit for bytes coming in, and one task for each direction.
//!
//! JS never waits here and no lock is held across an await, so `reset`, `stop` and `finish` always get through.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Waker;

use bytes::Bytes;
use quinn::VarInt;
use tokio::sync::Notify;

use crate::events::{record, u64_halves, Class, Outlet};
use crate::io::{self, Orders, Room, Turns};
use crate::lock::lock;

use super::frame::{Deframer, Sink};
use super::in_hand::InHand;
use super::incoming::{Delivery, Incoming, Lost, Reading};
use super::outgoing::{Next, Outgoing};
use super::parked::Parked;
use super::places::Place;
use super::reader::{Intake, Reader};
use super::writer::{Source, Writer};

/// A connection as its streams see it.
pub type Line = io::Line<Stream>;

/// See the module.
pub struct Stream {
	pub handle: u32,
	/// Of the connection that the stream belongs to.
	pub line: Arc<Line>,
	/// Whether writes get a frame header.
	framed: AtomicBool,
	/// It has a priority above the ordinary, and does not wait for the connection's send window.
	favoured: AtomicBool,
	/// JS is told of it ahead of the connection's other streams.
	control: AtomicBool,
	pub(super) outgoing: Mutex<Outgoing>,
	pub(super) outgoing_wake: Notify,
	incoming: Mutex<Incoming>,
	pub(super) incoming_wake: Notify,
	/// What JS told the task of each direction to do.
	pub writing: Orders,
	pub reading: Orders,
	parked: Mutex<Option<Box<Parked>>>,
	pub parked_wake: Notify,
	/// JS lets a held stream go: it may be opened now.
	pub let_go: Notify,
	/// Of a stream that the peer opened.
	place: OnceLock<Place>,
	/// The two halves, while they live and their tasks run. A stream that is piped has none.
	pub(super) writer: Mutex<Option<Box<Writer>>>,
	pub(super) reader: Mutex<Option<Box<Reader>>>,
	/// Directions still open.
	open: AtomicU8,
	lost_told: AtomicBool,
}

impl Stream {
	/// A stream that nothing serves yet: `configure` it before it is run.
	pub fn new(handle: u32, line: Arc<Line>) -> Self {
		Self {
			handle,
			line,
			framed: AtomicBool::new(true),
			favoured: AtomicBool::new(false),
			control: AtomicBool::new(false),
			outgoing: Mutex::new(Outgoing::new()),
			outgoing_wake: Notify::new(),
			incoming: Mutex::default(),
			incoming_wake: Notify::new(),
			writing: Orders::default(),
			reading: Orders::default(),
			parked: Mutex::new(None),
			parked_wake: Notify::new(),
			let_go: Notify::new(),
			place: OnceLock::new(),
			writer: Mutex::new(None),
			reader: Mutex::new(None),
			open: AtomicU8::new(2),
			lost_told: AtomicBool::new(false),
		}
	}

	pub fn configure(&self, reading: &Reading, high_water: usize, priority: i32) {
		self.control.store(reading.control, Ordering::Relaxed);
		self.favoured.store(priority > 0, Ordering::Relaxed);
		self.framed.store(reading.limits.is_some(), Ordering::Relaxed);
		lock(&self.outgoing).high_water = high_water;
		lock(&self.incoming).credit += reading.credit;
	}

	// What JS calls. Each of these is cheap, and allowed at any time.

	/// Queues a copy. Returns the bytes now queued, or `None` when this direction is over.
	pub fn write(self: &Arc<Self>, kind: u8, payload: &[u8]) -> Option<usize> {
		self.enqueue(true, |out| out.add(self.header_kind(kind), payload))
	}

	/// Queues a copy of short frames that bring their headers along; in byte mode, of bytes. They are fewer than have an allocation of their own.
	pub fn write_packed(self: &Arc<Self>, frames: &[u8]) -> Option<usize> {
		self.enqueue(true, |out| out.add(None, frames))
	}

	/// Like `write`, with bytes that many streams share.
	pub fn write_shared(self: &Arc<Self>, kind: u8, payload: &Bytes) -> Option<usize> {
		self.enqueue(true, |out| out.add_shared(self.header_kind(kind), payload))
	}

	/// Queues whole frames that bring their headers along, in bytes that many streams share.
	pub fn write_frames(self: &Arc<Self>, frames: &Bytes) -> Option<usize> {
		self.enqueue(true, |out| out.add_frames(frames))
	}

	/// Like `write`, ahead of the frames that wait, except urgent ones. In byte mode there are no frames: then it is `write`.
	/// `inline`: the JS thread may send it itself. Otherwise the I/O thread does, and the JS thread goes on with its work.
	pub fn write_urgent(self: &Arc<Self>, kind: u8, payload: &[u8], inline: bool) -> Option<usize> {
		self.enqueue(inline, |out| match self.header_kind(kind) {
			Some(kind) => out.add_urgent(kind, payload),
			None => out.add(None, payload),
		})
	}

	/// The kind that a frame's header says. `None` in byte mode.
	fn header_kind(&self, kind: u8) -> Option<u8> {
		self.framed.load(Ordering::Relaxed).then_some(kind)
	}

	fn enqueue(self: &Arc<Self>, inline: bool, add: impl FnOnce(&mut Outgoing)) -> Option<usize> {
		// Streams of bytes carry few words, and those that others wait for.
		if !self.framed.load(Ordering::Relaxed) {
			self.line.nudge();
		}
		let (queued, next) = {
			let mut out = lock(&self.outgoing);
			if out.over || out.finish || out.reset.is_some() {
				return None;
			}
			let before = out.queued;
			add(&mut out);
			self.line.queue_bytes(out.queued - before);
			(out.queued, out.next(inline))
		};
		match next {
			Next::Nothing => {}
			Next::WakeWriter => self.command_writer(),
			Next::FlushLater => self.line.due.add(self.clone()),
		}
		Some(queued)
	}

	/// JS thread, at the end of a tick: sends in place the little that was written in it, or wakes the I/O thread.
	pub fn flush(self: &Arc<Self>) {
		{
			let mut out = lock(&self.outgoing);
			out.due = false;
			if out.queued == 0 || std::mem::replace(&mut out.scheduled, true) {
				return;
			}
		}
		let sent = self.line.run_paced(|| match self.writer.try_lock() {
			Ok(mut writer) => match writer.as_mut() {
				Some(writer) => writer.poll_inline(&**self),
				None => self.command_writer(),
			},
			Err(_) => self.command_writer(),
		});
		if sent {
			self.line.port.expect_answer(self);
		} else {
			self.command_writer();
		}
	}

	/// Wakes the writer, and counts that as a command.
	fn command_writer(&self) {
		self.writing.give(&self.line.commands);
		self.outgoing_wake.notify_one();
	}

	pub fn queued(&self) -> usize {
		lock(&self.outgoing).queued
	}

	/// Drops what is queued.
	pub(super) fn forget(&self, out: &mut Outgoing) {
		self.line.unqueue_bytes(out.forget());
	}

	pub fn finish(&self) {
		lock(&self.outgoing).finish = true;
		self.command_writer();
	}

	pub fn reset(&self, code: VarInt) {
		{
			let mut out = lock(&self.outgoing);
			out.reset.get_or_insert(code);
			self.forget(&mut out);
		}
		self.command_writer();
	}

	pub fn stop(&self, code: VarInt) {
		lock(&self.incoming).stop.get_or_insert(code);
		self.reading.give(&self.line.commands);
		self.incoming_wake.notify_one();
	}

	/// Returns credit: `payload` bytes and `FRAME_COST` for each frame, summed up by the wrapper.
	pub fn add_credit(&self, amount: i64) {
		let waiting = lock(&self.incoming).add_credit(amount);
		if waiting {
			self.incoming_wake.notify_one();
		}
	}

	/// Keeps the halves until JS decides.
	pub fn park(&self, parked: Parked) {
		*lock(&self.parked) = Some(Box::new(parked));
		self.parked_wake.notify_one();
	}

	pub fn unpark(&self) -> Option<Parked> {
		lock(&self.parked).take().map(|parked| *parked)
	}

	/// The peer opened the stream. Its place is free when the stream is gone.
	pub fn occupy(&self, place: Place) {
		let _ = self.place.set(place);
	}

	/// For a held stream: resolves when JS lets it go. False: JS gave it up, or its connection is over.
	pub async fn its_turn(&self) -> bool {
		tokio::select! {
			biased;
			_ = self.cancellation() => false,
			() = self.let_go.notified() => true,
			() = self.line.ended() => false,
		}
	}

	/// For a stream that no writer or reader serves: the code to reset it with, if JS gave it up.
	pub fn cancelled(&self) -> Option<VarInt> {
		lock(&self.outgoing).reset.or(lock(&self.incoming).stop)
	}

	/// Resolves when JS resets or stops the stream.
	pub async fn cancellation(&self) -> VarInt {
		loop {
			if let Some(code) = self.cancelled() {
				return code;
			}
			tokio::select! {
				() = self.outgoing_wake.notified() => {}
				() = self.incoming_wake.notified() => {}
			}
		}
	}

	/// Wakes the tasks, because the connection is broken.
	pub fn wake(&self) {
		self.outgoing_wake.notify_one();
		self.incoming_wake.notify_one();
	}

	/// Lets go of what belongs to a broken connection without touching it: nothing of it is ever dropped.
	pub(super) fn leak(&self) {
		std::mem::forget((lock(&self.writer).take(), lock(&self.reader).take(), lock(&self.parked).take()));
	}

	/// Where its tasks wait for their turn among those of the connection. `None`: they do not.
	pub fn turns(&self) -> Option<&Arc<Turns>> {
		(!self.favoured.load(Ordering::Relaxed)).then_some(&self.line.turns)
	}

	fn outlet(&self) -> &Outlet {
		&self.line.outlet
	}

	/// Of its records. It is the same for all of them, so that they stay in order.
	fn class(&self) -> Class {
		match self.control.load(Ordering::Relaxed) {
			true => Class::Control,
			false => Class::Data,
		}
	}

	pub(super) fn event(&self, kind: u8) {
		self.outlet().event(self.class(), kind, self.handle, &[]);
	}

	pub(super) fn coded_event(&self, kind: u8, code: VarInt) {
		self.outlet().event(self.class(), kind, self.handle, &[&u64_halves(code.into_inner())]);
	}

	/// Tells JS once that the stream broke.
	pub fn lost(&self, why: Lost) {
		if !self.lost_told.swap(true, Ordering::Relaxed) {
			self.outlet().final_event(self.class(), record::STREAM_LOST, self.handle, &[&(why as u32).to_ne_bytes()]);
		}
	}

	/// The stream could not be opened. Tells JS that it broke, unless JS gave it up before.
	pub fn lost_unless_cancelled(&self) {
		if self.cancelled().is_none() {
			self.lost(Lost::Connection);
		}
	}

	/// One direction is over. The second one sends `STREAM_DONE`, after which no record carries this handle.
	pub fn direction_over(&self) {
		if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
			self.event(record::STREAM_DONE);
		}
	}
}

impl Source for Stream {
	fn take_outgoing(&self, hand: &mut InHand) -> Result<bool, VarInt> {
		let mut out = lock(&self.outgoing);
		match out.reset {
			Some(code) => Err(code),
			None => Ok(out.take(hand)),
		}
	}

	fn outgoing_taken(&self, bytes: usize) {
		self.line.wrote(bytes);
		let (before, after, drained) = {
			let mut out = lock(&self.outgoing);
			let before = out.queued;
			let drained = out.taken(bytes);
			(before, out.queued, drained)
		};
		self.line.unqueue_bytes(before - after);
		if drained {
			self.event(record::DRAIN);
		}
	}

	fn is_favoured(&self) -> bool {
		self.favoured.load(Ordering::Relaxed)
	}

	fn room(&self) -> Option<&Arc<Room>> {
		self.line.share().map(|share| &share.room)
	}

	fn beyond_send_window<T>(&self, write: impl FnOnce() -> T) -> T {
		self.line.beyond_send_window(write)
	}
}

impl Intake for Stream {
	fn next_read(&self) -> Result<usize, VarInt> {
		lock(&self.incoming).next_read()
	}

	fn has_room(&self, waker: &Waker, since: &mut u64) -> bool {
		self.class() == Class::Control || self.outlet().has_room(waker, since)
	}

	fn deliver(&self, chunks: &mut [Bytes], deframer: Option<&mut Deframer>) -> Result<usize, Lost> {
		let (mut cost, mut frames) = (0, 0);
		let mut result = Ok(());
		let gathers = self.outlet().gather(self.class(), |batch| {
			let mut sink = Delivery { handle: self.handle, batch, cost: 0, frames: 0 };
			match deframer {
				Some(deframer) => {
					for chunk in chunks {
						if deframer.feed(std::mem::take(chunk), &mut sink).is_err() {
							result = Err(Lost::TooLong);
							break;
						}
					}
				}
				None => chunks.iter_mut().for_each(|chunk| sink.whole(0, &std::mem::take(chunk))),
			}
			(cost, frames) = (sink.cost, sink.frames);
			cost as usize
		});
		if gathers {
			io::wake_when_all_has_come(&self.outlet().queue);
		}
		lock(&self.incoming).credit -= cost;
		result.map(|()| frames)
	}

	fn is_broken(&self) -> bool {
		self.line.is_broken()
	}
}

impl io::Expecting for Stream {
	fn receive_inline(&self, read_socket: impl FnOnce()) {
		let receive = || {
			self.line.run_inline(read_socket);
		};
		match self.reader.try_lock() {
			Ok(mut reader) => match reader.as_mut() {
				Some(reader) => reader.poll_inline(self, receive),
				None => receive(),
			},
			Err(_) => receive(), // the I/O thread is reading the stream
		}
	}
}

impl Drop for Stream {
	fn drop(&mut self) {
		self.forget(&mut lock(&self.outgoing));
		if self.line.is_broken() {
			self.leak();
		}
	}
}

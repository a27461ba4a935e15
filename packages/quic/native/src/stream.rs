//! One stream: a queue of bytes going out, credit for bytes coming in, and one task for each direction.
//!
//! JS never waits here and no lock is held across an await, so `reset`, `stop` and `finish` always get through.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use quinn::{RecvStream, SendStream, VarInt};
use tokio::sync::Notify;

use crate::connection::Connection;
use crate::frame::{self, Deframer, Limits, Sink};
use crate::lock::lock;
use crate::outgoing::{Next, Outgoing};
use crate::queue::{record, u64_halves, Batch, Queue, LARGE_BYTES};
use crate::reader::{Reader, ReaderEnd};
use crate::writer::{Writer, WriterEnd};

/// Payloads from here on get an allocation of their own instead of being packed with their neighbours.
const OWN_CHUNK_BYTES: usize = 16 * 1024;
/// What a frame costs besides its payload, so that empty ones are bounded too. The wrapper returns the same amount.
pub const FRAME_COST: i64 = 64;

/// Why a stream broke, as JS reads it.
#[derive(Clone, Copy)]
pub enum Lost {
	Connection = 1,
	TooLong = 2,
	Truncated = 3,
}

/// How frames of a stream are read.
#[derive(Clone, Copy)]
pub struct Reading {
	/// `None`: bytes as they come.
	pub limits: Option<Limits>,
	pub credit: i64,
	/// What the peer is told when its framing is wrong.
	pub too_long_code: VarInt,
	pub truncated_code: VarInt,
}

struct Incoming {
	credit: i64,
	stop: Option<VarInt>,
	waiting: bool,
}

/// Both halves of a stream that waits for JS to decide: read, piped or refused.
pub struct Parked {
	pub send: Option<SendStream>,
	pub recv: Option<RecvStream>,
}

pub struct Stream {
	pub handle: u32,
	pub connection: Arc<Connection>,
	/// Whether writes get a frame header.
	framed: AtomicBool,
	outgoing: Mutex<Outgoing>,
	outgoing_wake: Notify,
	incoming: Mutex<Incoming>,
	incoming_wake: Notify,
	parked: Mutex<Option<Parked>>,
	pub parked_wake: Notify,
	/// While the halves live.
	writer: Mutex<Option<Writer>>,
	reader: Mutex<Option<Reader>>,
	/// Directions still open.
	open: AtomicU8,
	lost_told: AtomicBool,
}

impl Stream {
	/// A stream that is nobody's yet: `configure` it before it is run.
	pub fn new(handle: u32, connection: Arc<Connection>) -> Self {
		Self {
			handle,
			connection,
			framed: AtomicBool::new(true),
			outgoing: Mutex::new(Outgoing::new()),
			outgoing_wake: Notify::new(),
			incoming: Mutex::new(Incoming { credit: 0, stop: None, waiting: false }),
			incoming_wake: Notify::new(),
			parked: Mutex::new(None),
			parked_wake: Notify::new(),
			writer: Mutex::new(None),
			reader: Mutex::new(None),
			open: AtomicU8::new(2),
			lost_told: AtomicBool::new(false),
		}
	}

	pub fn configure(&self, reading: &Reading, high_water: usize) {
		self.framed.store(reading.limits.is_some(), Ordering::Relaxed);
		lock(&self.outgoing).high_water = high_water;
		lock(&self.incoming).credit += reading.credit;
	}

	// Called by JS. All are cheap and safe at any time.

	/// Queues a copy; returns the bytes now queued, or `None` when this direction is over.
	pub fn write(self: &Arc<Self>, kind: u8, payload: &[u8]) -> Option<usize> {
		self.enqueue(Some(kind), payload.len(), |out| {
			if payload.len() >= OWN_CHUNK_BYTES {
				let tail = out.tail.split().freeze();
				if !tail.is_empty() {
					out.chunks.push_back(tail);
				}
				out.chunks.push_back(Bytes::copy_from_slice(payload));
			} else {
				out.tail.extend_from_slice(payload);
			}
		})
	}

	/// Like `write`, with bytes that many streams share.
	pub fn write_shared(self: &Arc<Self>, kind: u8, payload: &Bytes) -> Option<usize> {
		if payload.len() < OWN_CHUNK_BYTES {
			return self.write(kind, payload);
		}
		self.enqueue(Some(kind), payload.len(), |out| out.share(payload))
	}

	/// Queues whole frames that bring their headers along, in bytes that many streams share.
	pub fn write_frames(self: &Arc<Self>, frames: &Bytes) -> Option<usize> {
		self.enqueue(None, frames.len(), |out| {
			if frames.len() >= OWN_CHUNK_BYTES {
				out.share(frames);
			} else {
				out.tail.extend_from_slice(frames);
			}
		})
	}

	/// Without a kind, what `put` adds has its headers already.
	fn enqueue(self: &Arc<Self>, kind: Option<u8>, len: usize, put: impl FnOnce(&mut Outgoing)) -> Option<usize> {
		let (queued, next) = {
			let mut out = lock(&self.outgoing);
			if out.over || out.finish || out.reset.is_some() {
				return None;
			}
			let mut added = len;
			let packed = if len < OWN_CHUNK_BYTES { len } else { 0 };
			match kind {
				Some(kind) if self.framed.load(Ordering::Relaxed) => {
					out.reserve(frame::HEADER_BYTES + packed);
					out.tail.extend_from_slice(&frame::header(kind, len));
					added += frame::HEADER_BYTES;
				}
				_ => out.reserve(packed),
			}
			put(&mut out);
			out.queued += added;
			if out.queued >= out.high_water {
				out.wants_drain = true;
			}
			(out.queued, out.next())
		};
		match next {
			Next::Nothing => {}
			Next::WakeWriter => self.outgoing_wake.notify_one(),
			Next::FlushLater => self.connection.environment.due(self.clone()),
		}
		Some(queued)
	}

	/// JS thread, at the end of a tick: sends in place what little was written in it, or wakes the I/O thread.
	pub fn flush(self: &Arc<Self>) {
		{
			let mut out = lock(&self.outgoing);
			out.due = false;
			if out.queued == 0 || std::mem::replace(&mut out.scheduled, true) {
				return;
			}
		}
		let sent = self.connection.run_inline(|| match self.writer.try_lock() {
			Ok(mut writer) => match writer.as_mut() {
				Some(writer) => writer.poll_inline(self),
				None => self.outgoing_wake.notify_one(),
			},
			Err(_) => self.outgoing_wake.notify_one(),
		});
		if sent {
			self.connection.endpoint.expect_answer(self);
		} else {
			self.outgoing_wake.notify_one();
		}
	}

	pub fn queued(&self) -> usize {
		lock(&self.outgoing).queued
	}

	pub fn finish(&self) {
		lock(&self.outgoing).finish = true;
		self.outgoing_wake.notify_one();
	}

	pub fn reset(&self, code: VarInt) {
		{
			let mut out = lock(&self.outgoing);
			out.reset.get_or_insert(code);
			out.forget();
		}
		self.outgoing_wake.notify_one();
	}

	pub fn stop(&self, code: VarInt) {
		lock(&self.incoming).stop.get_or_insert(code);
		self.incoming_wake.notify_one();
	}

	/// Returns credit: `payload` bytes and `FRAME_COST` for each frame, summed up by the wrapper.
	pub fn add_credit(&self, amount: i64) {
		let wake = {
			let mut incoming = lock(&self.incoming);
			incoming.credit += amount;
			incoming.credit > 0 && std::mem::replace(&mut incoming.waiting, false)
		};
		if wake {
			self.incoming_wake.notify_one();
		}
	}

	pub fn park(&self, send: Option<SendStream>, recv: Option<RecvStream>) {
		*lock(&self.parked) = Some(Parked { send, recv });
		self.parked_wake.notify_one();
	}

	pub fn unpark(&self) -> Option<Parked> {
		lock(&self.parked).take()
	}

	/// What JS asked of a stream that no writer or reader serves: a code to reset it with, if any.
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

	/// The connection broke: the tasks are to look.
	pub fn wake(&self) {
		self.outgoing_wake.notify_one();
		self.incoming_wake.notify_one();
	}

	/// Gives up what belongs to a broken connection without touching it.
	fn leak(&self) {
		std::mem::forget((lock(&self.writer).take(), lock(&self.reader).take(), lock(&self.parked).take()));
	}

	// Tasks of the I/O thread.

	/// Starts the tasks for the halves that exist.
	pub fn run(self: &Arc<Self>, send: Option<SendStream>, recv: Option<RecvStream>, reading: Reading) {
		match send {
			Some(send) => drop(tokio::spawn(self.clone().write_all(send))),
			None => self.direction_over(),
		}
		match recv {
			Some(recv) => drop(tokio::spawn(self.clone().read_all(recv, reading))),
			None => self.direction_over(),
		}
	}

	fn queue(&self) -> &Queue {
		&self.connection.environment.queue
	}

	fn event(&self, kind: u8) {
		self.queue().event(kind, self.handle, &[]);
	}

	fn coded_event(&self, kind: u8, code: VarInt) {
		self.queue().event(kind, self.handle, &[&u64_halves(code.into_inner())]);
	}

	/// Tells JS once that the stream broke.
	pub fn lost(&self, why: Lost) {
		if !self.lost_told.swap(true, Ordering::Relaxed) {
			drop(lock(&self.connection.environment.receiving));
			self.queue().event(record::STREAM_LOST, self.handle, &[&(why as u32).to_ne_bytes()]);
		}
	}

	/// A stream that could not be opened: broken, unless JS gave it up first.
	pub fn lost_unless_cancelled(&self) {
		if self.cancelled().is_none() {
			self.lost(Lost::Connection);
		}
	}

	/// Sends what was queued (the first frame) and waits to be piped.
	pub async fn hold(&self, mut send: SendStream, recv: Option<RecvStream>) {
		let mut first = Vec::new();
		lock(&self.outgoing).take(&mut first);
		tokio::select! {
			biased; // given up counts, also when it has just been written
			code = self.cancellation() => crate::pipe::refuse(Parked { send: Some(send), recv }, code),
			_ = send.write_all_chunks(&mut first) => self.park(Some(send), recv), // a failure is the pipe's to see
		}
	}

	/// The last one sends `STREAM_DONE`, after which no record carries this handle.
	pub fn direction_over(&self) {
		if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
			self.event(record::STREAM_DONE);
		}
	}

	async fn write_all(self: Arc<Self>, send: SendStream) {
		*lock(&self.writer) = Some(Writer::new(send));
		let end = loop {
			let advance = poll_fn(|cx| match lock(&self.writer).as_mut() {
				_ if self.connection.is_broken() => Poll::Ready(WriterEnd::Lost),
				Some(writer) => writer.poll_task(&self, cx),
				None => Poll::Ready(WriterEnd::Lost), // unreachable: only this task takes the writer away
			});
			tokio::select! {
				biased;
				end = advance => break end,
				() = self.outgoing_wake.notified() => {}
			}
		};
		if self.connection.is_broken() {
			self.leak();
		}
		let writer = lock(&self.writer).take();
		{
			let mut out = lock(&self.outgoing);
			out.over = true;
			out.forget();
		}
		if let Some(Writer { mut send, .. }) = writer {
			match end {
				WriterEnd::Reset(code) => drop(send.reset(code)),
				WriterEnd::Stopped(code) => drop(send.reset(code)), // RFC 9000, 3.5: answer STOP_SENDING with RESET_STREAM
				WriterEnd::Acknowledged | WriterEnd::Lost => {}
			}
		}
		match end {
			WriterEnd::Acknowledged => self.event(record::FINISHED),
			WriterEnd::Reset(_) => {}
			WriterEnd::Stopped(code) => self.coded_event(record::STOPPED, code),
			WriterEnd::Lost => self.lost(Lost::Connection),
		}
		self.direction_over();
	}

	// What the writer asks.

	/// Moves everything queued to `batch`; whether FIN follows.
	pub fn take_outgoing(&self, batch: &mut Vec<Bytes>) -> bool {
		lock(&self.outgoing).take(batch)
	}

	pub fn reset_asked(&self) -> Option<VarInt> {
		lock(&self.outgoing).reset
	}

	/// QUIC took that many bytes.
	pub fn outgoing_taken(&self, bytes: usize) {
		if lock(&self.outgoing).taken(bytes) {
			self.event(record::DRAIN);
		}
	}

	async fn read_all(self: Arc<Self>, recv: RecvStream, reading: Reading) {
		*lock(&self.reader) = Some(Reader::new(recv, &reading));
		let end = loop {
			let advance = poll_fn(|cx| match lock(&self.reader).as_mut() {
				_ if self.connection.is_broken() => Poll::Ready(ReaderEnd::Lost),
				Some(reader) => reader.poll_task(&self, cx),
				None => Poll::Ready(ReaderEnd::Lost), // unreachable: only this task takes the reader away
			});
			tokio::select! {
				biased;
				end = advance => break end,
				() = self.incoming_wake.notified() => {}
			}
		};
		if self.connection.is_broken() {
			self.leak();
		}
		let reader = lock(&self.reader).take();
		let stop = |code| {
			if let Some(Reader { mut recv, .. }) = reader {
				let _ = recv.stop(code);
			}
		};
		match end {
			ReaderEnd::Finished => self.event(record::END),
			ReaderEnd::Reset(code) => self.coded_event(record::RESET, code),
			ReaderEnd::Stopped(code) => stop(code),
			ReaderEnd::Lost => self.lost(Lost::Connection),
			ReaderEnd::Invalid(why) => {
				let code = if matches!(why, Lost::TooLong) { reading.too_long_code } else { reading.truncated_code };
				stop(code);
				self.reset(code);
				self.lost(why);
			}
		}
		self.direction_over();
	}

	/// JS thread: runs `receive`, which reads the socket, and delivers what came for this stream.
	pub fn receive_inline(&self, receive: impl FnOnce()) {
		match self.reader.try_lock() {
			Ok(mut reader) => match reader.as_mut() {
				Some(reader) => reader.poll_inline(self, receive),
				None => receive(),
			},
			Err(_) => receive(), // the I/O thread is at it
		}
	}

	// What the reader asks.

	/// Whether there is credit to read on; the code to stop with if JS wants no more.
	pub fn next_read(&self) -> Result<bool, VarInt> {
		let mut incoming = lock(&self.incoming);
		incoming.waiting = incoming.credit <= 0;
		incoming.stop.map_or(Ok(incoming.credit > 0), Err)
	}

	pub fn deliver(&self, chunks: &mut [Bytes], deframer: Option<&mut Deframer>) -> Result<(), Lost> {
		let mut cost = 0;
		let mut result = Ok(());
		self.queue().push(|batch| {
			let mut sink = Delivery { handle: self.handle, batch, cost: 0 };
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
			cost = sink.cost;
		});
		lock(&self.incoming).credit -= cost;
		result
	}
}

impl Drop for Stream {
	fn drop(&mut self) {
		if self.connection.is_broken() {
			self.leak();
		}
	}
}

/// Writes frames as records and adds up what they cost.
struct Delivery<'a, 'b> {
	handle: u32,
	batch: &'a mut Batch<'b>,
	cost: i64,
}

impl Sink for Delivery<'_, '_> {
	fn whole(&mut self, kind: u8, payload: &[u8]) {
		self.cost += payload.len() as i64 + FRAME_COST;
		self.batch.record(record::FRAME, kind, self.handle, &[payload]);
	}

	fn pieces(&mut self, kind: u8, pieces: Vec<Bytes>, len: usize) {
		self.cost += len as i64 + FRAME_COST;
		if len >= LARGE_BYTES {
			self.batch.large(kind, self.handle, pieces, len);
			return;
		}
		let slices: Vec<&[u8]> = pieces.iter().map(|piece| &piece[..]).collect();
		self.batch.record(record::FRAME, kind, self.handle, &slices);
	}

	fn shared(&mut self, kind: u8, payload: Bytes) {
		let len = payload.len();
		self.cost += len as i64 + FRAME_COST;
		self.batch.large(kind, self.handle, vec![payload], len);
	}
}

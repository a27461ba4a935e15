//! The receiving half of a stream as a state machine, like `writer.rs`. The I/O thread's task moves it on; the JS thread may
//! do so when it has just read the socket itself.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use quinn::{ReadError, RecvStream, VarInt};

use crate::events::LARGE_BYTES;
use crate::io::{Gate, Report};

use super::chunk_size::ChunkSize;
use super::frame::Deframer;
use super::incoming::{Lost, Reading};

/// Where a reader delivers what it has read.
pub trait Intake {
	/// How many bytes there is credit for. If JS wants no more, the code to stop with.
	fn next_read(&self) -> Result<usize, VarInt>;
	/// Whether JS keeps up with the connection. If not, `waker` is woken when it does. `since` is the reader's memory of that.
	fn has_room(&self, waker: &Waker, since: &mut u64) -> bool;
	/// Gives JS the frames in `chunks`, or the bytes as they are. Returns how many those were.
	fn deliver(&self, chunks: &mut [Bytes], deframer: Option<&mut Deframer>) -> Result<usize, Lost>;
	/// Whether nothing of the connection may be touched any more.
	fn is_broken(&self) -> bool;
}

/// Chunks read at a time.
const READ_CHUNKS: usize = 64;
/// Where a chunk brings so many frames, fewer chunks are read at a time: JS would get too many frames at once.
const DENSE_FRAMES: usize = 64;
const DENSE_CHUNKS: usize = 4;

/// How the receiving half ended.
#[derive(Clone, Copy)]
pub enum ReaderEnd {
	Finished,
	Reset(VarInt),
	Stopped(VarInt),
	Lost,
	/// The framing is wrong. The peer is told that code.
	Invalid(Lost, VarInt),
}

pub struct Reader {
	pub recv: RecvStream,
	/// `None`: bytes as they come.
	deframer: Option<Deframer>,
	/// A reset can still come: not all has arrived.
	resettable: bool,
	/// Until JS knows all that the peer can say, or what is left waits for JS alone.
	pub report: Option<Report>,
	/// Between quinn and the task.
	gate: Arc<Gate>,
	/// The JS thread has found the end; the task reports it.
	end: Option<ReaderEnd>,
	too_long_code: VarInt,
	truncated_code: VarInt,
	/// The chunks read last brought many frames.
	dense: bool,
	chunks: ChunkSize,
	/// When it last had to wait for JS.
	waiting_since: u64,
}

impl Reader {
	pub fn new(recv: RecvStream, reading: &Reading, report: Report) -> Self {
		let deframer = reading.limits.map(|limits| Deframer::new(limits, LARGE_BYTES));
		let Reading { too_long_code, truncated_code, .. } = *reading;
		Self {
			recv,
			deframer,
			resettable: true,
			report: Some(report),
			gate: Arc::default(),
			end: None,
			too_long_code,
			truncated_code,
			dense: false,
			chunks: ChunkSize::default(),
			waiting_since: 0,
		}
	}

	/// The task's turn.
	pub fn poll_task(&mut self, intake: &impl Intake, cx: &mut Context) -> Poll<ReaderEnd> {
		self.gate.set_task(cx.waker());
		match self.end {
			Some(end) => Poll::Ready(end),
			None => self.advance(intake),
		}
	}

	/// The JS thread's turn: runs `receive`, and reads what that brought for this stream.
	pub fn poll_inline(&mut self, intake: &impl Intake, receive: impl FnOnce()) {
		let gate = self.gate.clone();
		let _held = gate.hold();
		receive();
		if gate.woken() && self.end.is_none() && !intake.is_broken() {
			if let Poll::Ready(end) = self.advance(intake) {
				self.end = Some(end);
				gate.pass_on();
			}
		}
	}

	fn advance(&mut self, intake: &impl Intake) -> Poll<ReaderEnd> {
		let waker = Waker::from(self.gate.clone());
		let cx = &mut Context::from_waker(&waker);
		let mut chunks: [Bytes; READ_CHUNKS] = std::array::from_fn(|_| Bytes::new());
		loop {
			let affordable = match intake.next_read() {
				Ok(chunks) => chunks,
				Err(code) => return Poll::Ready(ReaderEnd::Stopped(code)),
			};
			if affordable == 0 {
				if !self.resettable {
					return Poll::Pending;
				}
				match pin!(self.recv.received_reset()).poll(cx) {
					Poll::Pending => return Poll::Pending,
					Poll::Ready(Ok(Some(code))) => return Poll::Ready(ReaderEnd::Reset(code)),
					Poll::Ready(Ok(None)) => {
						self.resettable = false; // all of it is here: only credit is missing
						self.report = None;
					}
					Poll::Ready(Err(_)) => return Poll::Ready(ReaderEnd::Lost),
				}
				continue;
			}
			// What is left in QUIC meanwhile is read before anything that ends the stream is told.
			if !intake.has_room(cx.waker(), &mut self.waiting_since) {
				return Poll::Pending;
			}
			let most = self.chunks.within(affordable).min(if self.dense { DENSE_CHUNKS } else { READ_CHUNKS });
			let Poll::Ready(read) = pin!(self.recv.read_chunks(&mut chunks[..most])).poll(cx) else { return Poll::Pending };
			match read {
				Ok(Some(n)) => {
					self.chunks.came(&chunks[..n]);
					match intake.deliver(&mut chunks[..n], self.deframer.as_mut()) {
						Ok(frames) => self.dense = frames >= DENSE_FRAMES * n,
						Err(why) => return Poll::Ready(self.invalid(why)),
					}
				}
				Ok(None) if self.deframer.as_ref().is_none_or(Deframer::between_frames) => return Poll::Ready(ReaderEnd::Finished),
				Ok(None) => return Poll::Ready(self.invalid(Lost::Truncated)),
				Err(ReadError::Reset(code)) => return Poll::Ready(ReaderEnd::Reset(code)),
				Err(_) => return Poll::Ready(ReaderEnd::Lost),
			}
		}
	}

	fn invalid(&self, why: Lost) -> ReaderEnd {
		ReaderEnd::Invalid(why, if matches!(why, Lost::TooLong) { self.too_long_code } else { self.truncated_code })
	}
}

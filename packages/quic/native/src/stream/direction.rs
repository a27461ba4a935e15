//! One direction of a pipe as a state machine. It holds chunks only while its receiver has no room for them: a pipe that is idle costs little.

use std::future::Future;
use std::pin::{pin, Pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use quinn::{ReadError, RecvStream, SendStream, StoppedError, VarInt, WriteError};

use crate::events::{record, Class};
use crate::io::{PacedReader, Ticket};
use crate::numbered::numbered;

use super::chunk_size::ChunkSize;
use super::stream::Line;

/// Chunks moved at a time, and what they may have together.
const CHUNKS: usize = 32;
const MOVED_BYTES: usize = 64 * 1024;

/// The same while others wait for room.
const BYTES_IN_TURN: usize = 11 * 1024;

numbered! {
	/// How a pipe ended, as JS reads it. The greater one of its two directions counts.
	#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
	pub enum PipeEnd {
		Finished = 0,
		Reset = 1,
		Lost = 2,
	}
}

/// See the module.
pub struct Direction<'a> {
	recv: RecvStream,
	send: SendStream,
	from: &'a Line,
	to: &'a Line,
	/// FIN acknowledged, STOP_SENDING, or the connection's end.
	stopped: Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send>>,
	/// What there was no room for.
	rest: Vec<Bytes>,
	/// While there is no room.
	gives_way: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
	/// Its place among those that want room at the receiver, once it has had to wait for some.
	ticket: Option<Box<Ticket>>,
	/// If its sender may not send as fast as it likes.
	pace: Option<Box<PacedReader>>,
	/// A reset can still come: not all has arrived.
	resettable: bool,
	chunks: ChunkSize,
	moved: u64,
}

/// Why nothing is moved any more.
pub enum Stop {
	Finished,
	BySender(VarInt),
	ByReceiver(VarInt),
	SenderLost,
	ReceiverLost,
	Cancelled(VarInt),
	/// The receiver has taken too little for too long.
	GivesWay,
}

impl<'a> Direction<'a> {
	pub fn new((recv, from): (RecvStream, &'a Line), (send, to): (SendStream, &'a Line)) -> Self {
		let stopped = Box::pin(send.stopped());
		let pace = from.share().and_then(|share| PacedReader::new(&share.source)).map(Box::new);
		Self {
			recv,
			send,
			from,
			to,
			stopped,
			rest: Vec::new(),
			gives_way: None,
			ticket: None,
			pace,
			resettable: true,
			chunks: ChunkSize::default(),
			moved: 0,
		}
	}

	/// Moves what can be moved. `cancelled`: JS gave one of the legs up, with that code.
	pub fn advance(&mut self, cancelled: Option<VarInt>, cx: &mut Context) -> Poll<Stop> {
		loop {
			let passed = if self.rest.is_empty() { self.pass_on(cx) } else { self.pass_rest(cx) };
			match passed {
				Poll::Ready(Ok(())) => {}
				Poll::Ready(Err(stop)) => return Poll::Ready(stop),
				Poll::Pending => return self.wait(cancelled, cx),
			}
			if pin!(tokio::task::consume_budget()).poll(cx).is_pending() {
				return Poll::Pending;
			}
		}
	}

	/// Tells both sides how it ended, and gives how many bytes were moved.
	pub fn end(&mut self, stop: Stop, lost_code: VarInt) -> (PipeEnd, u64) {
		let (reset, stop, end) = match stop {
			Stop::Finished => (None, None, PipeEnd::Finished),
			Stop::BySender(code) => (Some(code), None, PipeEnd::Reset),
			Stop::ByReceiver(code) => (None, Some(code), PipeEnd::Reset),
			Stop::SenderLost => (Some(lost_code), None, PipeEnd::Lost),
			Stop::ReceiverLost => (None, Some(lost_code), PipeEnd::Lost),
			Stop::Cancelled(code) => (Some(code), Some(code), PipeEnd::Reset),
			Stop::GivesWay => (Some(lost_code), Some(lost_code), PipeEnd::Reset),
		};
		if let Some(code) = reset {
			let _ = self.send.reset(code);
		}
		if let Some(code) = stop {
			let _ = self.recv.stop(code);
		}
		(end, self.moved)
	}

	/// Reads, and writes what came. Pending: nothing has come, or there is no room for all of it.
	fn pass_on(&mut self, cx: &mut Context) -> Poll<Result<(), Stop>> {
		let mut chunks: [Bytes; CHUNKS] = std::array::from_fn(|_| Bytes::new());
		if let (Some(pace), Some(share)) = (&mut self.pace, self.from.share()) {
			let tell = || self.from.outlet.event(Class::Control, record::CONN_SLOWED, share.handle, &[]);
			if pace.turn(cx, tell).is_pending() {
				return Poll::Pending;
			}
		}
		let most = self.chunks.within(MOVED_BYTES).min(CHUNKS);
		let read = pin!(self.recv.read_chunks(&mut chunks[..most])).poll(cx);
		if let Some(pace) = &mut self.pace {
			pace.read(chunks.iter().map(Bytes::len).sum());
		}
		let Poll::Ready(read) = read else { return Poll::Pending };
		match read {
			Ok(Some(n)) => {
				self.chunks.came(&chunks[..n]);
				let (written, passed) = self.write(&mut chunks[..n], cx);
				if passed.is_pending() {
					self.rest.extend(chunks[written..n].iter_mut().map(std::mem::take));
				}
				passed
			}
			// What is sent and FIN are QUIC's to deliver from here on; waiting for the peer's delayed acknowledgement
			// would only keep the stream on our books.
			Ok(None) => Poll::Ready(Err(match self.send.finish() {
				Ok(()) => Stop::Finished,
				Err(_) => self.why_unsendable(cx),
			})),
			Err(ReadError::Reset(code)) => Poll::Ready(Err(Stop::BySender(code))),
			Err(_) => Poll::Ready(Err(Stop::SenderLost)),
		}
	}

	/// Writes what there was no room for.
	fn pass_rest(&mut self, cx: &mut Context) -> Poll<Result<(), Stop>> {
		let mut rest = std::mem::take(&mut self.rest);
		let (written, passed) = self.write(&mut rest, cx);
		if passed.is_pending() {
			rest.drain(..written);
			self.rest = rest;
		}
		passed
	}

	/// Writes all chunks. Gives how many it has written. Pending: there is no room for the others, or it is not its turn.
	fn write(&mut self, chunks: &mut [Bytes], cx: &mut Context) -> (usize, Poll<Result<(), Stop>>) {
		let mut at = 0;
		while at < chunks.len() {
			let mut end = chunks.len();
			if self.takes_turns() {
				let ticket = self.ticket();
				if ticket.is_some_and(|ticket| ticket.turn(cx).is_pending()) {
					return (at, Poll::Pending);
				}
				end = end.min(at + self.chunks.within(BYTES_IN_TURN));
			}
			let wrote = pin!(self.send.write_chunks(&mut chunks[at..end])).poll(cx);
			match wrote {
				Poll::Pending => {
					if let Some(ticket) = self.ticket() {
						ticket.blocked();
					}
					return (at, Poll::Pending);
				}
				Poll::Ready(Ok(written)) => {
					at += written.chunks;
					self.moved += written.bytes as u64;
					self.to.wrote(written.bytes);
					self.gives_way = None;
					if let Some(ticket) = &mut self.ticket {
						ticket.wrote(written.bytes);
					}
				}
				Poll::Ready(Err(WriteError::Stopped(code))) => return (at, Poll::Ready(Err(Stop::ByReceiver(code)))),
				Poll::Ready(Err(_)) => return (at, Poll::Ready(Err(self.why_unsendable(cx)))),
			}
		}
		if let Some(ticket) = &mut self.ticket {
			ticket.done();
		}
		(at, Poll::Ready(Ok(())))
	}

	/// Whether somebody waits for room at the receiver.
	fn takes_turns(&self) -> bool {
		self.to.share().is_some_and(|share| share.room.is_wanted())
	}

	fn ticket(&mut self) -> Option<&mut Ticket> {
		if let (None, Some(share)) = (&self.ticket, self.to.share()) {
			self.ticket = Some(Box::new(Ticket::new(share.room.clone(), self.from.source_name())));
		}
		self.ticket.as_deref_mut()
	}

	/// Asked to write on a lost connection, quinn does not say that the receiver stopped the stream before.
	fn why_unsendable(&mut self, cx: &mut Context) -> Stop {
		match self.stopped.as_mut().poll(cx) {
			Poll::Ready(Ok(Some(code))) => Stop::ByReceiver(code),
			_ => Stop::ReceiverLost,
		}
	}

	/// Nothing can be moved now.
	fn wait(&mut self, cancelled: Option<VarInt>, cx: &mut Context) -> Poll<Stop> {
		let idle = self.rest.is_empty();
		if idle {
			if let Poll::Ready(stop) = self.stopped.as_mut().poll(cx) {
				return Poll::Ready(match stop {
					Ok(Some(code)) => Stop::ByReceiver(code),
					_ => Stop::ReceiverLost,
				});
			}
		}
		// One that waits to read, or for room, does not hear of a reset by reading.
		if self.resettable && (!idle || self.pace.is_some()) {
			match pin!(self.recv.received_reset()).poll(cx) {
				Poll::Pending => {}
				Poll::Ready(Ok(Some(code))) => return Poll::Ready(Stop::BySender(code)),
				Poll::Ready(Ok(None)) => self.resettable = false, // all of it has arrived: only room is missing
				Poll::Ready(Err(_)) => return Poll::Ready(Stop::SenderLost),
			}
		}
		if let Some(code) = cancelled {
			return Poll::Ready(Stop::Cancelled(code));
		}
		if self.rest.is_empty() {
			return Poll::Pending;
		}
		let (from, to) = (self.from, self.to);
		let gives_way = self.gives_way.get_or_insert_with(|| Box::pin(from.gives_way(to)));
		gives_way.as_mut().poll(cx).map(|()| Stop::GivesWay)
	}
}

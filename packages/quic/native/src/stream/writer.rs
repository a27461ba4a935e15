//! The sending half of a stream as a state machine. The I/O thread's task moves it on and, for small writes, the JS thread
//! does so itself. Whoever holds its mutex may; the JS thread never waits for it.

use std::future::Future;
use std::pin::{pin, Pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use quinn::{SendStream, StoppedError, VarInt, WriteError};

use crate::io::{unique, Report, Room, Ticket};

use super::in_hand::{InHand, Offer};

/// Where a writer gets what it sends.
pub trait Source {
	/// Moves everything queued into an empty hand, or what is urgent into a full one. Returns whether FIN follows. If JS asked to
	/// reset the stream, the code for that.
	fn take_outgoing(&self, hand: &mut InHand) -> Result<bool, VarInt>;
	/// QUIC took that many bytes.
	fn outgoing_taken(&self, bytes: usize);
	/// Whether nothing of this stream waits for the connection's send window.
	fn is_favoured(&self) -> bool;
	/// Where streams of its connection wait for their turn to write, if they do.
	fn room(&self) -> Option<&Arc<Room>>;
	/// Runs `write`, for which the connection's send window does not count.
	fn beyond_send_window<T>(&self, write: impl FnOnce() -> T) -> T;
}

/// How the sending half ended.
#[derive(Clone, Copy)]
pub enum WriterEnd {
	/// The peer has acknowledged everything, FIN included.
	Acknowledged,
	Reset(VarInt),
	Stopped(VarInt),
	Lost,
}

pub struct Writer {
	pub send: SendStream,
	/// FIN acknowledged, STOP_SENDING, or the connection's end.
	stopped: Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send + Sync>>,
	hand: InHand,
	/// Its place among those that want room, once it has had to wait for some. It is a source of its own.
	ticket: Option<Box<Ticket>>,
	finished: bool,
	/// Until JS knows how it ended.
	pub report: Report,
	/// The task's waker, under which every wait is registered.
	waker: Waker,
	/// The JS thread has found the end; the task reports it.
	end: Option<WriterEnd>,
}

impl Writer {
	pub fn new(send: SendStream, report: Report) -> Self {
		let stopped = Box::pin(send.stopped());
		Self { send, stopped, hand: InHand::default(), ticket: None, finished: false, report, waker: Waker::noop().clone(), end: None }
	}

	/// The task's turn.
	pub fn poll_task(&mut self, source: &impl Source, cx: &mut Context) -> Poll<WriterEnd> {
		if !self.waker.will_wake(cx.waker()) {
			self.waker = cx.waker().clone();
		}
		match self.end {
			Some(end) => Poll::Ready(end),
			None => self.advance(source, cx),
		}
	}

	/// The JS thread's turn: the same, under the task's waker.
	pub fn poll_inline(&mut self, source: &impl Source) {
		if self.end.is_some() {
			return;
		}
		let waker = self.waker.clone();
		if let Poll::Ready(end) = self.advance(source, &mut Context::from_waker(&waker)) {
			self.end = Some(end);
			waker.wake();
		}
	}

	fn advance(&mut self, source: &impl Source, cx: &mut Context) -> Poll<WriterEnd> {
		loop {
			let finish = match source.take_outgoing(&mut self.hand) {
				Ok(finish) => finish,
				Err(code) => return Poll::Ready(WriterEnd::Reset(code)),
			};
			if self.hand.is_empty() {
				if let Some(ticket) = &mut self.ticket {
					ticket.done();
				}
				if finish && !self.finished {
					self.finished = true;
					let _ = self.send.finish(); // an error means stopped, which `stopped` tells
				}
				return self.stopped.as_mut().poll(cx).map(|end| match end {
					Ok(None) => WriterEnd::Acknowledged,
					Ok(Some(code)) => WriterEnd::Stopped(code),
					Err(_) => WriterEnd::Lost,
				});
			}
			let favoured = self.hand.is_urgent() || source.is_favoured();
			if !favoured && self.turn(source, cx).is_pending() {
				return Poll::Pending;
			}
			let mut written = self.write(false, cx);
			if written.is_pending() && favoured {
				written = source.beyond_send_window(|| self.write(!source.is_favoured(), cx));
			}
			match written {
				Poll::Pending => {
					if let (false, Some(ticket)) = (source.is_favoured(), self.ticket(source)) {
						ticket.blocked();
					}
					return Poll::Pending;
				}
				Poll::Ready(Ok(bytes)) => {
					self.hand.took(bytes);
					if let Some(ticket) = &mut self.ticket {
						ticket.wrote(bytes);
					}
					source.outgoing_taken(bytes);
				}
				Poll::Ready(Err(WriteError::Stopped(code))) => return Poll::Ready(WriterEnd::Stopped(code)),
				// Asked to write on a lost connection, quinn does not say that the peer stopped the stream before.
				Poll::Ready(Err(_)) => {
					return Poll::Ready(match self.stopped.as_mut().poll(cx) {
						Poll::Ready(Ok(Some(code))) => WriterEnd::Stopped(code),
						_ => WriterEnd::Lost,
					})
				}
			}
		}
	}

	/// Whether it may write now. Pending: others have had less.
	fn turn(&mut self, source: &impl Source, cx: &mut Context) -> Poll<()> {
		match source.room() {
			Some(room) if room.is_wanted() => self.ticket(source).map_or(Poll::Ready(()), |ticket| ticket.turn(cx)),
			_ => Poll::Ready(()),
		}
	}

	fn ticket(&mut self, source: &impl Source) -> Option<&mut Ticket> {
		if let (None, Some(room)) = (&self.ticket, source.room()) {
			self.ticket = Some(Box::new(Ticket::new(room.clone(), unique())));
		}
		self.ticket.as_deref_mut()
	}

	/// Offers QUIC what comes next. Returns how many bytes it took.
	fn write(&mut self, urgent_only: bool, cx: &mut Context) -> Poll<Result<usize, WriteError>> {
		let mut offer = Offer::default();
		let count = self.hand.offer(urgent_only, &mut offer);
		let written = pin!(self.send.write_chunks(&mut offer[..count])).poll(cx);
		written.map_ok(|written| written.bytes)
	}
}

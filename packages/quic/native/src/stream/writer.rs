//! The sending half of a stream as a state machine. The I/O thread's task moves it on and, for small writes, the JS thread
//! does so itself. Whoever holds its mutex may; the JS thread never waits for it.

use std::future::Future;
use std::pin::{pin, Pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use quinn::{SendStream, StoppedError, VarInt, WriteError};

/// Where a writer gets what it sends.
pub trait Source {
	/// Moves everything queued to `batch`. Returns whether FIN follows.
	fn take_outgoing(&self, batch: &mut Vec<Bytes>) -> bool;
	/// The code to reset the stream with, if JS asked for that.
	fn reset_asked(&self) -> Option<VarInt>;
	/// QUIC took that many bytes.
	fn outgoing_taken(&self, bytes: usize);
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
	batch: Vec<Bytes>,
	at: usize,
	finished: bool,
	/// The task's waker, under which every wait is registered.
	waker: Waker,
	/// The JS thread has found the end; the task reports it.
	end: Option<WriterEnd>,
}

impl Writer {
	pub fn new(send: SendStream) -> Self {
		let stopped = Box::pin(send.stopped());
		Self { send, stopped, batch: Vec::new(), at: 0, finished: false, waker: Waker::noop().clone(), end: None }
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
			if self.at == self.batch.len() {
				self.batch.clear();
				self.at = 0;
				let finish = source.take_outgoing(&mut self.batch);
				if let Some(code) = source.reset_asked() {
					return Poll::Ready(WriterEnd::Reset(code));
				}
				if self.batch.is_empty() {
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
			} else if let Some(code) = source.reset_asked() {
				return Poll::Ready(WriterEnd::Reset(code));
			}
			match pin!(self.send.write_chunks(&mut self.batch[self.at..])).poll(cx) {
				Poll::Pending => return Poll::Pending,
				Poll::Ready(Ok(written)) => {
					self.at += written.chunks;
					source.outgoing_taken(written.bytes);
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
}

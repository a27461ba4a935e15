//! The sending half of a stream as a state machine, so that the I/O thread's task and, for small writes, the JS thread
//! itself can move it on. Whoever holds its mutex does; nobody waits for it.

use std::future::Future;
use std::pin::{pin, Pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use quinn::{SendStream, StoppedError, VarInt, WriteError};

use crate::stream::Stream;

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
	/// The task's, under which every wait is registered.
	waker: Waker,
	/// Found by the JS thread, for the task to report.
	end: Option<WriterEnd>,
}

impl Writer {
	pub fn new(send: SendStream) -> Self {
		let stopped = Box::pin(send.stopped());
		Self { send, stopped, batch: Vec::new(), at: 0, finished: false, waker: Waker::noop().clone(), end: None }
	}

	/// The task's turn.
	pub fn poll_task(&mut self, stream: &Stream, cx: &mut Context) -> Poll<WriterEnd> {
		if !self.waker.will_wake(cx.waker()) {
			self.waker = cx.waker().clone();
		}
		match self.end {
			Some(end) => Poll::Ready(end),
			None => self.advance(stream, cx),
		}
	}

	/// The JS thread's turn: the same, under the task's waker.
	pub fn poll_inline(&mut self, stream: &Stream) {
		if self.end.is_some() {
			return;
		}
		let waker = self.waker.clone();
		if let Poll::Ready(end) = self.advance(stream, &mut Context::from_waker(&waker)) {
			self.end = Some(end);
			waker.wake();
		}
	}

	fn advance(&mut self, stream: &Stream, cx: &mut Context) -> Poll<WriterEnd> {
		loop {
			if self.at == self.batch.len() {
				self.batch.clear();
				self.at = 0;
				let finish = stream.take_outgoing(&mut self.batch);
				if let Some(code) = stream.reset_asked() {
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
			} else if let Some(code) = stream.reset_asked() {
				return Poll::Ready(WriterEnd::Reset(code));
			}
			match pin!(self.send.write_chunks(&mut self.batch[self.at..])).poll(cx) {
				Poll::Pending => return Poll::Pending,
				Poll::Ready(Ok(written)) => {
					self.at += written.chunks;
					stream.outgoing_taken(written.bytes);
				}
				Poll::Ready(Err(WriteError::Stopped(code))) => return Poll::Ready(WriterEnd::Stopped(code)),
				Poll::Ready(Err(_)) => return Poll::Ready(WriterEnd::Lost),
			}
		}
	}
}

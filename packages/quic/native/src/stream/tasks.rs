//! The two tasks of a stream on the I/O thread, one for each direction.
//!
//! Streams may be idle for long, and there may be many. So what is alive while a stream is idle is kept small: what belongs to its
//! beginning or its end is boxed, or is no part of the task. Tests bound the sizes: here, in `pipe.rs`, and in `bridge/streams.rs`.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use quinn::{RecvStream, SendStream};

use crate::events::record;
use crate::io::{Loss, Report};
use crate::lock::lock;

use super::in_hand::{InHand, Offer};
use super::incoming::{Lost, Reading};
use super::parked::Parked;
use super::reader::{Reader, ReaderEnd};
use super::stream::Stream;
use super::writer::{Writer, WriterEnd};

/// How a direction ended: JS was told, or its connection is lost. Then whoever has a report still has to say so.
type Ended = Result<(), Option<Report>>;

impl Stream {
	/// Starts the tasks for the halves that exist.
	pub fn run(self: &Arc<Self>, send: Option<SendStream>, recv: Option<RecvStream>, reading: Reading) {
		self.writing.open(&self.line.commands);
		self.reading.open(&self.line.commands);
		match send {
			Some(send) => {
				self.begin_writing(send, self.line.reports.expect());
				tokio::spawn(write(self.clone()));
			}
			None => {
				self.writing.close(&self.line.commands);
				self.direction_over();
			}
		}
		self.start_reading(recv, &reading);
	}

	/// Begins to serve a stream that was just opened. `write_all` comes next, in the task that opened it: then no command falls between two tasks.
	pub fn begin_opened(self: &Arc<Self>, send: SendStream, recv: Option<RecvStream>, reading: &Reading, report: Report) {
		self.start_reading(recv, reading);
		self.begin_writing(send, report);
	}

	fn begin_writing(&self, send: SendStream, report: Report) {
		*lock(&self.writer) = Some(Box::new(Writer::new(send, report)));
	}

	fn start_reading(self: &Arc<Self>, recv: Option<RecvStream>, reading: &Reading) {
		match recv {
			Some(recv) => {
				*lock(&self.reader) = Some(Box::new(Reader::new(recv, reading, self.line.reports.expect())));
				tokio::spawn(read(self.clone()));
			}
			None => {
				self.reading.close(&self.line.commands);
				self.direction_over();
			}
		}
	}

	/// Sends what was queued (the first frame) and waits to be piped.
	pub async fn hold(&self, mut send: SendStream, recv: Option<RecvStream>) {
		let mut hand = InHand::default();
		{
			let mut out = lock(&self.outgoing);
			out.take(&mut hand);
			self.forget(&mut out);
		}
		let mut first = Offer::default();
		let count = hand.offer(true, &mut first);
		tokio::select! {
			biased; // being given up counts more than having just been written
			code = self.cancellation() => Parked { send: Some(send), recv }.refuse(code),
			_ = send.write_all_chunks(&mut first[..count]) => self.park(Parked { send: Some(send), recv }), // the pipe sees a failure
		}
	}

	/// Sends what is queued, until this direction is over.
	pub async fn write_all(&self) {
		let mut woken = pin!(self.outgoing_wake.notified());
		let end = poll_fn(|cx| loop {
			let end = match lock(&self.writer).as_mut() {
				_ if self.line.is_broken() => Poll::Ready(WriterEnd::Lost),
				Some(writer) => writer.poll_task(self, cx),
				None => Poll::Ready(WriterEnd::Lost), // unreachable: only this task takes the writer away
			};
			if end.is_ready() || woken.as_mut().poll(cx).is_pending() {
				return end;
			}
			woken.set(self.outgoing_wake.notified());
		})
		.await;
		match self.end_writing(end) {
			Ok(()) => self.direction_over(),
			Err(report) => drop(Box::pin(self.lose(report)).await),
		}
	}

	fn end_writing(&self, end: WriterEnd) -> Ended {
		if self.line.is_broken() {
			self.leak();
		}
		let writer = lock(&self.writer).take();
		{
			let mut out = lock(&self.outgoing);
			out.over = true;
			self.forget(&mut out);
		}
		let mut report = None;
		if let Some(mut writer) = writer {
			match end {
				WriterEnd::Reset(code) => drop(writer.send.reset(code)),
				WriterEnd::Stopped(code) => drop(writer.send.reset(code)), // RFC 9000, 3.5: answer STOP_SENDING with RESET_STREAM
				WriterEnd::Acknowledged | WriterEnd::Lost => {}
			}
			report = Some(writer.report);
		}
		match end {
			WriterEnd::Acknowledged => self.event(record::FINISHED),
			WriterEnd::Reset(_) => {}
			WriterEnd::Stopped(code) => self.coded_event(record::STOPPED, code),
			WriterEnd::Lost => return Err(report),
		}
		Ok(())
	}

	/// A direction is over with its connection. A reset or a stop says why, a lost connection does not: so all of those come first.
	async fn lose(&self, report: Option<Report>) -> Option<Loss> {
		let loss = match report {
			Some(report) if self.line.is_over() => Some(report.lost().await),
			_ => None, // the connection may not be touched any more: nobody tells anything
		};
		self.lost(Lost::Connection);
		self.direction_over();
		loss
	}

	async fn read_all(&self) {
		let mut woken = pin!(self.incoming_wake.notified());
		let end = poll_fn(|cx| loop {
			let end = match lock(&self.reader).as_mut() {
				_ if self.line.is_broken() => Poll::Ready(ReaderEnd::Lost),
				Some(reader) => reader.poll_task(self, cx),
				None => Poll::Ready(ReaderEnd::Lost), // unreachable: only this task takes the reader away
			};
			if end.is_ready() || woken.as_mut().poll(cx).is_pending() {
				return end;
			}
			woken.set(self.incoming_wake.notified());
		})
		.await;
		match self.end_reading(end) {
			Ok(()) => self.direction_over(),
			Err(report) => drop(Box::pin(self.lose(report)).await),
		}
	}

	fn end_reading(&self, end: ReaderEnd) -> Ended {
		if self.line.is_broken() {
			self.leak();
		}
		let mut reader = lock(&self.reader).take();
		let mut stop = |code| {
			if let Some(reader) = &mut reader {
				let _ = reader.recv.stop(code);
			}
		};
		match end {
			ReaderEnd::Finished => self.event(record::END),
			ReaderEnd::Reset(code) => self.coded_event(record::RESET, code),
			ReaderEnd::Stopped(code) => stop(code),
			ReaderEnd::Lost => return Err(reader.and_then(|reader| reader.report)),
			ReaderEnd::Invalid(why, code) => {
				stop(code);
				self.reset(code);
				self.lost(why);
			}
		}
		Ok(())
	}
}

/// The task of the sending half of a stream that the peer opened.
async fn write(stream: Arc<Stream>) {
	// Pinned here, and not there: a future that is moved into another one takes its room twice.
	stream.writing.serve(&stream.line.commands, stream.turns(), pin!(stream.write_all())).await;
}

/// The task of the receiving half.
async fn read(stream: Arc<Stream>) {
	stream.reading.serve(&stream.line.commands, stream.turns(), pin!(stream.read_all())).await;
}

#[cfg(test)]
mod tests {
	use super::*;

	fn bytes_of<A, F>(_task: fn(A) -> F) -> usize {
		size_of::<F>()
	}

	#[test]
	fn what_an_idle_stream_holds_is_small() {
		assert!(bytes_of(write) <= 256, "{}", bytes_of(write));
		assert!(bytes_of(read) <= 256, "{}", bytes_of(read));
		assert!(size_of::<Stream>() <= 448, "{}", size_of::<Stream>());
		assert!(size_of::<Writer>() <= 160, "{}", size_of::<Writer>());
		assert!(size_of::<Reader>() <= 224, "{}", size_of::<Reader>());
	}
}

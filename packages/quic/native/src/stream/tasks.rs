//! The two tasks of a stream on the I/O thread, one for each direction.

use std::future::poll_fn;
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

impl Stream {
	/// Starts the tasks for the halves that exist.
	pub fn run(self: &Arc<Self>, send: Option<SendStream>, recv: Option<RecvStream>, reading: Reading) {
		self.writing.open(&self.line.commands);
		self.reading.open(&self.line.commands);
		match send {
			Some(send) => {
				let (stream, report) = (self.clone(), self.line.reports.expect());
				tokio::spawn(async move { stream.writing.serve(&stream.line.commands, stream.write_all(send, report)).await });
			}
			None => {
				self.writing.close(&self.line.commands);
				self.direction_over();
			}
		}
		self.start_reading(recv, reading);
	}

	/// Serves a stream that was just opened, in the task that opened it: then no command falls between two tasks.
	pub async fn serve_opened(self: &Arc<Self>, send: SendStream, recv: Option<RecvStream>, reading: Reading, report: Report) {
		self.start_reading(recv, reading);
		self.write_all(send, report).await;
	}

	fn start_reading(self: &Arc<Self>, recv: Option<RecvStream>, reading: Reading) {
		match recv {
			Some(recv) => {
				let (stream, report) = (self.clone(), self.line.reports.expect());
				tokio::spawn(async move { stream.reading.serve(&stream.line.commands, stream.read_all(recv, reading, report)).await });
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
		lock(&self.outgoing).take(&mut hand);
		let mut first = Offer::default();
		let count = hand.offer(true, &mut first);
		tokio::select! {
			biased; // being given up counts more than having just been written
			code = self.cancellation() => Parked { send: Some(send), recv }.refuse(code),
			_ = send.write_all_chunks(&mut first[..count]) => self.park(Parked { send: Some(send), recv }), // the pipe sees a failure
		}
	}

	async fn write_all(&self, send: SendStream, report: Report) {
		*lock(&self.writer) = Some(Writer::new(send));
		let end = loop {
			let advance = poll_fn(|cx| match lock(&self.writer).as_mut() {
				_ if self.line.is_broken() => Poll::Ready(WriterEnd::Lost),
				Some(writer) => writer.poll_task(self, cx),
				None => Poll::Ready(WriterEnd::Lost), // unreachable: only this task takes the writer away
			});
			tokio::select! {
				biased;
				end = advance => break end,
				() = self.outgoing_wake.notified() => {}
			}
		};
		if self.line.is_broken() {
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
			WriterEnd::Lost => return drop(self.lose(Some(report)).await),
		}
		self.direction_over();
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

	async fn read_all(&self, recv: RecvStream, reading: Reading, report: Report) {
		*lock(&self.reader) = Some(Reader::new(recv, &reading, report));
		let end = loop {
			let advance = poll_fn(|cx| match lock(&self.reader).as_mut() {
				_ if self.line.is_broken() => Poll::Ready(ReaderEnd::Lost),
				Some(reader) => reader.poll_task(self, cx),
				None => Poll::Ready(ReaderEnd::Lost), // unreachable: only this task takes the reader away
			});
			tokio::select! {
				biased;
				end = advance => break end,
				() = self.incoming_wake.notified() => {}
			}
		};
		if self.line.is_broken() {
			self.leak();
		}
		let mut reader = lock(&self.reader).take();
		let report = reader.as_mut().and_then(|reader| reader.report.take());
		let stop = |code| {
			if let Some(Reader { mut recv, .. }) = reader {
				let _ = recv.stop(code);
			}
		};
		match end {
			ReaderEnd::Finished => self.event(record::END),
			ReaderEnd::Reset(code) => self.coded_event(record::RESET, code),
			ReaderEnd::Stopped(code) => stop(code),
			ReaderEnd::Lost => return drop(self.lose(report).await),
			ReaderEnd::Invalid(why) => {
				let code = if matches!(why, Lost::TooLong) { reading.too_long_code } else { reading.truncated_code };
				stop(code);
				self.reset(code);
				self.lost(why);
			}
		}
		self.direction_over();
	}
}

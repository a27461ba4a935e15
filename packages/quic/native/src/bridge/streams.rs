//! The part of the Node-API surface that is about streams.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use napi::bindgen_prelude::Int32Array;
use napi_derive::napi;
use quinn::{RecvStream, SendStream, VarInt};

use crate::connection::Connection;
use crate::error::{invalid, stale, Result};
use crate::stream::{self, Reading, Stream, MAX_PAYLOAD_BYTES};

use super::environment::{self, Entry};
use super::options::{code, StreamInput};

/// Opens a stream. A first frame and all that is written waits until the peer's stream limit allows it.
/// `held`: nothing is sent until `stream_let_go`, then only the first frame. Nothing is read until `pipe_streams`.
#[napi(catch_unwind)]
pub fn stream_open(
	connection: u32,
	bidirectional: bool,
	held: bool,
	first_kind: u32,
	first: Option<&[u8]>,
	options: StreamInput,
) -> Result<u32> {
	environment::with(|environment| {
		let connection = environment.connection(connection)?;
		if connection.established().is_none() {
			return Err(stale("connection"));
		}
		let reading = options.reading()?;
		environment.table.insert_with(|handle| {
			let stream = Arc::new(Stream::new(handle, connection.line.clone()));
			if let Some(first) = first {
				// Urgent, so that nothing goes ahead of it. Also in byte mode every stream begins with a frame.
				stream.write_urgent(first_kind as u8, first, true);
			}
			stream.configure(&reading, options.high_water_bytes as usize, options.priority);
			stream.writing.open(&connection.line.commands);
			if !held {
				stream.reading.open(&connection.line.commands);
			}
			environment.io.spawn(open(connection, stream.clone(), bidirectional, held, options.priority, reading));
			Ok(Entry::Stream(stream))
		})
	})
}

async fn open(connection: Arc<Connection>, stream: Arc<Stream>, bidirectional: bool, held: bool, priority: i32, reading: Reading) {
	let commands = &connection.line.commands;
	let task = pin!(async {
		let report = connection.line.reports.expect();
		// What comes before the stream is open is boxed: the memory is free again when it is.
		match Box::pin(opened(&connection, &stream, bidirectional, held, priority)).await {
			Some((send, recv)) if held => Box::pin(stream.hold(send, recv)).await,
			Some((send, recv)) => {
				stream.begin_opened(send, recv, &reading, report);
				stream.write_all().await;
			}
			None if held => {} // `pipe_streams` or `stream_refuse` finds nothing parked and ends it
			None => {
				stream.reading.close(commands);
				stream.lost_unless_cancelled();
				stream.direction_over();
				stream.direction_over();
			}
		}
	});
	stream.writing.serve(commands, stream.turns(), task).await;
}

/// The halves of the stream. `None`: it could not be opened, or JS gave it up.
async fn opened(
	connection: &Connection,
	stream: &Stream,
	bidirectional: bool,
	held: bool,
	priority: i32,
) -> Option<(SendStream, Option<RecvStream>)> {
	let opening = pin!(async {
		if held && !stream.its_turn().await {
			return None;
		}
		connection.open(bidirectional, stream, priority).await
	});
	stream.reading.postpone(&connection.line.commands, opening).await
}

/// Opens a held stream, as soon as the peer's stream limit allows it.
#[napi(catch_unwind)]
pub fn stream_let_go(stream: u32) -> Result<()> {
	with_stream(stream, |stream| stream.let_go.notify_one())
}

/// Starts reading and writing an incoming stream.
#[napi(catch_unwind)]
pub fn stream_accept(stream: u32, options: StreamInput) -> Result<bool> {
	environment::with(|environment| {
		let reading = options.reading()?;
		let Some(stream) = environment.stream(stream) else { return Ok(false) };
		let Some(parked) = stream.unpark() else { return Ok(false) };
		stream.configure(&reading, options.high_water_bytes as usize, options.priority);
		if let (Some(send), true) = (&parked.send, options.priority != 0) {
			let _ = send.set_priority(options.priority);
		}
		let _context = environment.io.enter();
		stream.run(parked.send, parked.recv, reading);
		Ok(true)
	})
}

/// Resets and stops a stream that was neither accepted nor piped; its handle is gone.
#[napi(catch_unwind)]
pub fn stream_refuse(stream: u32, close_code: f64) -> Result<()> {
	environment::with(|environment| {
		let close_code = code(close_code)?;
		if let Some(found) = environment.stream(stream) {
			give_up(&found, close_code);
			environment.table.remove(stream);
		}
		Ok(())
	})
}

/// Returns the bytes queued after this frame, or -1 when this direction is over.
#[napi(catch_unwind)]
pub fn stream_write(stream: u32, kind: u32, payload: &[u8]) -> Result<i32> {
	environment::with(|environment| {
		check_length(payload)?;
		let found = environment.stream(stream);
		Ok(found.and_then(|stream| stream.write(kind as u8, payload)).map_or(-1, as_count))
	})
}

/// Queues a copy of the first `length` bytes of `packed`: whole frames with their headers, or in byte mode any bytes.
#[napi(catch_unwind)]
pub fn stream_write_packed(stream: u32, packed: &[u8], length: u32) -> Result<i32> {
	environment::with(|environment| {
		let bytes = packed.get(..length as usize).ok_or_else(|| invalid("There are not so many bytes"))?;
		let found = environment.stream(stream);
		Ok(found.and_then(|stream| stream.write_packed(bytes)).map_or(-1, as_count))
	})
}

/// Like `stream_write`, ahead of the frames that wait. `inline`: little of it is sent by this thread, at the end of its tick.
#[napi(catch_unwind)]
pub fn stream_write_urgent(stream: u32, kind: u32, payload: &[u8], inline: bool) -> Result<i32> {
	environment::with(|environment| {
		check_length(payload)?;
		let found = environment.stream(stream);
		Ok(found.and_then(|stream| stream.write_urgent(kind as u8, payload, inline)).map_or(-1, as_count))
	})
}

/// One frame to many streams, in memory once. Returns for each what `stream_write` would.
#[napi(catch_unwind)]
pub fn write_many(streams: &[u32], kind: u32, payload: &[u8]) -> Result<Int32Array> {
	environment::with(|environment| {
		check_length(payload)?;
		let shared = Bytes::copy_from_slice(payload);
		let write = |handle: &u32| {
			let found = environment.stream(*handle);
			found.and_then(|stream| stream.write_shared(kind as u8, &shared)).map_or(-1, as_count)
		};
		Ok(streams.iter().map(write).collect::<Vec<i32>>().into())
	})
}

/// Whole frames, headers included, to many streams, in memory once. Returns for each what `stream_write` would.
#[napi(catch_unwind)]
pub fn write_frames(streams: &[u32], frames: &[u8]) -> Result<Int32Array> {
	environment::with(|environment| {
		let shared = Bytes::copy_from_slice(frames);
		let write = |handle: &u32| {
			let found = environment.stream(*handle);
			found.and_then(|stream| stream.write_frames(&shared)).map_or(-1, as_count)
		};
		Ok(streams.iter().map(write).collect::<Vec<i32>>().into())
	})
}

fn check_length(payload: &[u8]) -> Result<()> {
	if payload.len() > MAX_PAYLOAD_BYTES as usize {
		return Err(invalid("A frame has at most 2^24 - 1 bytes"));
	}
	Ok(())
}

fn as_count(bytes: usize) -> i32 {
	i32::try_from(bytes).unwrap_or(i32::MAX)
}

#[napi(catch_unwind)]
pub fn stream_queued(stream: u32) -> Result<i32> {
	environment::with(|environment| Ok(environment.stream(stream).map_or(0, |stream| as_count(stream.queued()))))
}

#[napi(catch_unwind)]
pub fn stream_finish(stream: u32) -> Result<()> {
	with_stream(stream, |stream| stream.finish())
}

#[napi(catch_unwind)]
pub fn stream_reset(stream: u32, close_code: f64) -> Result<()> {
	let close_code = code(close_code)?;
	with_stream(stream, |stream| stream.reset(close_code))
}

#[napi(catch_unwind)]
pub fn stream_stop(stream: u32, close_code: f64) -> Result<()> {
	let close_code = code(close_code)?;
	with_stream(stream, |stream| stream.stop(close_code))
}

/// Lets that many more received bytes wait in this process.
#[napi(catch_unwind)]
pub fn stream_credit(stream: u32, amount: u32) -> Result<()> {
	with_stream(stream, |stream| stream.add_credit(amount.into()))
}

/// Splices an incoming stream and a held one. The end is one `PIPE_END` for the first. `priority` is that of what goes back on the
/// first; the held one has got its own when it was opened.
#[napi(catch_unwind)]
pub fn pipe_streams(from: u32, to: u32, lost_code: f64, priority: Option<i32>) -> Result<bool> {
	environment::with(|environment| {
		let lost_code = code(lost_code)?;
		match (environment.stream(from), environment.stream(to)) {
			(Some(from), Some(to)) => {
				environment.io.spawn(stream::pipe(from, to, lost_code, priority.unwrap_or(0)));
				Ok(true)
			}
			(from, to) => {
				[from, to].into_iter().flatten().for_each(|leg| give_up(&leg, lost_code));
				Ok(false)
			}
		}
	})
}

/// Resets and stops a stream that nothing serves.
fn give_up(stream: &Stream, close_code: VarInt) {
	stream.reset(close_code);
	stream.stop(close_code);
	if let Some(parked) = stream.unpark() {
		parked.refuse(close_code);
	}
}

fn with_stream(stream: u32, act: impl FnOnce(&Arc<Stream>)) -> Result<()> {
	environment::with(|environment| {
		if let Some(stream) = environment.stream(stream) {
			act(&stream);
		}
		Ok(())
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	fn bytes_of<A, B, C, D, E, F, T>(_task: fn(A, B, C, D, E, F) -> T) -> usize {
		size_of::<T>()
	}

	/// It lasts as long as the stream does.
	#[test]
	fn the_task_of_an_opened_stream_is_small() {
		assert!(bytes_of(open) <= 512, "{}", bytes_of(open));
	}
}

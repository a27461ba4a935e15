//! Splices two streams in both directions without JS: FIN, reset, stop and backpressure pass through.

use std::sync::Arc;

use bytes::Bytes;
use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};
use tokio::sync::watch;

use crate::events::{record, u64_halves};
use crate::numbered::numbered;

use super::parked::Parked;
use super::stream::{Line, Stream};

/// Chunks moved at a time: about 45 KiB of packets.
const CHUNKS: usize = 32;

numbered! {
	/// How a pipe ended, as JS reads it. The greater one of its two directions counts.
	#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
	pub enum PipeEnd {
		Finished = 0,
		Reset = 1,
		Lost = 2,
	}
}

/// Runs until both directions are over, then tells JS with one `PIPE_END` for both handles. Once both legs are open, `PIPE_OPEN` tells that.
/// `priority`: of what goes back on `a`.
pub async fn pipe(a: Arc<Stream>, b: Arc<Stream>, lost_code: VarInt, priority: i32) {
	let (end, forward, backward) = splice(&a, &b, lost_code, priority).await;
	let counts = [u64_halves(forward), u64_halves(backward)].concat();
	a.line.queue.event(record::PIPE_END, a.handle, &[&(end as u32).to_ne_bytes(), &counts]);
}

async fn splice(a: &Arc<Stream>, b: &Arc<Stream>, lost_code: VarInt, priority: i32) -> (PipeEnd, u64, u64) {
	let mut near = parked(a).await;
	// The far leg may still be waiting for JS, or for the peer's stream limit: the near leg may end meanwhile.
	let far = match &mut near {
		None => None,
		Some(near) => tokio::select! {
			far = parked(b) => far,
			() = a.line.ended() => None,
			() = given_up(near) => None,
		},
	};
	let (near_send, near_recv, far_send, far_recv) = match (near, far) {
		(Some(Parked { send: Some(near_send), recv: Some(near_recv) }), Some(Parked { send: Some(far_send), recv: Some(far_recv) })) => {
			(near_send, near_recv, far_send, far_recv)
		}
		(near, far) => {
			for leg in [near, far, b.unpark()].into_iter().flatten() {
				leg.refuse(lost_code);
			}
			b.reset(lost_code); // one that is not open yet must not be opened any more
			return (PipeEnd::Lost, 0, 0);
		}
	};
	a.line.queue.event(record::PIPE_OPEN, a.handle, &[]);
	if priority != 0 {
		let _ = near_send.set_priority(priority);
	}
	let (cancel, cancelled) = watch::channel(None);
	let forward = direction((near_recv, &a.line), (far_send, &b.line), lost_code, cancelled.clone());
	let backward = direction((far_recv, &b.line), (near_send, &a.line), lost_code, cancelled);
	let cancelling = async {
		let code = tokio::select! {
			code = a.cancellation() => code,
			code = b.cancellation() => code,
		};
		let _ = cancel.send(Some(code));
		std::future::pending::<()>().await
	};
	let mut moving = Box::pin(async { tokio::join!(forward, backward) });
	tokio::select! {
		biased;
		() = broke(a, b) => {
			std::mem::forget(moving); // its halves must not be touched; the other leg ends with its connection, or JS ends it
			(PipeEnd::Lost, 0, 0)
		}
		((end, forward), (other_end, backward)) = &mut moving => (end.max(other_end), forward, backward),
		() = cancelling => unreachable!("never ends"),
	}
}

/// Resolves when one of the connections may not be touched any more.
async fn broke(a: &Stream, b: &Stream) {
	tokio::select! {
		() = a.line.broke() => {}
		() = b.line.broke() => {}
	}
}

/// The halves of a leg, once it is open. `None`: it will not open any more.
async fn parked(stream: &Arc<Stream>) -> Option<Parked> {
	loop {
		if let Some(parked) = stream.unpark() {
			return Some(parked);
		}
		tokio::select! {
			() = stream.parked_wake.notified() => {}
			_ = stream.cancellation() => return None,
			() = stream.line.ended() => return None,
		}
	}
}

/// Resolves when the peer has stopped and reset the leg: it wants neither direction any more.
async fn given_up(leg: &mut Parked) {
	if let (Some(send), Some(recv)) = (&leg.send, &mut leg.recv) {
		if let (Ok(Some(_)), Ok(Some(_))) = tokio::join!(send.stopped(), recv.received_reset()) {
			return;
		}
	}
	std::future::pending().await
}

async fn direction(
	(mut recv, from): (RecvStream, &Line),
	(mut send, to): (SendStream, &Line),
	lost_code: VarInt,
	mut cancelled: watch::Receiver<Option<VarInt>>,
) -> (PipeEnd, u64) {
	let mut chunks: [Bytes; CHUNKS] = std::array::from_fn(|_| Bytes::new());
	let mut moved = 0;
	let stopped = send.stopped();
	tokio::pin!(stopped);
	let end = loop {
		let read = tokio::select! {
			biased;
			read = recv.read_chunks(&mut chunks) => read,
			stop = &mut stopped => break match stop {
				Ok(Some(code)) => Stop::ByReceiver(code),
				_ => Stop::ReceiverLost,
			},
			code = asked(&mut cancelled) => break Stop::Cancelled(code),
		};
		let n = match read {
			Ok(Some(n)) => n,
			Ok(None) => {
				// What is sent and FIN are QUIC's to deliver from here on; waiting for the peer's delayed acknowledgement
				// would only keep the stream on our books.
				break match send.finish() {
					Ok(()) => Stop::Finished,
					Err(_) => match stopped.await {
						Ok(Some(code)) => Stop::ByReceiver(code),
						_ => Stop::ReceiverLost,
					},
				};
			}
			Err(ReadError::Reset(code)) => break Stop::BySender(code),
			Err(_) => break Stop::SenderLost,
		};
		let mut at = 0;
		let mut resettable = true;
		let stop = loop {
			if at == n {
				break None;
			}
			tokio::select! {
				biased;
				wrote = send.write_chunks(&mut chunks[at..n]) => match wrote {
					Ok(written) => {
						at += written.chunks;
						moved += written.bytes as u64;
					}
					Err(WriteError::Stopped(code)) => break Some(Stop::ByReceiver(code)),
					// Asked to write on a lost connection, quinn does not say that the receiver stopped the stream before.
					Err(_) => break Some(match stopped.as_mut().await {
						Ok(Some(code)) => Stop::ByReceiver(code),
						_ => Stop::ReceiverLost,
					}),
				},
				reset = recv.received_reset(), if resettable => match reset {
					Ok(Some(code)) => break Some(Stop::BySender(code)),
					Ok(None) => resettable = false, // all of it has arrived: only room is missing
					Err(_) => break Some(Stop::SenderLost),
				},
				code = asked(&mut cancelled) => break Some(Stop::Cancelled(code)),
				() = from.gives_way(to) => break Some(Stop::Cancelled(lost_code)),
			}
		};
		if let Some(stop) = stop {
			break stop;
		}
		tokio::task::consume_budget().await;
	};
	let end = match end {
		Stop::Finished => PipeEnd::Finished,
		Stop::BySender(code) => {
			let _ = send.reset(code);
			PipeEnd::Reset
		}
		Stop::ByReceiver(code) => {
			let _ = recv.stop(code);
			PipeEnd::Reset
		}
		Stop::SenderLost => {
			let _ = send.reset(lost_code);
			PipeEnd::Lost
		}
		Stop::ReceiverLost => {
			let _ = recv.stop(lost_code);
			PipeEnd::Lost
		}
		Stop::Cancelled(code) => {
			let _ = send.reset(code);
			let _ = recv.stop(code);
			PipeEnd::Reset
		}
	};
	(end, moved)
}

enum Stop {
	Finished,
	BySender(VarInt),
	ByReceiver(VarInt),
	SenderLost,
	ReceiverLost,
	Cancelled(VarInt),
}

async fn asked(cancelled: &mut watch::Receiver<Option<VarInt>>) -> VarInt {
	let code = cancelled.wait_for(Option::is_some).await.ok().and_then(|code| *code);
	match code {
		Some(code) => code,
		None => std::future::pending().await,
	}
}

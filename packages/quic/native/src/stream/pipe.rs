//! Splices two streams in both directions without JS: FIN, reset, stop and backpressure pass through.

use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn::VarInt;
use tokio::sync::{futures::Notified, Notify};

use crate::events::{record, u64_halves, Class};

use super::direction::{Direction, PipeEnd};
use super::parked::Parked;
use super::stream::Stream;

/// Runs until both directions are over, then tells JS with one `PIPE_END` for both handles. Once both legs are open, `PIPE_OPEN` tells that.
/// `priority`: of what goes back on `a`.
pub async fn pipe(a: Arc<Stream>, b: Arc<Stream>, lost_code: VarInt, priority: i32) {
	// Boxed: it needs more memory than what follows, which lasts as long as the pipe.
	let (end, forward, backward) = match Box::pin(begin(&a, &b, lost_code, priority)).await {
		Some(moving) => splice(&a, &b, moving).await,
		None => (PipeEnd::Lost, 0, 0),
	};
	let counts = [u64_halves(forward), u64_halves(backward)].concat();
	a.line.outlet.event(Class::Control, record::PIPE_END, a.handle, &[&(end as u32).to_ne_bytes(), &counts]);
}

/// Waits until both legs are open. `None`: that will never happen, and what there is of them is refused.
async fn begin<'a>(a: &'a Arc<Stream>, b: &'a Arc<Stream>, lost_code: VarInt, priority: i32) -> Option<Box<Moving<'a>>> {
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
			return None;
		}
	};
	a.line.outlet.event(Class::Control, record::PIPE_OPEN, a.handle, &[]);
	if priority != 0 {
		let _ = near_send.set_priority(priority);
	}
	let forward = Direction::new((near_recv, &a.line), (far_send, &b.line));
	let backward = Direction::new((far_recv, &b.line), (near_send, &a.line));
	let cancelled = a.cancelled().or(b.cancelled());
	Some(Box::new(Moving { directions: [Some(forward), Some(backward)], ends: [(PipeEnd::Finished, 0); 2], cancelled, lost_code }))
}

/// Moves bytes both ways until both directions are over.
async fn splice(a: &Stream, b: &Stream, mut moving: Box<Moving<'_>>) -> (PipeEnd, u64, u64) {
	let notifies = [&a.outgoing_wake, &a.incoming_wake, &b.outgoing_wake, &b.incoming_wake];
	let mut wakes = [
		pin!(a.outgoing_wake.notified()),
		pin!(a.incoming_wake.notified()),
		pin!(b.outgoing_wake.notified()),
		pin!(b.incoming_wake.notified()),
	];
	let is_whole = poll_fn(|cx| {
		if !a.line.turns.take(cx) {
			return Poll::Pending;
		}
		if is_woken(notifies, &mut wakes, cx) {
			moving.cancelled = moving.cancelled.or_else(|| a.cancelled()).or_else(|| b.cancelled());
		}
		// Whoever finds that a connection is broken wakes its streams.
		match a.line.is_broken() || b.line.is_broken() {
			true => Poll::Ready(false),
			false => moving.advance(cx).map(|()| true),
		}
	})
	.await;
	if !is_whole {
		std::mem::forget(moving); // its halves must not be touched; the other leg ends with its connection, or JS ends it
		return (PipeEnd::Lost, 0, 0);
	}
	let [(end, forward), (other_end, backward)] = moving.ends;
	(end.max(other_end), forward, backward)
}

/// What a pipe holds while it lasts.
struct Moving<'a> {
	/// `None` once it is over.
	directions: [Option<Direction<'a>>; 2],
	/// How each has ended, and how many bytes it has moved.
	ends: [(PipeEnd, u64); 2],
	/// JS gave one of the legs up.
	cancelled: Option<VarInt>,
	lost_code: VarInt,
}

impl Moving<'_> {
	/// Resolves when both directions are over.
	fn advance(&mut self, cx: &mut Context) -> Poll<()> {
		for (direction, end) in self.directions.iter_mut().zip(&mut self.ends) {
			let Some(moving) = direction else { continue };
			if let Poll::Ready(stop) = moving.advance(self.cancelled, cx) {
				*end = moving.end(stop, self.lost_code);
				*direction = None;
			}
		}
		match self.directions {
			[None, None] => Poll::Ready(()),
			_ => Poll::Pending,
		}
	}
}

/// Whether JS has told one of the legs something, or its connection is broken. When that happens, the pipe is polled again.
fn is_woken<'a>(notifies: [&'a Notify; 4], wakes: &mut [Pin<&mut Notified<'a>>; 4], cx: &mut Context) -> bool {
	let mut woken = false;
	for (notify, wake) in notifies.into_iter().zip(wakes) {
		while wake.as_mut().poll(cx).is_ready() {
			wake.set(notify.notified());
			woken = true;
		}
	}
	woken
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

#[cfg(test)]
mod tests {
	use super::*;

	fn bytes_of<A, B, C, D, F>(_task: fn(A, B, C, D) -> F) -> usize {
		size_of::<F>()
	}

	#[test]
	fn what_an_idle_pipe_holds_is_small() {
		assert!(bytes_of(pipe) <= 512, "{}", bytes_of(pipe));
		assert!(size_of::<Moving>() <= 416, "{}", size_of::<Moving>());
	}
}

//! Commands of the JS thread to tasks of the I/O thread, counted until they are carried out.
//!
//! A reset, a stop, a FIN and what the JS thread does not send itself go to QUIC through the task of a stream. What JS does next
//! on the connection may be faster. Whoever needs the order waits until all commands that were given before are carried out.
//!
//! What the JS thread does send itself stands in a list until its tick ends.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{Mutex, Notify};

use crate::lock::lock;

use super::turns::Turns;

/// Streams with a little to send when the present tick of the JS thread ends.
pub struct Due<S> {
	list: std::sync::Mutex<Vec<Arc<S>>>,
}

impl<S> Default for Due<S> {
	fn default() -> Self {
		Self { list: std::sync::Mutex::default() }
	}
}

impl<S> Due<S> {
	pub fn add(&self, stream: Arc<S>) {
		lock(&self.list).push(stream);
	}

	/// Empties the list.
	pub fn take(&self) -> Vec<Arc<S>> {
		std::mem::take(&mut *lock(&self.list))
	}
}

/// The commands of one connection. They are counted in two turns: those of the last one end while new ones come.
#[derive(Default)]
pub struct Commands {
	/// 0 or 1.
	turn: AtomicU8,
	open: [AtomicUsize; 2],
	none_open: Notify,
	/// Held by whoever waits for a turn to end, so that the other turn has ended before.
	waiting: Mutex<()>,
}

impl Commands {
	/// Resolves when all commands that were given before are carried out.
	pub async fn carried_out(&self) {
		let _waiting = self.waiting.lock().await;
		let turn = self.turn.fetch_xor(1, Ordering::SeqCst);
		loop {
			let mut none_open = pin!(self.none_open.notified());
			none_open.as_mut().enable();
			if self.open[usize::from(turn)].load(Ordering::SeqCst) == 0 {
				return;
			}
			none_open.await;
		}
	}

	/// Counts one command. Returns its turn.
	fn begin(&self) -> u8 {
		let turn = self.turn.load(Ordering::SeqCst);
		self.open[usize::from(turn)].fetch_add(1, Ordering::SeqCst);
		turn
	}

	fn end(&self, turn: u8) {
		if self.open[usize::from(turn)].fetch_sub(1, Ordering::SeqCst) == 1 {
			self.none_open.notify_waiters();
		}
	}
}

/// No task is there. What is asked now, nobody carries out.
const NO_TASK: u8 = 0;
const IDLE: u8 = 1;
/// There is a command, of turn 0 or of the next number's turn 1.
const COMMANDED: u8 = 2;

/// What one task is told to do. Commands that it has not begun with count as one.
pub struct Orders(AtomicU8);

impl Default for Orders {
	fn default() -> Self {
		Self(AtomicU8::new(NO_TASK))
	}
}

impl Orders {
	/// There will be a task, and to begin is its first command.
	pub fn open(&self, commands: &Commands) {
		let turn = commands.begin();
		if self.0.compare_exchange(NO_TASK, COMMANDED + turn, Ordering::SeqCst, Ordering::SeqCst).is_err() {
			commands.end(turn); // it was opened before
		}
	}

	/// A command, for a task that can see it already and is woken next.
	pub fn give(&self, commands: &Commands) {
		if self.0.load(Ordering::SeqCst) != IDLE {
			return;
		}
		let turn = commands.begin();
		if self.0.compare_exchange(IDLE, COMMANDED + turn, Ordering::SeqCst, Ordering::SeqCst).is_err() {
			commands.end(turn); // another thread gave one, or the task has ended
		}
	}

	/// What was given before is carried out by the poll that follows; then call `done`.
	fn take(&self) -> Option<u8> {
		self.given().then(|| self.0.swap(IDLE, Ordering::SeqCst) - COMMANDED)
	}

	fn given(&self) -> bool {
		self.0.load(Ordering::SeqCst) >= COMMANDED
	}

	/// Runs the task. A poll carries out what was commanded before it, or finds that the peer has no room for it. A wake-up that
	/// comes during a poll may be used up by that poll, so what was commanded meanwhile gets a poll at once.
	/// `turns`: it waits for its turn there.
	pub async fn serve<T>(&self, commands: &Commands, turns: Option<&Arc<Turns>>, task: impl Future<Output = T>) -> T {
		let mut task = pin!(task);
		let end = poll_fn(|cx| {
			if turns.is_some_and(|turns| !turns.take(cx)) {
				return Poll::Pending;
			}
			loop {
				let commanded = self.take();
				let polled = task.as_mut().poll(cx);
				if let Some(turn) = commanded {
					commands.end(turn);
				}
				if polled.is_ready() || !self.given() {
					return polled;
				}
			}
		})
		.await;
		self.close(commands);
		end
	}

	/// Runs what has to end before the task can begin. While that has to wait for the peer, all commands count as carried out.
	pub async fn postpone<T>(&self, commands: &Commands, before: impl Future<Output = T>) -> T {
		let mut before = pin!(before);
		poll_fn(|cx| {
			let polled = before.as_mut().poll(cx);
			if polled.is_pending() {
				if let Some(turn) = self.take() {
					commands.end(turn);
				}
			}
			polled
		})
		.await
	}

	/// There is no task any more.
	pub fn close(&self, commands: &Commands) {
		let was = self.0.swap(NO_TASK, Ordering::SeqCst);
		if was >= COMMANDED {
			commands.end(was - COMMANDED);
		}
	}
}

#[cfg(test)]
mod tests {
	use std::task::{Context, Poll, Waker};

	use super::*;

	/// Polls a future of any kind once.
	fn is_ready<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
		future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
	}

	#[test]
	fn what_was_commanded_before_is_waited_for_and_what_came_later_is_not() {
		let commands = Commands::default();
		let [first, second] = [Orders::default(), Orders::default()];
		for orders in [&first, &second] {
			orders.open(&commands);
			let _ = orders.take().map(|turn| commands.end(turn));
		}
		assert!(is_ready(pin!(commands.carried_out())));
		first.give(&commands);
		first.give(&commands);
		let mut before = pin!(commands.carried_out());
		assert!(!is_ready(before.as_mut()));
		second.give(&commands);
		let mut after = pin!(commands.carried_out());
		assert!(!is_ready(after.as_mut()));
		let turn = first.take().unwrap();
		assert!(!is_ready(before.as_mut()), "it is taken, and not carried out yet");
		commands.end(turn);
		assert!(is_ready(before.as_mut()));
	}

	#[test]
	fn who_waits_second_waits_for_both_turns() {
		let commands = Commands::default();
		let [first, second] = [Orders::default(), Orders::default()];
		first.open(&commands);
		{
			let mut before = pin!(commands.carried_out());
			assert!(!is_ready(before.as_mut()));
			second.open(&commands);
			let mut after = Box::pin(commands.carried_out());
			assert!(!is_ready(after.as_mut()));
			second.close(&commands);
			assert!(!is_ready(after.as_mut()), "the first command is still open");
			first.close(&commands);
			assert!(is_ready(before.as_mut()));
		}
		assert!(is_ready(pin!(commands.carried_out())));
	}

	#[test]
	fn a_task_carries_out_what_it_saw_and_its_end_everything() {
		let commands = Commands::default();
		let orders = Orders::default();
		orders.give(&commands);
		assert!(is_ready(pin!(commands.carried_out())), "without a task nothing is a command");
		orders.open(&commands);
		let mut begun = false;
		let mut task = Box::pin(orders.serve(
			&commands,
			None,
			poll_fn(|_| match std::mem::replace(&mut begun, true) {
				false => Poll::Pending,
				true => Poll::Ready(()),
			}),
		));
		assert!(!is_ready(pin!(commands.carried_out())), "to begin is a command");
		assert!(!is_ready(task.as_mut()));
		assert!(is_ready(pin!(commands.carried_out())));
		orders.give(&commands);
		assert!(!is_ready(pin!(commands.carried_out())));
		assert!(is_ready(task.as_mut()));
		assert!(is_ready(pin!(commands.carried_out())));
		orders.give(&commands);
		assert!(is_ready(pin!(commands.carried_out())));
	}

	#[test]
	fn what_is_commanded_during_a_poll_gets_a_poll_though_nobody_is_woken_any_more() {
		let commands = Commands::default();
		let orders = Orders::default();
		orders.open(&commands);
		let mut polls = 0;
		let mut task = Box::pin(orders.serve(
			&commands,
			None,
			poll_fn(|_| {
				polls += 1;
				if polls == 1 {
					orders.give(&commands);
					assert!(!is_ready(pin!(commands.carried_out())));
				}
				Poll::<()>::Pending
			}),
		));
		assert!(!is_ready(task.as_mut()));
		assert!(is_ready(pin!(commands.carried_out())));
		drop(task);
		assert_eq!(polls, 2);
	}

	#[test]
	fn a_stream_that_waits_for_its_peer_to_be_opened_holds_nobody_up() {
		let commands = Commands::default();
		let orders = Orders::default();
		orders.open(&commands);
		let mut opening = Box::pin(orders.postpone(&commands, std::future::pending::<()>()));
		assert!(!is_ready(pin!(commands.carried_out())));
		assert!(!is_ready(opening.as_mut()));
		assert!(is_ready(pin!(commands.carried_out())));
		orders.close(&commands);
		orders.open(&commands);
		assert!(is_ready(Box::pin(orders.postpone(&commands, async {})).as_mut()));
		assert!(!is_ready(pin!(commands.carried_out())), "it is open, and its task has not begun");
		assert!(is_ready(Box::pin(orders.serve(&commands, None, async {})).as_mut()));
		assert!(is_ready(pin!(commands.carried_out())));
	}
}

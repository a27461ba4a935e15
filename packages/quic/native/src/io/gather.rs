//! Who wakes the JS thread for bulk: not whoever brings a part of it, but a task that looks whether more comes.
//!
//! A wake-up costs both threads some system calls, and the JS thread is done with what it is woken for before the next packets are read. So
//! it would be woken for each of them.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::events::Queue;

use super::turns::after_all_others;

/// From a packet in the socket to its data in the queue: the drivers of endpoint and connection, and the stream's task.
const STEPS: usize = 3;

/// Wakes the JS thread when nothing more has come for it to the sockets.
pub fn wake_when_all_has_come(queue: &Arc<Queue>) {
	match Handle::try_current() {
		Ok(io) => drop(io.spawn(wait(queue.clone()))),
		Err(_) => queue.wake_for_gathered(), // the JS thread reads itself
	}
}

async fn wait(queue: Arc<Queue>) {
	let mut seen = None;
	loop {
		let gathered = queue.gathered();
		if gathered.is_none() {
			return;
		}
		if gathered == seen {
			return queue.wake_for_gathered();
		}
		seen = gathered;
		tokio::task::yield_now().await; // the thread looks at its sockets
		for _ in 0..STEPS {
			after_all_others().await;
		}
	}
}

#[cfg(test)]
mod tests {
	use bytes::Bytes;

	use crate::events::{Class, Outlet};

	use super::*;

	const FRAME: usize = 64 * 1024;

	fn gather(outlet: &Outlet, frames: usize) {
		for _ in 0..frames {
			let gathers = outlet.gather(Class::Data, |batch| {
				batch.large(0, 1, vec![Bytes::from(vec![0; FRAME])], FRAME);
				FRAME
			});
			if gathers {
				wake_when_all_has_come(&outlet.queue);
			}
		}
	}

	#[test]
	fn js_is_woken_once_the_tasks_bring_nothing_more_and_not_before() {
		let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
		runtime.block_on(async {
			let outlet = Outlet::new(Arc::new(Queue::unwoken()));
			let bringing = outlet.queue.clone();
			tokio::spawn(async move {
				gather(&outlet, 1);
				for _ in 0..2 {
					for _ in 0..STEPS {
						after_all_others().await;
					}
					assert!(outlet.queue.gathered().is_some(), "more comes");
					gather(&outlet, 1);
				}
				assert_eq!(outlet.queue.gathered(), Some(3 * FRAME));
				outlet
			})
			.await
			.unwrap();
			for _ in 0..3 {
				tokio::task::yield_now().await;
				for _ in 0..=STEPS {
					after_all_others().await;
				}
			}
			assert_eq!(bringing.gathered(), None, "nothing more comes");
		});
	}

	#[test]
	fn where_there_is_no_task_to_wait_js_is_woken_at_once() {
		let outlet = Outlet::new(Arc::new(Queue::unwoken()));
		gather(&outlet, 1);
		assert_eq!(outlet.queue.gathered(), None);
	}
}

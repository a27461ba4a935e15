//! A gate for wake-ups, between quinn and a task of the I/O thread.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use crate::lock::lock;

/// Passes wake-ups on to the I/O thread, or holds them back while the JS thread is about to do the work itself.
#[derive(Default)]
pub struct Gate {
	state: AtomicU8,
	task: Mutex<Option<Waker>>,
}

const OPEN: u8 = 0;
const HELD: u8 = 1;
const HELD_AND_WOKEN: u8 = 2;

impl Wake for Gate {
	fn wake(self: Arc<Self>) {
		self.wake_by_ref();
	}

	fn wake_by_ref(self: &Arc<Self>) {
		let held = self.state.compare_exchange(HELD, HELD_AND_WOKEN, Ordering::AcqRel, Ordering::Acquire);
		if matches!(held, Err(OPEN)) {
			self.pass_on();
		}
	}
}

impl Gate {
	/// Sets the task that is woken.
	pub fn set_task(&self, waker: &Waker) {
		let mut task = lock(&self.task);
		if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
			*task = Some(waker.clone());
		}
	}

	/// Keeps wake-ups from here on. Only whoever runs the task may close its gate, so nobody closes it twice.
	pub fn hold(&self) -> Held<'_> {
		self.state.store(HELD, Ordering::Release);
		Held(self)
	}

	/// Takes back the wake-ups kept so far, because the caller does their work now. Returns whether there were any.
	pub fn woken(&self) -> bool {
		self.state.swap(HELD, Ordering::AcqRel) == HELD_AND_WOKEN
	}

	pub fn pass_on(&self) {
		if let Some(task) = lock(&self.task).as_ref() {
			task.wake_by_ref();
		}
	}
}

/// Opens the gate when it is dropped, also by a panic. Passes on a wake-up that was kept and not taken back.
pub struct Held<'a>(&'a Gate);

impl Held<'_> {
	/// Whether there are wake-ups that were not taken back.
	pub fn is_woken(&self) -> bool {
		self.0.state.load(Ordering::Acquire) == HELD_AND_WOKEN
	}
}

impl Drop for Held<'_> {
	fn drop(&mut self) {
		if self.0.state.swap(OPEN, Ordering::AcqRel) == HELD_AND_WOKEN {
			self.0.pass_on();
		}
	}
}

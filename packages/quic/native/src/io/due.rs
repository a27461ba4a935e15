//! What is to be sent when the present tick of the JS thread ends.

use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// Streams with a little to send.
pub struct Due<S> {
	list: Mutex<Vec<Arc<S>>>,
}

impl<S> Default for Due<S> {
	fn default() -> Self {
		Self { list: Mutex::default() }
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

//! How a task of the I/O thread lets others go first.

/// Lets the tasks run that have something to do already, and those that they wake. It rests on tokio running tasks in the order in
/// which they were woken, so use it where being early does no harm.
pub async fn others_first() {
	for _ in 0..4 {
		tokio::task::yield_now().await;
	}
}

//! How long a thread has worked.

use std::time::Duration;

/// The time of a core that this thread has used. `None`: the system does not tell.
pub fn worked() -> Option<Duration> {
	#[cfg(unix)]
	{
		let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
		// SAFETY: the call writes one `timespec`, which is ours, and keeps no pointer to it.
		let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
		(outcome == 0).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
	}
	#[cfg(not(unix))]
	None
}

#[cfg(all(test, unix))]
mod tests {
	use super::*;

	#[test]
	fn it_goes_on_while_the_thread_works() {
		let from = worked().unwrap();
		while worked().unwrap() <= from {}
	}
}

//! Memory that is free and still belongs to the process.
//!
//! glibc keeps what was freed for later, in one heap for each thread. After a flood that is most of what the process had. Its
//! `malloc_trim` gives whole pages back to the system, also from the middle of the heaps. Other systems have nothing like it that could be
//! called: musl, macOS and Windows give large blocks back by themselves.

/// Gives memory that is free back to the system. Returns whether there was any; `None`: this system offers no way.
///
/// It may take milliseconds, and other threads wait meanwhile if they need memory of a heap that is being looked at.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn release() -> Option<bool> {
	// SAFETY: it may be called at any time by any thread.
	Some(unsafe { libc::malloc_trim(0) } == 1)
}

/// See above.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn release() -> Option<bool> {
	None
}

//! The part of the Node-API surface that is about the addon itself.

use napi::bindgen_prelude::{BufferSlice, Function};
use napi_derive::napi;

use crate::error::{self, error, Result};
use crate::stream::Port;
use crate::system::{memory, uv};

use super::environment;

/// Changes with every incompatible change of the surface in this folder. The loader refuses any other.
const ABI_VERSION: u32 = 6;

#[napi(catch_unwind)]
pub fn abi_version() -> u32 {
	ABI_VERSION
}

/// Starts the I/O thread of this JS thread. `wake` is called when `poll` has something. `watch`: the runtime is Node
/// with libuv 1, whose event loop may watch sockets (`system/uv.rs`).
#[napi(catch_unwind)]
pub fn init(env: napi::Env, wake: Function<(), ()>, watch: bool) -> Result<()> {
	let waker = wake
		.build_threadsafe_function::<()>()
		.build()
		.map_err(|e| error(error::THREAD_FAILED, format!("Cannot make a wake-up function: {e}")))?;
	environment::start(&env, waker, watch)
}

/// Whether this addon keeps the process alive.
#[napi(catch_unwind)]
pub fn set_referenced(env: napi::Env, on: bool) -> Result<()> {
	environment::with(|environment| {
		environment.queue.set_referenced(&env, on);
		Ok(())
	})
}

/// Fills `buffer` from `offset` with about `most` records; see `events/queue.rs`.
#[napi(catch_unwind)]
pub fn poll(mut buffer: BufferSlice, offset: u32, most: u32) -> Result<u32> {
	uv::awake::<Port>();
	environment::with(|environment| Ok(environment.queue.poll(&mut buffer, offset as usize, most as usize)))
}

/// Fills `buffer` with the bytes of the oldest `LARGE` record that were not taken yet.
#[napi(catch_unwind)]
pub fn take(mut buffer: BufferSlice) -> Result<()> {
	environment::with(|environment| {
		environment.queue.take(&mut buffer);
		Ok(())
	})
}

/// Sends the little that was written in this tick. JS calls it in a microtask after the first such write.
#[napi(catch_unwind)]
pub fn flush() -> Result<()> {
	environment::with(|environment| {
		environment.flush();
		Ok(())
	})
}

/// Tells the peers of all endpoints that this environment ends. It takes some milliseconds at most, in this thread.
#[napi(catch_unwind)]
pub fn leave() -> Result<()> {
	environment::leave()
}

/// Gives memory that is free back to the system, in a thread of its own. Where the system offers no way, nothing happens.
#[napi(catch_unwind)]
pub fn release_memory() -> Result<()> {
	environment::with(|environment| {
		environment.io.spawn_blocking(memory::release);
		Ok(())
	})
}

/// Forgets a handle whose last record has been seen.
#[napi(catch_unwind)]
pub fn release(handle: u32) -> Result<()> {
	environment::with(|environment| {
		if let Ok(endpoint) = environment.endpoint(handle) {
			endpoint.port.release();
		}
		environment.table.remove(handle);
		Ok(())
	})
}

//! Calling JavaScript from a callback of the event loop itself, as Node calls its own listeners. A `ThreadsafeFunction` does it from any thread,
//! by way of an event that the loop finds in its next round: on this thread that is a detour of four system calls.

use std::cell::Cell;
use std::ptr;

use napi::sys;

/// A function of this thread's environment. It lives as long as that does.
#[derive(Clone, Copy)]
struct Callback {
	env: sys::napi_env,
	function: sys::napi_ref,
}

thread_local! {
	static CALLBACK: Cell<Option<Callback>> = const { Cell::new(None) };
}

/// JS thread: from now on `call` calls this function.
pub fn set<'a>(env: &napi::Env, function: &impl napi::JsValue<'a>) {
	let mut kept = ptr::null_mut();
	// SAFETY: the environment is that of this thread and runs now; `function` is a value of it.
	let status = unsafe { sys::napi_create_reference(env.raw(), function.raw(), 1, &mut kept) };
	if status == sys::Status::napi_ok {
		CALLBACK.set(Some(Callback { env: env.raw(), function: kept }));
	}
}

/// JS thread: the environment is going away. Node frees the reference.
pub fn forget() {
	CALLBACK.set(None);
}

/// JS thread, in a callback of the event loop, where no JavaScript runs: calls the function, and then what it has left for the end of the tick.
/// What it throws is an uncaught exception. Returns `false` if nothing was called.
pub fn call() -> bool {
	let Some(Callback { env, function }) = CALLBACK.get() else { return false };
	let mut scope = ptr::null_mut();
	// SAFETY: `env` is that of this thread, and `forget` comes before its end. All values live in the scope that is opened here.
	unsafe {
		if sys::napi_open_handle_scope(env, &mut scope) != sys::Status::napi_ok {
			return false;
		}
		let (mut global, mut called, mut result) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
		let found = sys::napi_get_global(env, &mut global) == sys::Status::napi_ok
			&& sys::napi_get_reference_value(env, function, &mut called) == sys::Status::napi_ok
			&& !called.is_null();
		let status = match found {
			true => sys::napi_make_callback(env, ptr::null_mut(), global, called, 0, ptr::null(), &mut result),
			false => sys::Status::napi_generic_failure,
		};
		if status == sys::Status::napi_pending_exception {
			let mut thrown = ptr::null_mut();
			if sys::napi_get_and_clear_last_exception(env, &mut thrown) == sys::Status::napi_ok {
				sys::napi_fatal_exception(env, thrown);
			}
		}
		sys::napi_close_handle_scope(env, scope);
		matches!(status, sys::Status::napi_ok | sys::Status::napi_pending_exception)
	}
}

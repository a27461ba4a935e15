//! Watching an endpoint's socket from the event loop of the JS thread itself. Linux only.
//!
//! Where two programs talk in turns, every message has to wake the receiver's I/O thread and then its JS thread. On an idle
//! machine these wake-ups are most of a round trip. So after the JS thread has sent something itself (`Stream::flush`), it
//! expects an answer: while it waits in its event loop it watches the socket, and the I/O thread does not. It reads the answer
//! in place.
//!
//! When the JS thread is awake, the I/O thread has the socket back; after 15 ms at the latest, where the JS thread woke up for
//! work that is not ours. It has the socket back for good once packets come that nobody expected: bulk traffic, pipes and a busy
//! JS thread are the I/O thread's. Where many send to the socket, it keeps it for a second at least. Of many endpoints only a few are
//! watched at once.
//!
//! libuv is found at run time. Where it is not found, or JS says that this is not Node, nothing is watched and nothing else
//! changes.

#[cfg(not(target_os = "linux"))]
pub use elsewhere::*;
#[cfg(target_os = "linux")]
pub use linux::*;

#[cfg(not(target_os = "linux"))]
mod elsewhere {
	use std::sync::Arc;

	/// What can be watched: nothing here.
	pub trait Watched {}

	pub fn start<W: Watched>(_: &napi::Env) {}
	pub fn stop<W: Watched>() {}
	pub fn watch<W: Watched>(_: &Arc<W>) {}
	pub fn awake<W: Watched>() {}
	pub fn forget<W: Watched>(_: u32) {}
}

#[cfg(target_os = "linux")]
mod linux {
	use std::cell::RefCell;
	use std::collections::HashMap;
	use std::ffi::{c_int, c_uint, c_void};
	use std::net::UdpSocket;
	use std::os::fd::AsRawFd;
	use std::panic::catch_unwind;
	use std::sync::{Arc, Weak};
	use std::thread::LocalKey;
	use std::time::{Duration, Instant};

	use libloading::os::unix::Library;
	use napi::sys::uv_loop_s;

	use crate::system::few::Few;
	use crate::system::socket::Mute;

	#[cfg(test)]
	mod tests;

	/// After this many packets that nobody expected, the socket is left to the I/O thread.
	const UNEXPECTED: u32 = 2;
	/// After this many rounds of the event loop without an answer, it is left to the I/O thread too.
	const ROUNDS: u32 = 64;
	/// So long a socket to which many send stays with the I/O thread, after packets that nobody expected. The JS thread would otherwise
	/// take it back with each message that it sends, and everybody's packets would wait until it is awake.
	const LEFT_ALONE: Duration = Duration::from_secs(1);

	type Handle = *mut c_void;
	type Loop = *mut uv_loop_s;
	type OnPoll = extern "C" fn(Handle, c_int, c_int);
	type OnRound = extern "C" fn(Handle);

	// uv_handle_type and uv_poll_event, stable throughout libuv 1.
	const UV_CHECK: c_int = 2;
	const UV_POLL: c_int = 8;
	const UV_PREPARE: c_int = 9;
	const UV_READABLE: c_int = 1;

	/// The functions of libuv that are used. Their ABI is stable throughout version 1.
	struct Uv {
		handle_size: unsafe extern "C" fn(c_int) -> usize,
		poll_init: unsafe extern "C" fn(Loop, Handle, c_int) -> c_int,
		poll_start: unsafe extern "C" fn(Handle, c_int, OnPoll) -> c_int,
		poll_stop: unsafe extern "C" fn(Handle) -> c_int,
		prepare_init: unsafe extern "C" fn(Loop, Handle) -> c_int,
		prepare_start: unsafe extern "C" fn(Handle, OnRound) -> c_int,
		prepare_stop: unsafe extern "C" fn(Handle) -> c_int,
		check_init: unsafe extern "C" fn(Loop, Handle) -> c_int,
		check_start: unsafe extern "C" fn(Handle, OnRound) -> c_int,
		check_stop: unsafe extern "C" fn(Handle) -> c_int,
		unref: unsafe extern "C" fn(Handle),
		close: unsafe extern "C" fn(Handle, OnRound),
		version: unsafe extern "C" fn() -> c_uint,
	}

	/// What can be watched: an endpoint's socket.
	pub trait Watched: Sized + 'static {
		/// Of the endpoint.
		fn handle(&self) -> u32;
		/// A descriptor of its own, and how to silence the socket for the I/O thread. `None` when the endpoint is closed.
		fn socket(&self) -> Option<(UdpSocket, Mute)>;
		/// There is something to read.
		fn receive_inline(&self);
		/// Whether many send to the socket.
		fn is_crowded(&self) -> bool;
		/// The watches of this thread. They live where the type is known, so that reading needs no dynamic dispatch.
		fn watches() -> &'static LocalKey<RefCell<Option<Watches<Self>>>>;
	}

	/// One endpoint's socket in the event loop.
	struct Entry<W> {
		handle: Handle,
		/// A descriptor of its own; closed after the handle.
		socket: UdpSocket,
		mute: Mute,
		endpoint: Weak<W>,
		active: bool,
		muted: bool,
		unexpected: u32,
		rounds: u32,
		left_alone_until: Option<Instant>,
	}

	/// The sockets that the event loop of one JS thread watches. Only that thread uses it.
	pub struct Watches<W> {
		uv: Uv,
		event_loop: Loop,
		/// They run before and after the loop waits, while anything is active.
		prepare: Handle,
		check: Handle,
		active: Few,
		/// By the endpoint's handle.
		watched: HashMap<u32, Entry<W>>,
	}

	/// Called once in a JS thread, before anything is watched.
	pub fn start<W: Watched>(env: &napi::Env) {
		let (Some(uv), Ok(event_loop)) = (Uv::find(), env.get_uv_event_loop()) else { return };
		let (Some(prepare), Some(check)) = (uv.allocate(UV_PREPARE), uv.allocate(UV_CHECK)) else { return };
		// SAFETY: fresh handles on this thread's own loop; these two cannot fail.
		unsafe {
			(uv.prepare_init)(event_loop, prepare);
			(uv.check_init)(event_loop, check);
			(uv.unref)(prepare);
			(uv.unref)(check);
		}
		W::watches().set(Some(Watches { uv, event_loop, prepare, check, active: Few::default(), watched: HashMap::new() }));
	}

	/// The environment is going away. Its loop ends later; the last rounds of the loop free the handles.
	pub fn stop<W: Watched>() {
		if let Some(mut watches) = W::watches().take() {
			for (endpoint, watched) in std::mem::take(&mut watches.watched) {
				watches.close(endpoint, watched);
			}
			// SAFETY: initialised in `start`, closed once, because the whole is taken out.
			unsafe {
				(watches.uv.close)(watches.prepare, on_closed);
				(watches.uv.close)(watches.check, on_closed);
			}
		}
	}

	/// An answer is expected: from now on the endpoint's socket is watched while the event loop waits.
	pub fn watch<W: Watched>(endpoint: &Arc<W>) {
		with::<W>(|watches| watches.watch(endpoint, Instant::now()));
	}

	/// The JS thread is at work: the I/O thread has the sockets back.
	pub fn awake<W: Watched>() {
		with::<W>(|watches| watches.mute(false));
	}

	/// The endpoint is closed, or its socket is another one now.
	pub fn forget<W: Watched>(endpoint: u32) {
		with::<W>(|watches| {
			if let Some(watched) = watches.watched.remove(&endpoint) {
				watches.close(endpoint, watched);
			}
		});
	}

	fn with<W: Watched>(act: impl FnOnce(&mut Watches<W>)) {
		W::watches().with_borrow_mut(|watches| {
			if let Some(watches) = watches {
				act(watches);
			}
		});
	}

	impl<W: Watched> Watches<W> {
		fn watch(&mut self, endpoint: &Arc<W>, now: Instant) {
			if !self.active.has_room_for(endpoint.handle()) {
				return;
			}
			if !self.watched.contains_key(&endpoint.handle()) {
				match self.open(endpoint) {
					Some(opened) => drop(self.watched.insert(endpoint.handle(), opened)),
					None => return,
				}
			}
			let Some(watched) = self.watched.get_mut(&endpoint.handle()) else { return };
			if watched.left_alone_until.is_some_and(|until| now < until) {
				return;
			}
			watched.left_alone_until = None;
			watched.unexpected = 0;
			watched.rounds = 0;
			// SAFETY: the handle was initialised and is not closed while it is in the map.
			if watched.active || unsafe { (self.uv.poll_start)(watched.handle, UV_READABLE, on_readable::<W>) } != 0 {
				return;
			}
			watched.active = true;
			let is_first = self.active.is_empty();
			self.active.add(endpoint.handle());
			if is_first {
				// SAFETY: initialised in `start`, closed only with the whole.
				unsafe {
					(self.uv.prepare_start)(self.prepare, on_prepare::<W>);
					(self.uv.check_start)(self.check, on_check::<W>);
				}
			}
		}

		fn open(&self, endpoint: &Arc<W>) -> Option<Entry<W>> {
			let (socket, mute) = endpoint.socket()?;
			let handle = self.uv.allocate(UV_POLL)?;
			// SAFETY: a fresh handle on this thread's own loop; if it is not initialised, nobody else knows it.
			unsafe {
				if (self.uv.poll_init)(self.event_loop, handle, socket.as_raw_fd()) != 0 {
					libc::free(handle);
					return None;
				}
				(self.uv.unref)(handle);
			}
			let endpoint = Arc::downgrade(endpoint);
			Some(Entry { handle, socket, mute, endpoint, active: false, muted: false, unexpected: 0, rounds: 0, left_alone_until: None })
		}

		/// The loop is about to wait, or has waited.
		fn mute(&mut self, on: bool) {
			for endpoint in self.active.iter() {
				if let Some(watched) = self.watched.get_mut(&endpoint).filter(|watched| watched.muted != on) {
					watched.muted = on;
					watched.mute.set(on);
				}
			}
		}

		fn rest(&mut self, endpoint: u32) {
			let Some(watched) = self.watched.get_mut(&endpoint) else { return };
			if !std::mem::replace(&mut watched.active, false) {
				return;
			}
			if std::mem::replace(&mut watched.muted, false) {
				watched.mute.set(false);
			}
			self.active.remove(endpoint);
			// SAFETY: as in `watch`.
			unsafe {
				(self.uv.poll_stop)(watched.handle);
				if self.active.is_empty() {
					(self.uv.prepare_stop)(self.prepare);
					(self.uv.check_stop)(self.check);
				}
			}
		}

		fn close(&mut self, endpoint: u32, watched: Entry<W>) {
			if watched.active {
				self.active.remove(endpoint);
				if self.active.is_empty() {
					// SAFETY: as in `watch`.
					unsafe {
						(self.uv.prepare_stop)(self.prepare);
						(self.uv.check_stop)(self.check);
					}
				}
			}
			if watched.muted {
				watched.mute.set(false);
			}
			// SAFETY: initialised, taken out of the map, so closed once. libuv does not look at the descriptor any more
			// after `uv_close`, so that it may be closed here.
			unsafe { (self.uv.close)(watched.handle, on_closed) };
			drop(watched.socket);
		}
	}

	extern "C" fn on_closed(handle: Handle) {
		// SAFETY: from `allocate`; libuv is done with it.
		unsafe { libc::free(handle) };
	}

	// No panic may leave the functions below, because C frames are under them.

	extern "C" fn on_prepare<W: Watched>(_: Handle) {
		let _ = catch_unwind(|| {
			with::<W>(|watches| {
				let mut tired = None;
				for endpoint in watches.active.iter() {
					let Some(watched) = watches.watched.get_mut(&endpoint) else { continue };
					watched.rounds += 1;
					if watched.rounds > ROUNDS {
						tired = Some(endpoint);
					}
				}
				if let Some(endpoint) = tired {
					watches.rest(endpoint);
				}
				watches.mute(true);
			});
		});
	}

	extern "C" fn on_check<W: Watched>(_: Handle) {
		let _ = catch_unwind(awake::<W>);
	}

	extern "C" fn on_readable<W: Watched>(handle: Handle, status: c_int, _events: c_int) {
		let _ = catch_unwind(|| {
			let mut endpoint = None;
			with::<W>(|watches| {
				// One that rests is not watched, so it is one of the few.
				let found = watches.active.iter().find(|id| watches.watched.get(id).is_some_and(|watched| watched.handle == handle));
				let Some((id, watched)) = found.and_then(|id| watches.watched.get_mut(&id).map(|watched| (id, watched))) else { return };
				watched.unexpected += 1;
				if status == 0 {
					endpoint = watched.endpoint.upgrade();
				}
				if watched.unexpected > UNEXPECTED && endpoint.as_ref().is_some_and(|endpoint| endpoint.is_crowded()) {
					watched.left_alone_until = Some(Instant::now() + LEFT_ALONE);
				}
				if status < 0 || watched.unexpected > UNEXPECTED {
					watches.rest(id);
				}
			});
			if let Some(endpoint) = endpoint {
				endpoint.receive_inline();
			}
		});
	}

	impl Uv {
		fn find() -> Option<Self> {
			let program = Library::this();
			macro_rules! find {
				($name:literal) => {
					// SAFETY: the types are those of libuv 1's headers.
					*unsafe { program.get(concat!($name, "\0").as_bytes()) }.ok()?
				};
			}
			let uv = Self {
				handle_size: find!("uv_handle_size"),
				poll_init: find!("uv_poll_init"),
				poll_start: find!("uv_poll_start"),
				poll_stop: find!("uv_poll_stop"),
				prepare_init: find!("uv_prepare_init"),
				prepare_start: find!("uv_prepare_start"),
				prepare_stop: find!("uv_prepare_stop"),
				check_init: find!("uv_check_init"),
				check_start: find!("uv_check_start"),
				check_stop: find!("uv_check_stop"),
				unref: find!("uv_unref"),
				close: find!("uv_close"),
				version: find!("uv_version"),
			};
			// SAFETY: takes and keeps nothing.
			let major = unsafe { (uv.version)() } >> 16;
			(major == 1).then_some(uv)
		}

		/// Memory for a handle, which `on_closed` frees.
		fn allocate(&self, kind: c_int) -> Option<Handle> {
			// SAFETY: `malloc` returns memory aligned for any type, or null.
			let memory = unsafe { libc::malloc((self.handle_size)(kind)) };
			(!memory.is_null()).then_some(memory)
		}
	}
}

//! The socket of an endpoint as the JS thread uses it: after it has sent something itself, it reads the answer itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::events::Queue;
use crate::lock::lock;
use crate::system::{socket, uv};

use super::driver::Driver;
use super::tap::{Released, Tap};

/// What an answer can be for: a stream.
pub trait Expecting {
	/// JS thread: runs `read_socket`, then takes what that brought.
	fn receive_inline(&self, read_socket: impl FnOnce());
}

/// See the module. `S` is the type of the streams.
pub struct Port<S> {
	/// The endpoint's.
	handle: u32,
	queue: Arc<Queue>,
	/// The tap is quinn's, until the endpoint is closed. The other half tells when it is gone.
	tap: Mutex<(Weak<Tap>, Option<Released>)>,
	/// quinn's driver of the endpoint.
	driver: Option<Arc<Driver>>,
	/// The stream on which the JS thread has just sent something itself.
	expecting: Mutex<Weak<S>>,
	/// JS has closed the endpoint: nothing is expected any more.
	closing: AtomicBool,
}

impl<S: Expecting> Port<S> {
	pub fn new(handle: u32, queue: Arc<Queue>, tap: (&Arc<Tap>, Released), driver: Option<Arc<Driver>>) -> Self {
		Self {
			handle,
			queue,
			tap: Mutex::new((Arc::downgrade(tap.0), Some(tap.1))),
			driver,
			expecting: Mutex::default(),
			closing: AtomicBool::new(false),
		}
	}

	/// `None` when the endpoint is closed.
	pub fn tap(&self) -> Option<Arc<Tap>> {
		lock(&self.tap).0.upgrade()
	}

	pub fn set_tap(&self, tap: &Arc<Tap>, released: Released) {
		*lock(&self.tap) = (Arc::downgrade(tap), Some(released));
	}

	/// quinn's driver of the endpoint.
	pub fn driver(&self) -> Option<&Driver> {
		self.driver.as_deref()
	}

	/// What tells when the tap is gone. Once.
	pub fn take_released(&self) -> Option<Released> {
		lock(&self.tap).1.take()
	}

	/// JS thread: `stream` has just been written to in place, and an answer may come.
	pub fn expect_answer(self: &Arc<Self>, stream: &Arc<S>)
	where
		Self: uv::Watched,
	{
		if self.closing.load(Ordering::Relaxed) {
			return;
		}
		*lock(&self.expecting) = Arc::downgrade(stream);
		uv::watch(self);
	}

	/// JS thread: the socket is another one now.
	pub fn forget_socket(&self)
	where
		Self: uv::Watched,
	{
		uv::forget::<Self>(self.handle);
	}

	/// JS thread: the socket is not watched any more, and never again.
	pub fn release(&self)
	where
		Self: uv::Watched,
	{
		self.closing.store(true, Ordering::Relaxed);
		self.forget_socket();
	}

	// What `uv::Watched` needs.

	#[cfg(target_os = "linux")]
	pub fn handle(&self) -> u32 {
		self.handle
	}

	/// A further descriptor of the socket, and how to silence it.
	#[cfg(target_os = "linux")]
	pub fn socket(&self) -> Option<(std::net::UdpSocket, socket::Mute)> {
		let tap = self.tap()?;
		Some((tap.socket().ok()?, tap.mute.clone()))
	}

	/// Whether many send to the socket.
	#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
	pub fn is_crowded(&self) -> bool {
		self.driver.as_ref().is_some_and(|driver| driver.is_crowded())
	}

	/// JS thread: reads the socket in place. What is not for the expected stream goes its ordinary way.
	#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
	pub fn receive_inline(&self) {
		let (Some(driver), Some(stream)) = (&self.driver, lock(&self.expecting).upgrade()) else { return };
		let _receiving = self.queue.receiving();
		stream.receive_inline(|| {
			socket::eagerly(|| driver.run_inline(|| {}));
		});
	}
}

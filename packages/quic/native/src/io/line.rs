//! A connection as its streams see it: whether it lives, and how the JS thread drives it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::events::Queue;

use super::commands::Commands;
use super::driver::{Driver, DriverEnd};
use super::due::Due;
use super::port::Port;
use super::reports::Reports;

/// The JS thread sends by itself at most this often.
const INLINE_PAUSE_MICROS: u64 = 30;

/// See the module. `S` is the type of its streams.
pub struct Line<S> {
	/// Where its events go.
	pub queue: Arc<Queue>,
	/// Where a stream is noted that has something to send at the end of the tick.
	pub due: Arc<Due<S>>,
	/// Where its packets come in and go out.
	pub port: Arc<Port<S>>,
	/// What JS told the tasks of its streams to do.
	pub commands: Commands,
	/// What those tasks have to tell when it is over.
	pub reports: Arc<Reports>,
	/// Set once the handshake is over.
	established: OnceLock<quinn::Connection>,
	/// quinn's driver of the connection, which the JS thread runs in place of a wake-up.
	driver: OnceLock<Arc<Driver>>,
	/// When the JS thread last ran the driver, in microseconds since `born`.
	last_inline: AtomicU64,
	born: Instant,
}

impl<S> Line<S> {
	pub fn new(queue: Arc<Queue>, due: Arc<Due<S>>, port: Arc<Port<S>>) -> Self {
		Self {
			queue,
			due,
			port,
			commands: Commands::default(),
			reports: Arc::default(),
			established: OnceLock::new(),
			driver: OnceLock::new(),
			last_inline: AtomicU64::new(0),
			born: Instant::now(),
		}
	}

	pub fn set_established(&self, connection: quinn::Connection) {
		let _ = self.established.set(connection);
	}

	pub fn set_driver(&self, driver: Option<Arc<Driver>>) {
		if let Some(driver) = driver {
			let _ = self.driver.set(driver);
		}
	}

	/// `None` before the end of the handshake, and when the connection is broken.
	pub fn established(&self) -> Option<&quinn::Connection> {
		self.established.get().filter(|_| !self.is_broken())
	}

	/// Whether the driver has panicked. Then nothing of the connection may be touched any more, not even to drop it.
	pub fn is_broken(&self) -> bool {
		self.driver.get().is_some_and(|driver| driver.has_panicked())
	}

	/// Whether nothing can come from the peer any more.
	pub fn is_over(&self) -> bool {
		self.established().is_some_and(|connection| connection.close_reason().is_some())
	}

	/// JS thread: runs `write` and sends in place what it wrote, unless this thread has just done that: then there is a series of
	/// small writes, which the I/O thread packs better. Returns `false` if nothing was run.
	pub fn run_paced(&self, write: impl FnOnce()) -> bool {
		let Some(driver) = self.driver.get().filter(|driver| !driver.has_panicked()) else { return false };
		let now = self.born.elapsed().as_micros() as u64;
		if now < self.last_inline.swap(now, Ordering::Relaxed) + INLINE_PAUSE_MICROS {
			return false;
		}
		driver.run_inline(write)
	}

	/// JS thread: runs `act`, then the driver with what came of it. Returns `false` if nothing was run, because there is no driver
	/// or the I/O thread is at work on it.
	pub fn run_inline(&self, act: impl FnOnce()) -> bool {
		self.driver.get().is_some_and(|driver| driver.run_inline(act))
	}

	/// I/O thread: sends what there is to send.
	pub fn drive(&self) {
		if let Some(driver) = self.driver.get() {
			driver.run();
		}
	}

	/// Resolves when the connection is over or will never be.
	pub async fn ended(&self) {
		if let Some(connection) = self.established() {
			tokio::select! {
				biased;
				_ = self.driver_ended() => {}
				_ = connection.closed() => {}
			}
		}
	}

	/// Resolves when the driver has panicked.
	pub async fn broke(&self) {
		if self.driver_ended().await != DriverEnd::Panicked {
			std::future::pending().await
		}
	}

	/// Resolves when nothing drives the connection any more.
	pub async fn driver_ended(&self) -> DriverEnd {
		match self.driver.get() {
			Some(driver) => driver.ended().await,
			None => std::future::pending().await,
		}
	}
}

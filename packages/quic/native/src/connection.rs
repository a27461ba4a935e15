//! One QUIC connection, from the handshake to its last event.

use std::net::SocketAddr;
use std::sync::atomic::{fence, AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn::{ConnectionError, RecvStream, SendStream, VarInt};
use tokio::sync::{watch, Notify};

use crate::driver::{capture, Driver, DriverEnd};
use crate::endpoint::{Endpoint, Undecided};
use crate::environment::Environment;
use crate::head::{read_head, Head};
use crate::lock::lock;
use crate::options::{Heads, Windows};
use crate::queue::{record, u64_halves};
use crate::stream::Stream;
use crate::table::Entry;
use crate::tls::RefusalSlot;

/// In which layer a connection ended, as JS reads it.
#[derive(Clone, Copy)]
enum Layer {
	ClosedLocally = 1,
	ClosedByPeer = 2,
	IdleTimeout = 3,
	HandshakeTimeout = 4,
	StatelessReset = 5,
	VersionMismatch = 6,
	TlsByPeer = 7,
	TlsLocally = 8,
	TransportByPeer = 9,
	TransportLocally = 10,
	DialFailed = 11,
}

/// The JS thread sends by itself at most this often.
const INLINE_PAUSE_MICROS: u64 = 30;

pub struct Connection {
	pub handle: u32,
	pub environment: Arc<Environment>,
	pub endpoint: Arc<Endpoint>,
	/// Set once the handshake is over.
	established: OnceLock<quinn::Connection>,
	/// Its driver, for the JS thread to run in place of a wake-up.
	driver: OnceLock<Arc<Driver>>,
	/// When the JS thread last ran the driver, in microseconds since `born`.
	last_inline: AtomicU64,
	born: Instant,
	/// A close that JS asked for before that.
	cancelled: Notify,
	was_cancelled: AtomicBool,
	heads: Heads,
	windows: Windows,
	/// Held by an accepted connection until JS confirms it.
	undecided: Mutex<Option<Undecided>>,
	undecided_head_bytes: usize,
	confirmed: watch::Sender<bool>,
	/// The code this side closed with.
	close_code: AtomicU64,
	/// With whom the handshake of an accepted connection was.
	accepted_from: Option<SocketAddr>,
}

impl Connection {
	/// A connection that this side dials: nothing to confirm.
	pub fn dialled(handle: u32, environment: Arc<Environment>, endpoint: Arc<Endpoint>, heads: Heads, windows: Windows) -> Self {
		Self {
			handle,
			environment,
			endpoint,
			established: OnceLock::new(),
			driver: OnceLock::new(),
			last_inline: AtomicU64::new(0),
			born: Instant::now(),
			cancelled: Notify::new(),
			was_cancelled: AtomicBool::new(false),
			heads,
			windows,
			undecided: Mutex::new(None),
			undecided_head_bytes: heads.bytes,
			confirmed: watch::Sender::new(true),
			close_code: AtomicU64::new(0),
			accepted_from: None,
		}
	}

	/// A connection that was accepted and whose handshake is over.
	#[allow(clippy::too_many_arguments)]
	pub fn accepted(
		handle: u32,
		environment: Arc<Environment>,
		endpoint: Arc<Endpoint>,
		heads: Heads,
		windows: Windows,
		undecided: Undecided,
		undecided_head_bytes: usize,
		established: quinn::Connection,
		from: SocketAddr,
	) -> Self {
		let mut this = Self::dialled(handle, environment, endpoint, heads, windows);
		let _ = this.established.set(established);
		*lock(&this.undecided) = Some(undecided);
		this.confirmed.send_replace(false);
		this.undecided_head_bytes = undecided_head_bytes;
		this.accepted_from = Some(from);
		this
	}

	/// With whom the handshake was, wherever the peer is now (RFC 9000, 9: nobody moves during a handshake). Only of accepted connections.
	pub fn accepted_from(&self) -> Option<SocketAddr> {
		self.accepted_from
	}

	pub fn established(&self) -> Option<&quinn::Connection> {
		self.established.get().filter(|_| !self.is_broken())
	}

	/// The driver has panicked: nothing of the connection may be touched any more, not even to drop it.
	pub fn is_broken(&self) -> bool {
		self.driver.get().is_some_and(|driver| driver.has_panicked())
	}

	pub fn set_driver(&self, driver: Option<Arc<Driver>>) {
		if let Some(driver) = driver {
			let _ = self.driver.set(driver);
		}
	}

	// Called by JS.

	/// Runs `write` and sends what it wrote on this thread. Not when that has just been done: then there is a stream of
	/// small writes, which the I/O thread packs better. `false`: nothing was run.
	pub fn run_inline(&self, write: impl FnOnce()) -> bool {
		let Some(driver) = self.driver.get().filter(|driver| !driver.has_panicked()) else { return false };
		let now = self.born.elapsed().as_micros() as u64;
		if now < self.last_inline.swap(now, Ordering::Relaxed) + INLINE_PAUSE_MICROS {
			return false;
		}
		driver.run_inline(write)
	}

	/// JS thread: runs `receive`, then this connection's driver with what that brought, unless the I/O thread is at it.
	pub fn drive_inline(&self, receive: impl FnOnce()) {
		if let Some(driver) = self.driver.get() {
			driver.run_inline(receive);
		}
	}

	/// The peer may stay: it gets all its streams and windows, and no longer counts as undecided.
	pub fn confirm(&self) {
		if self.confirmed.send_replace(true) {
			return;
		}
		drop(lock(&self.undecided).take());
		if let Some(connection) = self.established() {
			connection.set_receive_window(self.windows.connection);
			connection.set_max_concurrent_bi_streams(self.windows.bidirectional.into());
			connection.set_max_concurrent_uni_streams(self.windows.unidirectional.into());
		}
	}

	pub fn close(&self, code: VarInt, reason: &[u8]) {
		// Ordered with `dial`, which sets `established` and then looks here: one of the two sees the other.
		self.was_cancelled.swap(true, Ordering::SeqCst);
		fence(Ordering::SeqCst);
		self.close_code.store(code.into_inner(), Ordering::Release);
		match self.established() {
			// Sent on this thread if possible, as the process may not run for a while, or end: a peer that hears of it
			// late hears of it together with the reset that answers its own packets, and quinn believes the reset.
			Some(connection) => {
				if !self.driver.get().is_some_and(|driver| driver.run_inline(|| connection.close(code, reason))) && !self.is_broken() {
					connection.close(code, reason);
				}
			}
			None => self.cancelled.notify_one(),
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

	async fn driver_ended(&self) -> DriverEnd {
		match self.driver.get() {
			Some(driver) => driver.ended().await,
			None => std::future::pending().await,
		}
	}

	/// I/O thread: sends what there is to send.
	pub fn drive(&self) {
		if let Some(driver) = self.driver.get() {
			driver.run();
		}
	}

	// Tasks of the I/O thread.

	/// Dials, then serves until the end. `CONN_CLOSED` is always the last event.
	pub async fn dial(self: Arc<Self>, config: quinn::ClientConfig, to: SocketAddr, name: String, timeout: Duration, refusal: RefusalSlot) {
		let (dialled, driver) = capture(|| self.endpoint.quinn.connect_with(config, to, &name));
		self.set_driver(driver);
		let connecting = match dialled {
			Ok(connecting) => connecting,
			Err(e) => return self.tell_end(Layer::DialFailed, 0, 0, e.to_string().as_bytes()),
		};
		let outcome = tokio::select! {
			biased;
			outcome = connecting => outcome,
			_ = self.driver_ended() => return self.tell_lost_driver(),
			() = tokio::time::sleep(timeout) => return self.tell_end(Layer::HandshakeTimeout, 0, 0, b""),
			() = self.cancelled.notified() => return self.tell_end(Layer::ClosedLocally, 0, 0, b""),
		};
		match outcome {
			Err(e) => self.tell_error(&e, lock(&refusal).map_or(0, |refusal| refusal as u32)),
			Ok(connection) => {
				let _ = self.established.set(connection.clone());
				fence(Ordering::SeqCst);
				if self.was_cancelled.load(Ordering::SeqCst) {
					connection.close(VarInt::from_u32(0), b"");
				}
				self.environment.queue.event(record::CONN_OPEN, self.handle, &[]);
				self.serve(connection).await;
			}
		}
	}

	/// Serves an accepted connection; closes it when JS does not confirm it in time.
	pub async fn serve_accepted(self: Arc<Self>, timeout: Duration, code: VarInt) {
		let Some(connection) = self.established().cloned() else { return };
		self.environment.queue.event(record::CONN_IN, self.handle, &[&self.endpoint.handle.to_ne_bytes()]);
		let mut confirmed = self.confirmed.subscribe();
		let watched = self.clone();
		let ended = connection.clone();
		tokio::spawn(async move {
			tokio::select! {
				decided = tokio::time::timeout(timeout, confirmed.wait_for(|yes| *yes)) => {
					if decided.is_err() {
						watched.close(code, b"");
					}
				}
				_ = ended.closed() => {}
			}
		});
		self.serve(connection).await;
	}

	async fn serve(self: &Arc<Self>, connection: quinn::Connection) {
		let bidirectional = async {
			while let Ok((send, recv)) = connection.accept_bi().await {
				tokio::spawn(self.clone().greet(Some(send), recv));
			}
		};
		let unidirectional = async {
			while let Ok(recv) = connection.accept_uni().await {
				tokio::spawn(self.clone().greet(None, recv));
			}
		};
		let datagrams = async {
			while let Ok(data) = connection.read_datagram().await {
				while !self.environment.queue.admit_datagram(data.len()) {
					self.environment.queue.drained().await; // meanwhile QUIC's own buffer drops the oldest
				}
				self.environment.queue.event(record::DATAGRAM, self.handle, &[&data]);
			}
		};
		let served = tokio::select! {
			biased;
			() = self.broke() => None,
			(error, ..) = async { tokio::join!(connection.closed(), bidirectional, unidirectional, datagrams) } => Some(error),
			_ = self.driver_ended() => connection.close_reason(),
		};
		drop(lock(&self.undecided).take());
		match served {
			Some(error) => self.tell_error(&error, 0),
			None => self.abandon(&connection),
		}
	}

	/// Nothing drives the connection any more, though it is not over: then it is now.
	fn abandon(&self, connection: &quinn::Connection) {
		if self.is_broken() {
			leak(connection);
			self.environment
				.table
				.streams()
				.iter()
				.filter(|stream| std::ptr::eq(&*stream.connection, self))
				.for_each(|stream| stream.wake());
		} else {
			connection.close(VarInt::from_u32(0), b"");
		}
		self.tell_lost_driver();
	}

	fn tell_lost_driver(&self) {
		const INTERNAL_ERROR: u64 = 1; // RFC 9000, 20.1
		self.tell_end(Layer::TransportLocally, INTERNAL_ERROR, 0, b"what drives the connection has failed");
	}

	/// Reads the first frame of an incoming stream, then leaves the stream to JS.
	async fn greet(self: Arc<Self>, send: Option<SendStream>, mut recv: RecvStream) {
		let confirmed = *self.confirmed.borrow();
		let limit = if confirmed { self.heads.bytes } else { self.undecided_head_bytes };
		let refuse = |send: Option<SendStream>, mut recv: RecvStream, code: VarInt| {
			if let Some(mut send) = send {
				let _ = send.reset(code);
			}
			let _ = recv.stop(code);
		};
		match tokio::time::timeout(self.heads.timeout, read_head(&mut recv, limit)).await {
			Err(_) => refuse(send, recv, self.heads.timeout_code),
			Ok(Head::Lost) => {}
			Ok(Head::Invalid) => refuse(send, recv, self.heads.invalid_code),
			Ok(Head::Frame(kind, payload)) => {
				let flags = u32::from(send.is_some());
				let made = self.environment.table.insert(|handle| Entry::Stream(Arc::new(Stream::new(handle, self.clone()))));
				match made.ok().and_then(|handle| self.environment.table.stream(handle)) {
					Some(stream) => {
						stream.park(send, Some(recv));
						self.environment.queue.push(|batch| {
							let parts: [&[u8]; 3] = [&self.handle.to_ne_bytes(), &flags.to_ne_bytes(), &payload];
							batch.record(record::STREAM_IN, kind, stream.handle, &parts);
						});
					}
					None => refuse(send, recv, self.heads.invalid_code),
				}
			}
		}
	}

	/// Opens a stream for JS, waiting for the peer's stream limit if need be.
	pub async fn open(
		self: Arc<Self>,
		bidirectional: bool,
		stream: Arc<Stream>,
		priority: i32,
	) -> Option<(SendStream, Option<RecvStream>)> {
		let connection = self.established()?;
		let opening = async {
			match bidirectional {
				true => connection.open_bi().await.map(|(send, recv)| (send, Some(recv))),
				false => connection.open_uni().await.map(|send| (send, None)),
			}
		};
		let opened = tokio::select! {
			biased;
			_ = stream.cancellation() => None,
			opened = opening => opened.ok(),
		};
		if let Some((send, _)) = &opened {
			if priority != 0 {
				let _ = send.set_priority(priority);
			}
		}
		opened
	}

	pub fn send_datagram(&self, data: &[u8]) -> Result<(), quinn::SendDatagramError> {
		match self.established() {
			None => Err(quinn::SendDatagramError::Disabled),
			Some(connection) => connection.send_datagram(Bytes::copy_from_slice(data)),
		}
	}

	fn tell_error(&self, e: &ConnectionError, refusal: u32) {
		const CRYPTO: u64 = 0x100; // RFC 9001, 4.8: 0x0100-0x01ff carry a TLS alert
		let crypto = |code: u64| (CRYPTO..CRYPTO + 0x100).contains(&code);
		match e {
			ConnectionError::LocallyClosed => self.tell_end(Layer::ClosedLocally, self.close_code.load(Ordering::Acquire), 0, b""),
			ConnectionError::ApplicationClosed(close) => {
				self.tell_end(Layer::ClosedByPeer, close.error_code.into_inner(), 0, &close.reason)
			}
			ConnectionError::TimedOut => self.tell_end(Layer::IdleTimeout, 0, 0, b""),
			ConnectionError::Reset => self.tell_end(Layer::StatelessReset, 0, 0, b""),
			ConnectionError::VersionMismatch => self.tell_end(Layer::VersionMismatch, 0, 0, b""),
			ConnectionError::ConnectionClosed(close) => {
				let code = u64::from(close.error_code);
				match crypto(code) {
					true => self.tell_end(Layer::TlsByPeer, code - CRYPTO, 0, &close.reason),
					false => self.tell_end(Layer::TransportByPeer, code, 0, &close.reason),
				}
			}
			ConnectionError::TransportError(e) => {
				let code = u64::from(e.code);
				match crypto(code) {
					true => self.tell_end(Layer::TlsLocally, code - CRYPTO, refusal, e.reason.as_bytes()),
					false => self.tell_end(Layer::TransportLocally, code, 0, e.reason.as_bytes()),
				}
			}
			ConnectionError::CidsExhausted => self.tell_end(Layer::TransportLocally, 0, 0, b"no connection ids left"),
		}
	}

	fn tell_end(&self, layer: Layer, code: u64, refusal: u32, reason: &[u8]) {
		drop(lock(&self.environment.receiving));
		let reason = &reason[..reason.len().min(1024)];
		let head: [&[u8]; 4] = [&(layer as u32).to_ne_bytes(), &refusal.to_ne_bytes(), &u64_halves(code), reason];
		self.environment.queue.event(record::CONN_CLOSED, self.handle, &head);
	}
}

/// Lets every clone of a broken connection be dropped: the last one would lock, and quinn does not count the first.
pub fn leak(connection: &quinn::Connection) {
	std::mem::forget([connection.clone(), connection.clone()]);
}

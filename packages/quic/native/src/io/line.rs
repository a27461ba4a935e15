//! A connection as its streams see it: whether it lives, and how the JS thread drives it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use quinn::{FrameStats, VarInt};

use crate::events::{record, Class, Outlet, Queue};
use crate::lock::lock;

use super::clog::Clog;
use super::commands::{Commands, Due};
use super::driver::{Driver, DriverEnd, Follower};
use super::flight::Flight;
use super::port::Port;
use super::reports::Reports;
use super::room::{unique, Room};
use super::source::{PacedReader, Source};
use super::turns::{Rounds, Turns};
use super::unsent::Unsent;
use super::window::SendWindow;

/// The JS thread sends by itself at most this often.
const INLINE_PAUSE_MICROS: u64 = 30;

/// quinn's counts are looked at so often, unless somebody watches them. A look takes a lock and copies all of them, and a driver runs for each packet.
const LOOK_PAUSE_MICROS: u64 = 1_000;

/// Whether a full congestion window has to give way is looked at so often.
const NUDGE_PAUSE_MICROS: u64 = 200_000;

/// So long a peer must have had no credit. It has more soon if somebody only was busy.
const CLOGGED_FOR: Duration = Duration::from_secs(1);

/// See the module. `S` is the type of its streams.
pub struct Line<S> {
	/// Where its events go.
	pub outlet: Outlet,
	/// Where a stream is noted that has something to send at the end of the tick.
	pub due: Arc<Due<S>>,
	/// Where its packets come in and go out.
	pub port: Arc<Port<S>>,
	/// What JS told the tasks of its streams to do.
	pub commands: Commands,
	/// When those tasks may run.
	pub turns: Arc<Turns>,
	/// What those tasks have to tell when it is over.
	pub reports: Arc<Reports>,
	/// Set once the handshake is over.
	established: OnceLock<quinn::Connection>,
	/// quinn's driver of the connection, which the JS thread runs in place of a wake-up.
	driver: OnceLock<Arc<Driver>>,
	/// When the JS thread last ran the driver, in microseconds since `born`.
	last_inline: AtomicU64,
	/// When quinn's counts were last looked at, in microseconds since `born`.
	last_look: AtomicU64,
	/// When the driver has run since then, if it has; else 0.
	unlooked_run: AtomicU64,
	born: Instant,
	send_window: SendWindow,
	/// What the peer has not acknowledged.
	unsent: Unsent,
	/// Bytes of its streams that wait until QUIC takes them.
	queued: AtomicU64,
	/// Bytes of packets that had come when a pipe last began to wait for room elsewhere, while no other one did.
	unread_since: AtomicU64,
	/// Whether the peer has no credit left.
	clog: Clog,
	/// Its name as a sender.
	name: u64,
	/// Set once, if several sources send on it.
	share: OnceLock<Share>,
	/// Frames of the peer that have come.
	heard: AtomicU64,
	/// When the last of them came, in microseconds since `born`.
	last_heard: AtomicU64,
	/// When [`Line::nudge`] last looked, in microseconds since `born`.
	last_nudge: AtomicU64,
}

/// What a connection has on which several sources send.
pub struct Share {
	/// The handle of the connection, for what JS is told.
	pub handle: u32,
	/// Whoever sends from the other end.
	pub source: Arc<Source>,
	/// For those who send to the other end.
	pub room: Arc<Room>,
	/// The part of JS in what is taken from the source. `None`: it may send as fast as it likes.
	taker: Option<Mutex<PacedReader>>,
	/// Tells JS that it is its turn.
	turn: Waker,
}

/// See [`Share::turn`].
struct TurnOfJs<S> {
	handle: u32,
	line: Weak<Line<S>>,
}

impl<S: Send + Sync + 'static> Wake for TurnOfJs<S> {
	fn wake(self: Arc<Self>) {
		if let Some(line) = self.line.upgrade() {
			line.outlet.event(Class::Control, record::CONN_TURN, self.handle, &[]);
		}
	}
}

impl Share {
	/// JS thread, in the context of the I/O thread: whether JS may take bytes now. If not, `CONN_TURN` says when. It may be asked again.
	pub fn may_take(&self, tell: impl FnOnce()) -> bool {
		let Some(taker) = &self.taker else { return true };
		lock(taker).turn(&mut Context::from_waker(&self.turn), tell).is_ready()
	}

	/// JS thread, in the context of the I/O thread: JS has taken so many bytes, or none, in its turn.
	pub fn took(&self, bytes: usize) {
		if let Some(taker) = &self.taker {
			lock(taker).read(bytes);
		}
	}
}

impl<S: Send + Sync + 'static> Line<S> {
	pub fn new(queue: Arc<Queue>, due: Arc<Due<S>>, port: Arc<Port<S>>, rounds: Arc<Rounds>, send_window: SendWindow) -> Self {
		Self {
			outlet: Outlet::new(queue),
			due,
			port,
			commands: Commands::default(),
			turns: Arc::new(Turns::new(rounds)),
			reports: Arc::default(),
			established: OnceLock::new(),
			driver: OnceLock::new(),
			last_inline: AtomicU64::new(0),
			last_look: AtomicU64::new(0),
			unlooked_run: AtomicU64::new(0),
			born: Instant::now(),
			send_window,
			unsent: Unsent::default(),
			queued: AtomicU64::new(0),
			unread_since: AtomicU64::new(0),
			clog: Clog::default(),
			name: unique(),
			share: OnceLock::new(),
			heard: AtomicU64::new(0),
			last_heard: AtomicU64::new(0),
			last_nudge: AtomicU64::new(0),
		}
	}

	pub fn set_established(&self, connection: quinn::Connection) {
		let _ = self.established.set(connection);
	}

	/// From now on those that send on it do so in turn. `source`: who sends from the other end. Only the first call counts.
	pub fn set_share(self: &Arc<Self>, handle: u32, source: Arc<Source>) {
		let taker = PacedReader::new(&source).map(Mutex::new);
		let turn = Waker::from(Arc::new(TurnOfJs { handle, line: Arc::downgrade(self) }));
		let _ = self.share.set(Share { handle, source, room: Arc::default(), taker, turn });
		self.send_window.share();
	}

	/// `None`: whoever sends on it takes what room there is.
	pub fn share(&self) -> Option<&Share> {
		self.share.get()
	}

	/// The name of whoever sends from the other end.
	pub fn source_name(&self) -> u64 {
		self.share.get().map_or(self.name, |share| share.source.name)
	}

	pub fn set_driver(self: &Arc<Self>, driver: Option<Arc<Driver>>) {
		if let Some(driver) = driver {
			let this: Weak<Self> = Arc::downgrade(self);
			driver.set_follower(this);
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

	/// How long ago the last packet of the peer came that was one of this connection for sure. It may be a millisecond too short.
	pub fn silent_for(&self) -> Duration {
		// A packet that came right after a look has been seen by nobody yet.
		let run = self.unlooked_run.swap(0, Ordering::Relaxed);
		if let (true, Some(connection)) = (run != 0, self.established()) {
			self.note_heard(frames(&connection.stats().frame_rx), run);
		}
		self.born.elapsed().saturating_sub(Duration::from_micros(self.last_heard.load(Ordering::Relaxed)))
	}

	/// So many bytes of a stream wait.
	pub fn queue_bytes(&self, bytes: usize) {
		self.queued.fetch_add(bytes as u64, Ordering::Relaxed);
	}

	/// So many bytes wait no more.
	pub fn unqueue_bytes(&self, bytes: usize) {
		self.queued.fetch_sub(bytes as u64, Ordering::Relaxed);
	}

	/// QUIC took so many bytes of a stream.
	pub fn wrote(&self, bytes: usize) {
		self.unsent.wrote(bytes as u64);
	}

	/// What is held for the peer. It may be more than there is, by what came and went within a millisecond.
	pub fn held(&self) -> Held {
		let waiting = self.clog.watched();
		let queued = self.queued.load(Ordering::Relaxed);
		let Some(connection) = self.established().filter(|_| waiting > 0 || !self.unsent.is_nothing()) else {
			return Held { unsent: queued, ..Held::default() };
		};
		self.look_for_unsent(connection);
		let unread = match waiting {
			0 => 0,
			_ => connection.stats().udp_rx.bytes.saturating_sub(self.unread_since.load(Ordering::Relaxed)),
		};
		Held { unsent: queued + self.unsent.bytes(self.send_window.bytes()), unread, waiting, acknowledged: self.unsent.acknowledged() }
	}

	/// Runs `write` while the send window does not count. What is written must be little.
	pub fn beyond_send_window<T>(&self, write: impl FnOnce() -> T) -> T {
		let Some(connection) = self.established() else { return write() };
		connection.set_send_window(u64::MAX);
		let written = write();
		connection.set_send_window(self.send_window.bytes());
		written
	}

	/// JS thread: something is written that is not to wait for a congestion window that nothing opens.
	pub fn nudge(&self) {
		if let Some(connection) = self.established() {
			self.nudge_on(connection);
		}
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

	/// For a pipe that reads from this connection and waits for room in another one: resolves when it must give way. The peer of this one
	/// has had no credit for a while, and no other connection makes more pipes wait. So one that takes less than its peers were told cannot stop
	/// somebody else's control stream.
	pub async fn gives_way(&self, to: &Self) {
		let _watching = self.clog.watch();
		if let Some(connection) = self.established() {
			let run = self.unlooked_run.swap(0, Ordering::Relaxed);
			self.look(connection, if run == 0 { self.born.elapsed().as_micros() as u64 } else { run });
			if self.clog.watched() == 1 {
				self.unread_since.store(connection.stats().udp_rx.bytes, Ordering::Relaxed);
			}
		}
		loop {
			self.clog.begins().await;
			let waiting = self.clog.wait(std::ptr::from_ref(to).addr());
			tokio::time::sleep(CLOGGED_FOR).await;
			if self.clog.holds() && waiting.is_worst() {
				return;
			}
		}
	}

	/// Closes the connection, whatever else waits to be sent on it.
	pub fn close(&self, connection: &quinn::Connection, code: VarInt, reason: &[u8]) {
		connection.close(code, reason);
		Flight::let_close_go(connection);
		// The driver may have found the window full meanwhile, and nothing else may wake it.
		connection.set_send_window(self.send_window.bytes());
	}

	/// I/O thread: sends what there is to send.
	pub fn drive(&self) {
		if let Some(driver) = self.driver.get() {
			driver.run();
		}
	}

	/// I/O thread: sends the close that its endpoint has told it of, whatever else waits to be sent on it.
	pub fn send_close(&self) {
		self.drive(); // hears of it, and heeds no acknowledgement from then on
		if let Some(connection) = self.established() {
			Flight::let_close_go(connection);
			self.drive();
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

	/// Resolves when nothing drives the connection any more.
	pub async fn driver_ended(&self) -> DriverEnd {
		match self.driver.get() {
			Some(driver) => driver.ended().await,
			None => std::future::pending().await,
		}
	}
}

impl<S: Send + Sync> Follower for Line<S> {
	fn had_its_turn(&self) {
		self.turns.renew();
	}

	fn driven(&self) {
		let Some(connection) = self.established.get() else { return };
		let now = self.born.elapsed().as_micros() as u64;
		self.unsent.ran();
		if self.clog.is_watched() || now >= self.last_look.load(Ordering::Relaxed) + LOOK_PAUSE_MICROS {
			self.last_look.store(now, Ordering::Relaxed);
			self.unlooked_run.store(0, Ordering::Relaxed);
			self.look(connection, now);
		} else {
			self.unlooked_run.store(now, Ordering::Relaxed);
		}
	}
}

impl<S> Line<S> {
	/// Notes whether something has come, and whether the peer has credit, and renews the send window.
	fn look(&self, connection: &quinn::Connection, now: u64) {
		let stats = connection.stats();
		if self.note_heard(frames(&stats.frame_rx), now) {
			// While there is more to send than the window has room for, QUIC acknowledges nothing either.
			self.nudge_on(connection);
		}
		self.clog.count(stats.frame_rx.data_blocked, stats.frame_tx.max_data);
		self.look_for_unsent(connection);
		if let Some(window) = self.send_window.renewed(stats.path.cwnd) {
			connection.set_send_window(window);
		}
	}

	/// Lets a full congestion window give way that nothing has opened for a while: see [`super::flight::Counting::nudge`].
	fn nudge_on(&self, connection: &quinn::Connection) {
		let now = self.born.elapsed().as_micros() as u64;
		// A look takes a lock and copies the controller.
		if now < self.last_nudge.load(Ordering::Relaxed) + NUDGE_PAUSE_MICROS {
			return;
		}
		self.last_nudge.store(now, Ordering::Relaxed);
		if Flight::nudge(connection) {
			// Nothing else may wake the driver.
			connection.set_send_window(self.send_window.bytes());
		}
	}

	fn look_for_unsent(&self, connection: &quinn::Connection) {
		if !self.unsent.is_nothing() {
			let before_run = self.unsent.before_run();
			self.unsent.look(before_run, &Flight::of(connection));
		}
	}

	/// Returns whether something has come since the last call.
	fn note_heard(&self, heard: u64, at: u64) -> bool {
		let is_new = heard != self.heard.swap(heard, Ordering::Relaxed);
		if is_new {
			self.last_heard.fetch_max(at, Ordering::Relaxed);
		}
		is_new
	}
}

/// What is held in memory for one peer.
#[derive(Clone, Copy, Default)]
pub struct Held {
	/// Bytes that wait to be sent, and those that QUIC was given and that the peer has not acknowledged.
	pub unsent: u64,
	/// Bytes that have come since pipes from this connection wait for room elsewhere.
	pub unread: u64,
	/// Directions of pipes that wait so. Each leaves at most a stream window unread.
	pub waiting: usize,
	/// Bytes of packets that the peer has acknowledged on its present path.
	pub acknowledged: u64,
}

/// How many frames were received. Unlike datagrams, these have come from the peer for sure, and for the first time.
fn frames(stats: &FrameStats) -> u64 {
	let counts = [
		stats.acks,
		stats.ack_frequency,
		stats.crypto,
		stats.connection_close,
		stats.data_blocked,
		stats.datagram,
		stats.handshake_done.into(),
		stats.immediate_ack,
		stats.max_data,
		stats.max_stream_data,
		stats.max_streams_bidi,
		stats.max_streams_uni,
		stats.new_connection_id,
		stats.new_token,
		stats.path_challenge,
		stats.path_response,
		stats.ping,
		stats.reset_stream,
		stats.retire_connection_id,
		stats.stop_sending,
		stats.stream,
		stats.stream_data_blocked,
		stats.streams_blocked_bidi,
		stats.streams_blocked_uni,
	];
	counts.iter().sum()
}

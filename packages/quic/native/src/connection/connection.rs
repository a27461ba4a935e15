//! One QUIC connection, from the handshake to its last event.

use std::future::{poll_fn, Future};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{fence, AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use quinn::{RecvStream, SendStream, VarInt};
use tokio::sync::Notify;

use crate::endpoint::{Accepted, DialTokens, Endpoint, Heads, Terms, Undecided};
use crate::events::{record, Class};
use crate::io::{capture, leak, others_first, DriverEnd, Due, Knocking, Report, SendWindow};
use crate::lock::lock;
use crate::stream::{Line, Parked, Place, Places, Stream};
use crate::tls::{RefusalSlot, Refused};

use super::appetite::Appetite;
use super::end::{End, Layer};
use super::head::{read_head, Head};

/// Knows all streams by their handles. The bridge implements it.
pub trait Registry: Clone + Send + Sync + 'static {
	/// Makes a stream with a new handle. `None`: there are no more handles.
	fn add_stream(&self, line: &Arc<Line>) -> Option<Arc<Stream>>;
	/// All streams of a connection.
	fn streams_of(&self, line: &Arc<Line>) -> Vec<Arc<Stream>>;
}

/// See the module.
pub struct Connection {
	pub handle: u32,
	pub endpoint: Arc<Endpoint>,
	/// What its streams see of it.
	pub line: Arc<Line>,
	/// JS closed it before it was established.
	cancelled: Notify,
	was_cancelled: AtomicBool,
	terms: Terms,
	/// For the streams that the peer opens.
	places: Arc<Places>,
	/// Held by an accepted connection until JS confirms it.
	undecided: Mutex<Option<Undecided>>,
	/// The code for a connection whose first frame is none.
	undecided_invalid_code: VarInt,
	confirmed: AtomicBool,
	/// JS has confirmed the connection, or wants streams again. One for both, as each connection has it.
	told: Notify,
	/// For streams of the peer.
	appetite: Appetite,
	/// The code this side closed with.
	close_code: AtomicU64,
	/// The peer of an accepted connection at the time of the handshake.
	accepted_from: Option<SocketAddr>,
}

impl Connection {
	/// A connection that this side dials. Nobody has to confirm it.
	pub fn dialled(handle: u32, endpoint: Arc<Endpoint>, due: Arc<Due<Stream>>, terms: Terms) -> Self {
		let (queue, port, rounds) = (endpoint.queue.clone(), endpoint.port.clone(), endpoint.rounds.clone());
		let line = Arc::new(Line::new(queue, due, port, rounds, SendWindow::new(terms.send_window)));
		Self {
			handle,
			endpoint,
			line,
			cancelled: Notify::new(),
			was_cancelled: AtomicBool::new(false),
			places: Arc::new(Places::new(terms.windows.bidirectional)),
			undecided: Mutex::new(None),
			undecided_invalid_code: terms.heads.invalid_code,
			terms,
			confirmed: AtomicBool::new(true),
			told: Notify::new(),
			appetite: Appetite::default(),
			close_code: AtomicU64::new(0),
			accepted_from: None,
		}
	}

	/// A connection that was accepted and whose handshake is over.
	pub fn accepted(handle: u32, due: Arc<Due<Stream>>, accepted: Accepted) -> Self {
		let this = Self::dialled(handle, accepted.endpoint, due, accepted.rules.terms);
		this.line.set_established(accepted.connection);
		this.line.set_driver(accepted.driver);
		Self {
			undecided: Mutex::new(Some(accepted.undecided)),
			undecided_invalid_code: accepted.rules.undecided_invalid_code,
			confirmed: AtomicBool::new(false),
			accepted_from: Some(accepted.from),
			..this
		}
	}

	/// The peer's address during the handshake, wherever the peer is now (RFC 9000, 9: nobody moves during a handshake). Only
	/// accepted connections have it.
	pub fn accepted_from(&self) -> Option<SocketAddr> {
		self.accepted_from
	}

	pub fn established(&self) -> Option<&quinn::Connection> {
		self.line.established()
	}

	// What JS calls.

	/// The peer may stay: it gets all its streams and windows, and no longer counts as undecided.
	pub fn confirm(&self) {
		if self.confirmed.swap(true, Ordering::SeqCst) {
			return;
		}
		self.told.notify_waiters();
		self.decided();
		if let Some(connection) = self.established() {
			connection.set_receive_window(self.terms.windows.connection);
			connection.set_max_concurrent_bi_streams(self.places.granted().into());
			connection.set_max_concurrent_uni_streams(self.terms.windows.unidirectional.into());
		}
	}

	pub fn hold_streams(&self, hold: bool) {
		self.appetite.set_sated(hold);
		self.told.notify_waiters();
	}

	/// Gives the place among the undecided back.
	fn decided(&self) {
		drop(lock(&self.undecided).take());
	}

	pub fn close(&self, code: VarInt, reason: &[u8]) {
		// Ordered with `dial`, which sets `established` and then looks here: one of the two sees the other.
		self.was_cancelled.swap(true, Ordering::SeqCst);
		fence(Ordering::SeqCst);
		self.close_code.store(code.into_inner(), Ordering::Release);
		match self.established() {
			// Sent on this thread if possible, because the process may not run for a while, or may end. A peer that hears of it late
			// hears of it together with the reset that answers its own packets, and quinn believes the reset.
			Some(connection) => {
				if !self.line.run_inline(|| self.line.close(connection, code, reason)) && !self.line.is_broken() {
					self.line.close(connection, code, reason);
				}
			}
			None => self.cancelled.notify_one(),
		}
	}

	pub fn send_datagram(&self, data: &[u8]) -> Result<(), quinn::SendDatagramError> {
		match self.established() {
			None => Err(quinn::SendDatagramError::Disabled),
			Some(connection) => connection.send_datagram(Bytes::copy_from_slice(data)),
		}
	}

	// Tasks of the I/O thread.

	/// Dials, and starts to serve what comes of it until the end. `CONN_CLOSED` is always the last event.
	pub async fn dial(self: Arc<Self>, dial: Dial, registry: impl Registry) {
		match self.reach(dial).await {
			Ok(connection) => {
				self.line.outlet.event(Class::Control, record::CONN_OPEN, self.handle, &[]);
				tokio::spawn(serve(self, connection, registry));
			}
			Err(end) => end.tell(&self.line.outlet, self.handle),
		}
	}

	/// The handshake of a connection that this side dials.
	async fn reach(&self, dial: Dial) -> Result<quinn::Connection, End> {
		let Dial { config, tokens, to, server_name, timeout, heeds_network, refusal } = dial;
		let tap = self.line.port.tap().filter(|_| heeds_network);
		let knocking = tap.map(|tap| Knocking::new(tap.knocks(), to));
		let refused = async {
			match &knocking {
				Some(knocking) => knocking.refused().await,
				None => std::future::pending().await,
			}
		};
		let (dialled, driver) = capture(|| self.endpoint.quinn.connect_with(config, to, &server_name));
		self.line.set_driver(driver);
		let connecting = dialled.map_err(|e| End::dial_failed(&e.to_string()))?;
		let unanswered = tokio::select! {
			biased;
			outcome = connecting => Err(outcome),
			_ = self.line.driver_ended() => return Err(End::lost_driver()),
			problem = refused => Ok(End::dial_refused(problem)),
			() = tokio::time::sleep(timeout) => Ok(End::of(Layer::HandshakeTimeout)),
			() = self.cancelled.notified() => Ok(End::of(Layer::ClosedLocally)),
		};
		let outcome = match unanswered {
			Err(outcome) => outcome,
			Ok(end) => {
				tokens.give_back();
				return Err(end);
			}
		};
		let connection = outcome.map_err(|e| self.end_of(&e, *lock(&refusal)))?;
		self.line.set_established(connection.clone());
		fence(Ordering::SeqCst);
		if self.was_cancelled.load(Ordering::SeqCst) {
			self.line.close(&connection, VarInt::from_u32(0), b"");
		}
		Ok(connection)
	}

	/// Starts to serve an accepted connection. Closes it with `code` when JS does not confirm it in time.
	pub fn serve_accepted(self: Arc<Self>, timeout: Duration, code: VarInt, registry: impl Registry) {
		let Some(connection) = self.established().cloned() else { return };
		self.line.outlet.event(Class::Control, record::CONN_IN, self.handle, &[&self.endpoint.handle.to_ne_bytes()]);
		tokio::spawn(self.clone().await_confirmation(connection.clone(), timeout, code));
		tokio::spawn(serve(self, connection, registry));
	}

	async fn await_confirmation(self: Arc<Self>, connection: quinn::Connection, timeout: Duration, code: VarInt) {
		tokio::select! {
			decided = tokio::time::timeout(timeout, self.confirmation()) => {
				if decided.is_err() {
					self.close(code, b"");
				}
			}
			_ = connection.closed() => {}
		}
	}

	/// Resolves when JS has confirmed it.
	async fn confirmation(&self) {
		while !self.is_confirmed() {
			let mut changed = pin!(self.told.notified());
			changed.as_mut().enable();
			if !self.is_confirmed() {
				changed.await;
			}
		}
	}

	fn is_confirmed(&self) -> bool {
		self.confirmed.load(Ordering::SeqCst)
	}

	async fn accept_bidirectional(self: &Arc<Self>, connection: &quinn::Connection, registry: &impl Registry) {
		while let Ok((send, recv)) = connection.accept_bi().await {
			let (place, raised) = self.places.take();
			if let Some(streams) = raised {
				connection.set_max_concurrent_bi_streams(streams.into());
			}
			tokio::spawn(self.clone().greet(Some((send, place)), recv, registry.clone(), self.line.reports.expect()));
			// Each costs this thread much. So connections take turns, and those that open more than JS can look at wait for it.
			self.line.turns.turn().await;
			self.line.outlet.takes_streams().await;
			if self.appetite.is_sated() {
				Box::pin(self.appetite.comes_back(&self.told, connection)).await;
			}
		}
	}

	async fn accept_unidirectional(self: &Arc<Self>, connection: &quinn::Connection, registry: &impl Registry) {
		while let Ok(recv) = connection.accept_uni().await {
			tokio::spawn(self.clone().greet(None, recv, registry.clone(), self.line.reports.expect()));
			self.line.turns.turn().await;
			self.line.outlet.takes_streams().await;
		}
	}

	async fn take_datagrams(&self, connection: &quinn::Connection) {
		let outlet = &self.line.outlet;
		while let Ok(data) = connection.read_datagram().await {
			while !outlet.datagram(record::DATAGRAM, self.handle, &[&data]) {
				outlet.drained().await; // meanwhile QUIC's own buffer drops the oldest
			}
		}
	}

	/// Takes in what the peer opens and sends, until the connection is over. `None`: what drives it has panicked.
	async fn take_in(self: &Arc<Self>, connection: &quinn::Connection, registry: &impl Registry) -> Option<quinn::ConnectionError> {
		let Terms { windows, datagrams, .. } = self.terms;
		let mut bidirectional = pin!(self.accept_bidirectional(connection, registry));
		// Most connections have neither of these two. So only those that do have room for them.
		let mut unidirectional = (windows.unidirectional > 0).then(|| Box::pin(self.accept_unidirectional(connection, registry)));
		let mut datagrams = datagrams.then(|| Box::pin(self.take_datagrams(connection)));
		let mut ended = pin!(self.line.driver_ended());
		let mut open = 1 + u8::from(unidirectional.is_some()) + u8::from(datagrams.is_some());
		let mut accepting = true;
		poll_fn(|cx| {
			let end = ended.as_mut().poll(cx);
			if end == Poll::Ready(DriverEnd::Panicked) {
				return Poll::Ready(None); // the connection may not be touched any more
			}
			if accepting && bidirectional.as_mut().poll(cx).is_ready() {
				accepting = false;
				open -= 1;
			}
			if unidirectional.as_mut().is_some_and(|task| task.as_mut().poll(cx).is_ready()) {
				unidirectional = None;
				open -= 1;
			}
			if datagrams.as_mut().is_some_and(|task| task.as_mut().poll(cx).is_ready()) {
				datagrams = None;
				open -= 1;
			}
			match end.is_ready() || open == 0 {
				true => Poll::Ready(connection.close_reason()),
				false => Poll::Pending,
			}
		})
		.await
	}

	/// Nothing drives the connection any more, though it is not over. So it is over now.
	fn abandon(&self, connection: &quinn::Connection, registry: impl Registry) -> End {
		if self.line.is_broken() {
			leak(connection);
			registry.streams_of(&self.line).iter().for_each(|stream| stream.wake());
		} else {
			connection.close(VarInt::from_u32(0), b"");
		}
		End::lost_driver()
	}

	fn end_of(&self, e: &quinn::ConnectionError, refusal: Option<Refused>) -> End {
		End::from_error(e, self.close_code.load(Ordering::Acquire), refusal)
	}

	/// Reads the first frame of an incoming stream, then leaves the stream to JS. What is no frame ends the stream, and an undecided connection
	/// with it: the peer has one stream, so there is nothing that it could still say.
	async fn greet(self: Arc<Self>, send: Option<(SendStream, Place)>, mut recv: RecvStream, registry: impl Registry, _report: Report) {
		let confirmed = self.is_confirmed();
		let Heads { bytes, timeout, timeout_code, invalid_code } = self.terms.heads;
		let head = tokio::time::timeout(timeout, read_head(&mut recv, bytes)).await;
		let flags = u32::from(send.is_some());
		let (send, place) = send.unzip();
		let parked = Parked { send, recv: Some(recv) };
		match head {
			Err(_) => parked.refuse(timeout_code),
			Ok(Head::Lost) => {}
			Ok(Head::Invalid(why)) if !confirmed => self.close(self.undecided_invalid_code, why.as_bytes()),
			Ok(Head::Invalid(_)) => parked.refuse(invalid_code),
			Ok(Head::Frame(kind, payload)) => match registry.add_stream(&self.line) {
				Some(stream) => {
					if let Some(place) = place {
						stream.occupy(place);
					}
					stream.park(parked);
					self.line.outlet.push(Class::Control, |batch| {
						let parts: [&[u8]; 3] = [&self.handle.to_ne_bytes(), &flags.to_ne_bytes(), &payload];
						batch.record(record::STREAM_IN, kind, stream.handle, &parts);
					});
				}
				None => parked.refuse(invalid_code),
			},
		}
	}

	/// Tells JS when QUIC has all that JS did before, and JS has all that QUIC had got for it. The first is sure. The second is for
	/// streams that JS has not seen yet: what came on the others, JS is told before the end of the connection anyway.
	pub async fn settle(self: Arc<Self>) {
		self.line.commands.carried_out().await;
		others_first().await;
		self.line.drive();
		self.line.outlet.event(Class::Data, record::CONN_SETTLED, self.handle, &[]);
	}

	/// Opens a stream for JS, waiting for the peer's stream limit if need be.
	pub async fn open(&self, bidirectional: bool, stream: &Stream, priority: i32) -> Option<(SendStream, Option<RecvStream>)> {
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
}

/// The task of a connection whose handshake is over. Connections may be idle for long, and there may be many. So it is not the task of the
/// handshake, and holds little.
async fn serve<R: Registry>(connection: Arc<Connection>, quinn: quinn::Connection, registry: R) {
	let served = connection.take_in(&quinn, &registry).await;
	connection.decided();
	let end = match served {
		Some(error) => {
			Box::pin(connection.line.reports.told()).await;
			connection.end_of(&error, None)
		}
		None => connection.abandon(&quinn, registry),
	};
	end.tell(&connection.line.outlet, connection.handle);
}

/// What `Connection::dial` needs.
pub struct Dial {
	pub config: quinn::ClientConfig,
	/// What it shows of earlier connections.
	pub tokens: Arc<DialTokens>,
	pub to: SocketAddr,
	/// The name that the peer's certificate must carry.
	pub server_name: String,
	pub timeout: Duration,
	/// Ends when the network says that nobody will answer, before anybody has. On Linux only.
	pub heeds_network: bool,
	/// Where the verifier says why it refused the peer's certificate.
	pub refusal: RefusalSlot,
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::io::Driver;

	fn bytes_of<A, B, C, F>(_task: fn(A, B, C) -> F) -> usize {
		size_of::<F>()
	}

	/// A registry as large as that of the bridge.
	#[derive(Clone)]
	struct Nobody(Arc<()>);

	impl Registry for Nobody {
		fn add_stream(&self, _line: &Arc<Line>) -> Option<Arc<Stream>> {
			let Self(_nobody) = self;
			None
		}

		fn streams_of(&self, _line: &Arc<Line>) -> Vec<Arc<Stream>> {
			Vec::new()
		}
	}

	#[test]
	fn what_an_idle_connection_holds_is_small() {
		assert!(bytes_of(serve::<Nobody>) <= 576, "{}", bytes_of(serve::<Nobody>));
		assert!(size_of::<Connection>() <= 288, "{}", size_of::<Connection>());
		assert!(size_of::<Line>() <= 544, "{}", size_of::<Line>());
		assert!(size_of::<Driver>() <= 120, "{}", size_of::<Driver>());
	}
}

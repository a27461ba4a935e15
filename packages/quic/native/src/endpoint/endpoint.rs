//! One endpoint: one UDP socket that dials, listens and carries raw datagrams at once, and the caps on what may come in.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quinn::VarInt;

use crate::events::{record, Queue};
use crate::io::{capture, Driver, Inlet, Reader, Rounds, Unplugged};
use crate::lock::lock;
use crate::stream::Port;

use super::admission::{Admission, Crowd, Proof, Undecided, Verdict};
use super::kept_tokens::KeptTokens;
use super::used_tokens::UsedTokens;

/// What has happened since the start.
#[derive(Default)]
pub struct Counters {
	pub accepted: AtomicU64,
	pub failed: AtomicU64,
	pub refused: AtomicU64,
	pub retries: AtomicU64,
	/// With a token of an earlier connection that counts.
	pub returning: AtomicU64,
	pub dropped_raw: AtomicU64,
}

/// What the peers are told at the end.
#[derive(Clone)]
pub struct Farewell {
	pub code: VarInt,
	pub reason: Vec<u8>,
}

/// See the module.
pub struct Endpoint {
	pub handle: u32,
	/// Where its events go.
	pub queue: Arc<Queue>,
	pub quinn: quinn::Endpoint,
	/// Its socket, as the JS thread uses it.
	pub port: Arc<Port>,
	/// What is let in of what its socket reads.
	pub inlet: Arc<Inlet>,
	/// Where its connections take turns.
	pub rounds: Arc<Rounds>,
	/// `None`: it does not listen.
	pub admission: Mutex<Option<Admission>>,
	pub counters: Arc<Counters>,
	/// Of those who connect.
	pub used_tokens: Arc<UsedTokens>,
	/// For its dials.
	pub kept_tokens: Arc<KeptTokens>,
	crowd: Arc<Mutex<Crowd>>,
	/// For when the environment ends before the endpoint is closed, or while it is being closed.
	farewell: Mutex<Farewell>,
	/// It is closed, and the peers have been told.
	left: AtomicBool,
}

/// An endpoint with more connections has many that send to it.
const CROWD: usize = 8;

impl Reader for Endpoint {
	fn is_crowded(&self) -> bool {
		self.quinn.open_connections() > CROWD
	}

	fn inlet(&self) -> &Inlet {
		&self.inlet
	}
}

/// A connection whose handshake is over.
pub struct Accepted {
	pub endpoint: Arc<Endpoint>,
	pub connection: quinn::Connection,
	pub driver: Option<Arc<Driver>>,
	/// Where the handshake came from.
	pub from: SocketAddr,
	/// Its place among the undecided.
	pub undecided: Undecided,
	/// The rules that it was let in by.
	pub rules: Admission,
}

impl Endpoint {
	pub fn new(
		handle: u32,
		queue: Arc<Queue>,
		quinn: quinn::Endpoint,
		(port, inlet): (Arc<Port>, Arc<Inlet>),
		rounds: Arc<Rounds>,
		counters: Arc<Counters>,
		farewell: Farewell,
	) -> Self {
		let (admission, farewell) = (Mutex::new(None), Mutex::new(farewell));
		let (used_tokens, kept_tokens, crowd) = Default::default();
		Self {
			handle,
			queue,
			quinn,
			port,
			inlet,
			rounds,
			admission,
			counters,
			used_tokens,
			kept_tokens,
			crowd,
			farewell,
			left: AtomicBool::new(false),
		}
	}

	pub fn set_farewell(&self, farewell: Farewell) {
		*lock(&self.farewell) = farewell;
	}

	/// Whether it is closed and the peers have been told.
	pub fn has_left(&self) -> bool {
		self.left.load(Ordering::Relaxed)
	}

	pub fn undecided(&self) -> u32 {
		lock(&self.crowd).undecided()
	}

	/// Accepts until the endpoint closes. Each handshake has a task of its own, so a stalled one delays no other. `serve` gets each
	/// connection whose handshake is over. It starts another task for that: what the handshake needed is freed.
	pub async fn accept_all<F>(self: Arc<Self>, serve: F)
	where
		F: Fn(Accepted) + Clone + Send + 'static,
	{
		while let Some(incoming) = self.quinn.accept().await {
			let Some(rules) = lock(&self.admission).clone() else {
				incoming.refuse();
				continue;
			};
			let from = incoming.remote_address().ip();
			let proof = match (incoming.remote_address_validated(), incoming.may_retry()) {
				(true, true) => Proof::Returning,
				(_, false) => Proof::Present,
				(false, true) => Proof::Nothing,
			};
			if proof == Proof::Returning {
				self.counters.returning.fetch_add(1, Ordering::Relaxed);
			}
			let open = u32::try_from(self.quinn.open_connections()).unwrap_or(u32::MAX);
			match Crowd::judge(&self.crowd, &rules, from, proof, open, Instant::now()) {
				Verdict::Retry => {
					self.counters.retries.fetch_add(1, Ordering::Relaxed);
					let _ = incoming.retry(); // only fails when validated, which was asked
				}
				Verdict::Refuse => {
					self.counters.refused.fetch_add(1, Ordering::Relaxed);
					incoming.refuse();
				}
				Verdict::Admit(undecided) => drop(tokio::spawn(self.clone().shake_hands(incoming, undecided, rules, serve.clone()))),
			}
		}
	}

	async fn shake_hands(self: Arc<Self>, incoming: quinn::Incoming, undecided: Undecided, rules: Admission, serve: impl Fn(Accepted)) {
		let from = incoming.remote_address();
		let wide = rules.wide.as_ref().and_then(|wide| wide.of(from));
		let (accepting, driver) = capture(|| match wide {
			Some(config) => incoming.accept_with(config),
			None => incoming.accept(),
		});
		let established = async { accepting?.await };
		let Ok(Ok(connection)) = tokio::time::timeout(rules.handshake_timeout, established).await else {
			self.counters.failed.fetch_add(1, Ordering::Relaxed);
			return;
		};
		self.counters.accepted.fetch_add(1, Ordering::Relaxed);
		serve(Accepted { endpoint: self, connection, driver, from, undecided, rules });
	}

	/// Closes every connection, and tells JS when the closes have left. The socket stays for a peer that did not hear its close,
	/// until no connection needs it or the time is up. Then it is released, and JS is told that too. `carried_out` resolves when
	/// QUIC has all that JS did before. `drive` runs the drivers of all connections of this endpoint once, and `send` has them send their closes.
	pub async fn close(
		self: Arc<Self>,
		farewell: Farewell,
		drain: Duration,
		carried_out: impl Future<Output = ()>,
		drive: impl Fn(),
		send: impl FnOnce(),
	) {
		self.quinn.set_server_config(None);
		// What JS did before the close, a reset for example, may still be on its way through the tasks. Closing now would drop it.
		let _ = tokio::time::timeout(HAND_OVER, carried_out).await;
		// What QUIC has is not sent yet, and closing drops it.
		drive();
		self.quinn.close(farewell.code, &farewell.reason);
		let told = async {
			self.send_closes(send).await;
			self.set_left();
			self.queue.event_after_all(record::ENDPOINT_LEFT, self.handle);
			self.quinn.wait_idle().await;
		};
		let _ = tokio::time::timeout(drain, told).await;
		self.unplug(drive).await;
		self.queue.event_after_all(record::ENDPOINT_CLOSED, self.handle);
	}

	/// Asks quinn to close every connection, because the environment ends. What `set_farewell` said is the reason.
	pub fn say_farewell(&self) {
		let farewell = lock(&self.farewell).clone();
		self.quinn.close(farewell.code, &farewell.reason);
	}

	pub fn set_left(&self) {
		self.left.store(true, Ordering::Relaxed);
	}

	/// Sends the closes that quinn has been asked for: now, or when a full socket has room.
	pub async fn send_closes(&self, send: impl FnOnce()) {
		send();
		if let Some(tap) = self.port.tap() {
			tap.room().await; // those that waited come first
		}
	}

	/// Takes the socket away from quinn, which then closes it.
	async fn unplug(&self, drive: impl FnOnce()) {
		let Ok(local_addr) = self.quinn.local_addr() else { return };
		// Twice, because quinn keeps the last one but one too.
		self.swap_socket(drive, || {
			for _ in 0..2 {
				let _ = self.quinn.rebind_abstract(Arc::new(Unplugged { local_addr }));
			}
		});
		if let Some(released) = self.port.take_released() {
			let _ = tokio::time::timeout(RELEASE, released).await; // every connection has to let go first
		}
	}
}

/// How long tasks may take to hand to QUIC what JS did before. A few turns of the I/O thread do.
const HAND_OVER: Duration = Duration::from_secs(1);
/// How long tasks may take to let go of a socket.
const RELEASE: Duration = Duration::from_secs(1);

//! One endpoint: one UDP socket that dials, listens and carries raw datagrams at once, and the caps on what may come in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use quinn::VarInt;

use crate::connection::Connection;
use crate::driver::{capture, Driver};
use crate::environment::Environment;
use crate::lock::lock;
use crate::options::{Heads, Windows};
use crate::queue::record;
use crate::stream::Stream;
use crate::table::Entry;
use crate::tap::{Released, Tap, Unplugged};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Retry {
	Never,
	UnderLoad,
	Always,
}

/// What a listening endpoint lets in.
#[derive(Clone)]
pub struct Admission {
	pub retry: Retry,
	pub retry_threshold: u32,
	pub undecided: u32,
	pub undecided_per_source: u32,
	pub per_second_per_source: u32,
	pub connections: u32,
	pub handshake_timeout: Duration,
	pub undecided_timeout: Duration,
	pub undecided_code: VarInt,
	pub undecided_head_bytes: usize,
	pub heads: Heads,
	pub windows: Windows,
}

#[derive(Default)]
pub struct Counters {
	pub accepted: AtomicU64,
	pub failed: AtomicU64,
	pub refused: AtomicU64,
	pub retries: AtomicU64,
	pub dropped_raw: AtomicU64,
}

#[derive(Default)]
struct Crowd {
	undecided: u32,
	per_source: HashMap<IpAddr, u32>,
	/// Arrivals in the current second by network, kept only under load.
	arrivals: HashMap<IpAddr, u32>,
	arrivals_since: Option<Instant>,
}

pub struct Endpoint {
	pub handle: u32,
	pub environment: Arc<Environment>,
	pub quinn: quinn::Endpoint,
	/// quinn's, until the endpoint is closed.
	tap: Mutex<(Weak<Tap>, Option<Released>)>,
	pub admission: Mutex<Option<Admission>>,
	pub counters: Arc<Counters>,
	crowd: Arc<Mutex<Crowd>>,
	driver: Option<Arc<Driver>>,
	/// The stream on which the JS thread has just sent something itself.
	expecting: Mutex<Weak<Stream>>,
	/// JS has closed it: nothing is expected any more.
	closing: AtomicBool,
	/// Closed, and the peers have been told.
	left: AtomicBool,
}

/// A place among the undecided connections, given back when dropped.
pub struct Undecided {
	crowd: Arc<Mutex<Crowd>>,
	source: Option<IpAddr>,
}

impl Drop for Undecided {
	fn drop(&mut self) {
		let mut crowd = lock(&self.crowd);
		crowd.undecided -= 1;
		if let Some(source) = self.source {
			if let Some(count) = crowd.per_source.get_mut(&source) {
				*count -= 1;
				if *count == 0 {
					crowd.per_source.remove(&source);
				}
			}
		}
	}
}

/// One IPv4 address or one IPv6 /64: what one party can use at will.
fn source_of(ip: IpAddr) -> IpAddr {
	match ip.to_canonical() {
		IpAddr::V4(v4) => IpAddr::V4(v4),
		IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
	}
}

/// One IPv4 /24 or one IPv6 /64.
fn network_of(ip: IpAddr) -> IpAddr {
	match source_of(ip) {
		IpAddr::V4(v4) => {
			let [a, b, c, _] = v4.octets();
			IpAddr::V4([a, b, c, 0].into())
		}
		v6 => v6,
	}
}

enum Verdict {
	Admit(Undecided),
	Retry,
	Refuse,
}

impl Crowd {
	fn judge(this: &Arc<Mutex<Crowd>>, rules: &Admission, from: IpAddr, validated: bool, open: u32, now: Instant) -> Verdict {
		let mut crowd = lock(this);
		let loaded = crowd.undecided >= rules.retry_threshold;
		if !validated && (rules.retry == Retry::Always || rules.retry == Retry::UnderLoad && loaded) {
			return Verdict::Retry;
		}
		if crowd.undecided >= rules.undecided || open >= rules.connections {
			return Verdict::Refuse;
		}
		let source = (!from.to_canonical().is_loopback()).then(|| source_of(from));
		if let Some(source) = source {
			if crowd.per_source.get(&source).is_some_and(|count| *count >= rules.undecided_per_source) {
				return Verdict::Refuse;
			}
			if loaded && !crowd.arrival_allowed(network_of(from), rules.per_second_per_source, now) {
				return Verdict::Refuse;
			}
			*crowd.per_source.entry(source).or_insert(0) += 1;
		}
		crowd.undecided += 1;
		Verdict::Admit(Undecided { crowd: this.clone(), source })
	}

	/// Counts within whole seconds; the map never outlives one second nor outgrows the cap on undecided connections by much.
	fn arrival_allowed(&mut self, network: IpAddr, per_second: u32, now: Instant) -> bool {
		if self.arrivals_since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
			self.arrivals.clear();
			self.arrivals_since = Some(now);
		}
		if self.arrivals.len() >= 4096 && !self.arrivals.contains_key(&network) {
			return false;
		}
		let count = self.arrivals.entry(network).or_insert(0);
		*count += 1;
		*count <= per_second
	}
}

impl Endpoint {
	pub fn new(
		handle: u32,
		environment: Arc<Environment>,
		quinn: quinn::Endpoint,
		tap: (&Arc<Tap>, Released),
		counters: Arc<Counters>,
		driver: Option<Arc<Driver>>,
	) -> Self {
		let tap = Mutex::new((Arc::downgrade(tap.0), Some(tap.1)));
		Self {
			handle,
			environment,
			quinn,
			tap,
			admission: Mutex::new(None),
			counters,
			crowd: Arc::default(),
			driver,
			expecting: Mutex::default(),
			closing: AtomicBool::new(false),
			left: AtomicBool::new(false),
		}
	}

	/// JS thread: the stream has just been written to in place, and an answer may come.
	pub fn expect_answer(self: &Arc<Self>, stream: &Arc<Stream>) {
		if self.closing.load(Ordering::Relaxed) {
			return;
		}
		*lock(&self.expecting) = Arc::downgrade(stream);
		crate::system::uv::watch(self);
	}

	/// JS thread: reads the socket in place. What is not for the expected stream goes its ordinary way.
	pub fn receive_inline(&self) {
		let (Some(driver), Some(stream)) = (&self.driver, lock(&self.expecting).upgrade()) else { return };
		let _receiving = lock(&self.environment.receiving);
		let receive = || {
			crate::system::socket::eagerly(|| driver.run_inline(|| {}));
		};
		stream.receive_inline(|| stream.connection.drive_inline(receive));
	}

	/// A further descriptor of the socket, and how to silence it.
	#[cfg(target_os = "linux")]
	pub fn socket(&self) -> Option<(std::net::UdpSocket, crate::system::socket::Mute)> {
		let tap = self.tap()?;
		Some((tap.socket().ok()?, tap.mute.clone()))
	}

	/// `None`: closed.
	pub fn tap(&self) -> Option<Arc<Tap>> {
		lock(&self.tap).0.upgrade()
	}

	pub fn set_tap(&self, tap: &Arc<Tap>, released: Released) {
		*lock(&self.tap) = (Arc::downgrade(tap), Some(released));
	}

	/// Whether it is closed and the peers have been told.
	pub fn has_left(&self) -> bool {
		self.left.load(Ordering::Relaxed)
	}

	pub fn undecided(&self) -> u32 {
		lock(&self.crowd).undecided
	}

	/// Accepts until the endpoint closes. Each handshake runs by itself, so a stalled one delays nobody.
	pub async fn accept_all(self: Arc<Self>) {
		while let Some(incoming) = self.quinn.accept().await {
			let Some(rules) = lock(&self.admission).clone() else {
				incoming.refuse();
				continue;
			};
			let from = incoming.remote_address().ip();
			let validated = incoming.remote_address_validated() || !incoming.may_retry();
			let open = u32::try_from(self.quinn.open_connections()).unwrap_or(u32::MAX);
			match Crowd::judge(&self.crowd, &rules, from, validated, open, Instant::now()) {
				Verdict::Retry => {
					self.counters.retries.fetch_add(1, Ordering::Relaxed);
					let _ = incoming.retry(); // only fails when validated, which was asked
				}
				Verdict::Refuse => {
					self.counters.refused.fetch_add(1, Ordering::Relaxed);
					incoming.refuse();
				}
				Verdict::Admit(undecided) => drop(tokio::spawn(self.clone().shake_hands(incoming, undecided, rules))),
			}
		}
	}

	async fn shake_hands(self: Arc<Self>, incoming: quinn::Incoming, undecided: Undecided, rules: Admission) {
		let from = incoming.remote_address();
		let (accepting, driver) = capture(|| incoming.accept());
		let established = async { accepting?.await };
		let Ok(Ok(connection)) = tokio::time::timeout(rules.handshake_timeout, established).await else {
			self.counters.failed.fetch_add(1, Ordering::Relaxed);
			return;
		};
		self.counters.accepted.fetch_add(1, Ordering::Relaxed);
		let table = &self.environment.table;
		let made = table.insert(|handle| {
			Entry::Connection(Arc::new(Connection::accepted(
				handle,
				self.environment.clone(),
				self.clone(),
				rules.heads,
				rules.windows,
				undecided,
				rules.undecided_head_bytes,
				connection.clone(),
				from,
			)))
		});
		match made.and_then(|handle| table.connection(handle)) {
			Ok(accepted) => {
				accepted.set_driver(driver);
				accepted.serve_accepted(rules.undecided_timeout, rules.undecided_code).await
			}
			Err(_) => connection.close(rules.undecided_code, b""),
		}
	}

	/// JS thread: the endpoint's socket is not watched any more, and never again.
	pub fn release(&self) {
		self.closing.store(true, Ordering::Relaxed);
		crate::system::uv::forget(self.handle);
	}

	/// Closes every connection and tells JS when that has left. The socket stays for a peer that did not hear it, until no
	/// connection needs it or the time is up; then it is released, and JS told that too.
	pub async fn close(self: Arc<Self>, code: VarInt, reason: Vec<u8>, drain: Duration) {
		self.quinn.set_server_config(None);
		// What JS did before it closed, a reset say, is still on its way through the tasks: closing would drop it.
		for _ in 0..4 {
			tokio::task::yield_now().await;
		}
		self.quinn.close(code, &reason);
		let told = async {
			self.send_closes().await;
			self.left.store(true, Ordering::Relaxed);
			self.environment.queue.event(record::ENDPOINT_LEFT, self.handle, &[]);
			self.quinn.wait_idle().await;
		};
		let _ = tokio::time::timeout(drain, told).await;
		self.unplug().await;
		self.environment.queue.event(record::ENDPOINT_CLOSED, self.handle, &[]);
	}

	/// The closes that quinn has been asked for leave now; where the socket is full, when it has room.
	pub async fn send_closes(&self) {
		let connections = self.environment.table.connections(self.handle);
		connections.iter().for_each(|connection| connection.drive());
		if let Some(tap) = self.tap() {
			tap.room().await; // those that waited come first
		}
	}

	/// Takes the socket away from quinn, which closes it.
	async fn unplug(&self) {
		let Ok(local_addr) = self.quinn.local_addr() else { return };
		// Twice, as quinn keeps the last one but one too.
		for _ in 0..2 {
			let _ = self.quinn.rebind_abstract(Arc::new(Unplugged { local_addr }));
		}
		let released = lock(&self.tap).1.take();
		if let Some(released) = released {
			let _ = tokio::time::timeout(RELEASE, released).await; // every connection has to let go first
		}
	}
}

/// How long tasks may take to let go of a socket.
const RELEASE: Duration = Duration::from_secs(1);

/// A datagram's source as JS reads it: port, family (4 or 6), then 16 bytes of address.
pub fn packed_address(from: SocketAddr) -> [u8; 20] {
	let mut packed = [0; 20];
	packed[..2].copy_from_slice(&from.port().to_ne_bytes());
	match from.ip().to_canonical() {
		IpAddr::V4(v4) => {
			packed[2] = 4;
			packed[4..8].copy_from_slice(&v4.octets());
		}
		IpAddr::V6(v6) => {
			packed[2] = 6;
			packed[4..].copy_from_slice(&v6.octets());
		}
	}
	packed
}

#[cfg(test)]
mod tests {
	use super::*;

	fn rules(retry: Retry) -> Admission {
		Admission {
			retry,
			retry_threshold: 64,
			undecided: 256,
			undecided_per_source: 16,
			per_second_per_source: 10,
			connections: 1000,
			handshake_timeout: Duration::from_secs(5),
			undecided_timeout: Duration::from_secs(5),
			undecided_code: VarInt::from_u32(0),
			undecided_head_bytes: 4096,
			heads: Heads {
				bytes: 16384,
				timeout: Duration::from_secs(5),
				timeout_code: VarInt::from_u32(0),
				invalid_code: VarInt::from_u32(0),
			},
			windows: Windows { bidirectional: 1, unidirectional: 0, connection: VarInt::from_u32(65536) },
		}
	}

	fn admit(crowd: &Arc<Mutex<Crowd>>, rules: &Admission, from: &str, validated: bool, now: Instant) -> Verdict {
		Crowd::judge(crowd, rules, from.parse().unwrap(), validated, 0, now)
	}

	#[test]
	fn one_source_gets_sixteen_places_and_gives_them_back() {
		let crowd = Arc::default();
		let rules = rules(Retry::UnderLoad);
		let now = Instant::now();
		let mut held: Vec<_> = (0..16).map(|_| admit(&crowd, &rules, "192.0.2.1", false, now)).collect();
		assert!(held.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
		assert!(matches!(admit(&crowd, &rules, "192.0.2.1", false, now), Verdict::Refuse));
		assert!(matches!(admit(&crowd, &rules, "::ffff:192.0.2.1", false, now), Verdict::Refuse));
		assert!(matches!(admit(&crowd, &rules, "192.0.2.2", false, now), Verdict::Admit(_)));
		held.pop();
		assert!(matches!(admit(&crowd, &rules, "192.0.2.1", false, now), Verdict::Admit(_)));
		held.clear();
		assert_eq!(lock(&crowd).undecided, 0);
		assert!(lock(&crowd).per_source.is_empty());
	}

	#[test]
	fn under_load_unproven_addresses_are_sent_a_retry_and_each_network_is_slowed() {
		let crowd: Arc<Mutex<Crowd>> = Arc::default();
		let rules = rules(Retry::UnderLoad);
		let now = Instant::now();
		let held: Vec<_> = (0..64).map(|i| admit(&crowd, &rules, &format!("198.51.{i}.1"), false, now)).collect();
		assert!(held.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
		assert!(matches!(admit(&crowd, &rules, "203.0.113.1", false, now), Verdict::Retry));
		let arrivals: Vec<_> = (0..12).map(|i| admit(&crowd, &rules, &format!("203.0.113.{i}"), true, now)).collect();
		assert_eq!(arrivals.iter().filter(|verdict| matches!(verdict, Verdict::Admit(_))).count(), 10);
		let later = now + Duration::from_secs(1);
		assert!(matches!(admit(&crowd, &rules, "203.0.113.99", true, later), Verdict::Admit(_)));
	}

	#[test]
	fn loopback_is_counted_in_all_but_not_per_source() {
		let crowd: Arc<Mutex<Crowd>> = Arc::default();
		let rules = rules(Retry::Never);
		let now = Instant::now();
		let held: Vec<_> = (0..256).map(|_| admit(&crowd, &rules, "127.0.0.1", false, now)).collect();
		assert!(held.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
		assert!(matches!(admit(&crowd, &rules, "127.0.0.1", false, now), Verdict::Refuse));
	}
}

//! The native half of `@conec/quic`: quinn and rustls behind a small synchronous Node-API surface.
//!
//! Rust holds no policy. Every function returns at once; everything that happens later arrives through `poll`, in
//! order. Bytes are copied on the JS thread in both directions, so nothing that JS owns crosses threads.

#![deny(unsafe_code)]

mod connection;
mod driver;
mod endpoint;
mod environment;
mod error;
mod frame;
mod head;
mod lock;
mod options;
mod outgoing;
mod pipe;
mod queue;
mod reader;
mod stream;
pub mod stream_exports;
#[allow(unsafe_code)]
mod system;
mod table;
mod tap;
mod tls;
mod writer;

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{BufferSlice, Function, Uint8Array};
use napi_derive::napi;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{EndpointConfig, VarInt};
use quinn_proto::HashedConnectionIdGenerator;
use ring::hmac;

use connection::Connection;
use endpoint::{packed_address, Admission, Counters, Endpoint, Retry};
use error::{error, invalid, socket_error, stale, Result};
use options::{address, code, ConnectInput, EndpointInput, ListenInput, Windows};
use queue::record;
use table::Entry;
use tap::{RawSink, SocketSizes, Tap};

#[global_allocator]
static ALLOCATOR: system::allocator::Allocator = system::allocator::Allocator;

/// Changes whenever the surface below changes; the loader refuses any other.
const ABI_VERSION: u32 = 1;

/// What a connection may send before it is confirmed: its first stream and little on it.
const UNDECIDED: Windows = Windows { bidirectional: 1, unidirectional: 0, connection: VarInt::from_u32(64 * 1024) };

#[napi(catch_unwind)]
pub fn abi_version() -> u32 {
	ABI_VERSION
}

/// Starts the I/O thread of this JS thread; `wake` is called when `poll` has something. `watch`: the runtime is Node
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

/// Fills `buffer` from `offset` with records; see `queue.rs`.
#[napi(catch_unwind)]
pub fn poll(mut buffer: BufferSlice, offset: u32) -> Result<u32> {
	system::uv::awake();
	environment::with(|environment| Ok(environment.queue.poll(&mut buffer, offset as usize)))
}

/// The bytes of the oldest `LARGE` record not taken yet.
#[napi(catch_unwind)]
pub fn take(mut buffer: BufferSlice) -> Result<()> {
	environment::with(|environment| {
		environment.queue.take(&mut buffer);
		Ok(())
	})
}

/// Sends what little was written in this tick; JS calls it in a microtask after the first such write.
#[napi(catch_unwind)]
pub fn flush() -> Result<()> {
	environment::with(|environment| {
		environment.flush();
		Ok(())
	})
}

/// Forgets a handle whose last record has been seen.
#[napi(catch_unwind)]
pub fn release(handle: u32) -> Result<()> {
	environment::with(|environment| {
		if let Ok(endpoint) = environment.table.endpoint(handle) {
			endpoint.release();
		}
		environment.table.remove(handle);
		Ok(())
	})
}

// Endpoints

#[napi(object)]
pub struct Address {
	pub address: String,
	pub port: u16,
}

impl From<std::net::SocketAddr> for Address {
	fn from(from: std::net::SocketAddr) -> Self {
		Self { address: from.ip().to_canonical().to_string(), port: from.port() }
	}
}

#[napi(catch_unwind)]
pub fn endpoint_bind(options: EndpointInput) -> Result<u32> {
	environment::with(|environment| {
		let at = address(&options.host, options.port)?;
		let sizes = SocketSizes { receive: options.receive_buffer_bytes as usize, send: options.send_buffer_bytes as usize };
		let action = format!("Cannot bind UDP {at}");
		let socket = tap::bind(at.ip(), at.port(), &sizes).map_err(|e| socket_error(&action, e))?;
		let mut config = match &options.stateless_reset_key {
			Some(key) => restartable(key)?,
			None => EndpointConfig::default(),
		};
		config.grease_quic_bit(false); // the bit tells QUIC from raw datagrams
		config.min_reset_interval(RESET_INTERVAL);
		let _context = environment.io.enter();
		let counters = Arc::new(Counters::default());
		environment.table.insert_with(|handle| {
			let (tap, released) = Tap::new(socket, raw_sink(environment.clone(), handle, options.raw_datagrams, counters.clone()))
				.map_err(|e| socket_error(&action, e))?;
			let runtime = driver::SharedRuntime { io: environment.io.clone() };
			let (quinn, driver) =
				driver::capture(|| quinn::Endpoint::new_with_abstract_socket(config, None, tap.clone(), Arc::new(runtime)));
			let quinn = quinn.map_err(|e| socket_error(&action, e))?;
			let endpoint = Arc::new(Endpoint::new(handle, environment.clone(), quinn, (&tap, released), counters, driver));
			tokio::spawn(endpoint.clone().accept_all());
			Ok(Entry::Endpoint(endpoint))
		})
	})
}

/// Stateless resets have no interval: at quinn's 20 ms most of a thousand Clients would learn of a restart only by their idle
/// limit. Nor would a short one do: quinn takes one time for all packets that it reads in one go, so only the first of those
/// would be answered. A reset answers only a packet whose connection id the endpoint's key has made, and is shorter than that
/// packet, so nobody gets more of them than is sent for them.
const RESET_INTERVAL: Duration = Duration::ZERO;

/// An endpoint that knows the connection ids and reset tokens of one with the same key before it.
fn restartable(key: &[u8]) -> Result<EndpointConfig> {
	if key.len() < 32 {
		return Err(invalid(format!("statelessResetKey: {} bytes are too few, 32 are needed", key.len())));
	}
	let key = hmac::Key::new(hmac::HMAC_SHA256, key);
	let mut ids = [0; 8];
	ids.copy_from_slice(&hmac::sign(&key, b"connection ids").as_ref()[..8]);
	let mut config = EndpointConfig::new(Arc::new(key));
	// quinn ignores packets whose connection id it did not make, and would never answer those of its predecessor.
	config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(u64::from_ne_bytes(ids))));
	Ok(config)
}

fn raw_sink(environment: Arc<environment::Environment>, handle: u32, wanted: bool, counters: Arc<Counters>) -> Arc<RawSink> {
	let environment = Arc::downgrade(&environment);
	Arc::new(Box::new(move |from, data| {
		let admitted = environment.upgrade().filter(|environment| wanted && environment.queue.admit_datagram(data.len()));
		match admitted {
			Some(environment) => environment.queue.event(record::RAW, handle, &[&packed_address(from), data]),
			None => drop(counters.dropped_raw.fetch_add(1, Ordering::Relaxed)),
		}
	}))
}

#[napi(catch_unwind)]
pub fn endpoint_address(endpoint: u32) -> Result<Address> {
	environment::with(|environment| {
		let endpoint = environment.table.endpoint(endpoint)?;
		endpoint.quinn.local_addr().map(Address::from).map_err(|e| socket_error("Cannot read local address", e))
	})
}

/// Starts to accept; again: for new connections from here on.
#[napi(catch_unwind)]
pub fn endpoint_listen(endpoint: u32, options: ListenInput) -> Result<()> {
	environment::with(|environment| {
		let endpoint = environment.table.endpoint(endpoint)?;
		let trust = options.client_trust.as_ref().map(|trust| trust.parse()).transpose()?;
		let tls = tls::server_config(options.identity.parse()?, trust, &options.alpn_protocols, options.key_log)?;
		let crypto = QuicServerConfig::try_from(tls).map_err(|e| invalid(e.to_string()))?;
		let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
		config.transport_config(options.transport.parse(UNDECIDED)?);
		config.max_incoming(options.undecided_connections as usize).incoming_buffer_size(64 * 1024);
		let admission = Admission {
			retry: match options.retry {
				0 => Retry::Never,
				1 => Retry::UnderLoad,
				_ => Retry::Always,
			},
			retry_threshold: options.retry_threshold,
			undecided: options.undecided_connections,
			undecided_per_source: options.undecided_per_source,
			per_second_per_source: options.connects_per_second_per_source,
			connections: options.connections,
			handshake_timeout: Duration::from_millis(options.handshake_timeout_ms.into()),
			undecided_timeout: Duration::from_millis(options.undecided_timeout_ms.into()),
			undecided_code: code(options.undecided_code)?,
			undecided_head_bytes: options::header_limit(options.undecided_header_bytes)?,
			heads: options.incoming.parse()?,
			windows: options.transport.windows()?,
		};
		*lock::lock(&endpoint.admission) = Some(admission);
		endpoint.quinn.set_server_config(Some(config));
		Ok(())
	})
}

#[napi(catch_unwind)]
pub fn endpoint_stop_listening(endpoint: u32) -> Result<()> {
	environment::with(|environment| {
		let endpoint = environment.table.endpoint(endpoint)?;
		endpoint.quinn.set_server_config(None);
		*lock::lock(&endpoint.admission) = None;
		Ok(())
	})
}

/// Moves the endpoint and its live connections to a new local address (RFC 9000, 9).
#[napi(catch_unwind)]
pub fn endpoint_rebind(endpoint: u32, host: String, port: u16, raw_datagrams: bool) -> Result<Address> {
	environment::with(|environment| {
		let handle = endpoint;
		let endpoint = environment.table.endpoint(endpoint)?;
		let at = address(&host, port)?;
		let action = format!("Cannot rebind to UDP {at}");
		let sizes = SocketSizes { receive: 2 << 20, send: 2 << 20 };
		let socket = tap::bind(at.ip(), at.port(), &sizes).map_err(|e| socket_error(&action, e))?;
		let _context = environment.io.enter();
		let sink = raw_sink(environment.clone(), handle, raw_datagrams, endpoint.counters.clone());
		let (tap, released) = Tap::new(socket, sink).map_err(|e| socket_error(&action, e))?;
		endpoint.quinn.rebind_abstract(tap.clone()).map_err(|e| socket_error(&action, e))?;
		endpoint.set_tap(&tap, released);
		system::uv::forget(handle);
		endpoint.quinn.local_addr().map(Address::from).map_err(|e| socket_error(&action, e))
	})
}

/// Whether the datagram was handed to the system.
#[napi(catch_unwind)]
pub fn endpoint_send_raw(endpoint: u32, data: &[u8], host: String, port: u16) -> Result<bool> {
	environment::with(|environment| {
		let endpoint = environment.table.endpoint(endpoint)?;
		if data.first().is_none_or(|first| first & 0x40 != 0) {
			return Err(invalid("A raw datagram has at least one byte, without bit 0x40 (RFC 9443)"));
		}
		let to = address(&host, port)?;
		Ok(endpoint.tap().is_some_and(|tap| tap.send_raw(data, to).is_ok()))
	})
}

#[napi(catch_unwind)]
pub fn endpoint_close(endpoint: u32, close_code: f64, reason: String, drain_ms: u32) -> Result<()> {
	environment::with(|environment| {
		let endpoint = environment.table.endpoint(endpoint)?;
		let drain = Duration::from_millis(drain_ms.into());
		environment.flush(); // what was written before is sent before
		endpoint.release();
		environment.io.spawn(endpoint.close(code(close_code)?, reason.into_bytes(), drain));
		Ok(())
	})
}

/// open, undecided, accepted, failed, refused, retries, dropped raw datagrams.
#[napi(catch_unwind)]
pub fn endpoint_stats(endpoint: u32) -> Result<Vec<f64>> {
	environment::with(|environment| {
		let endpoint = environment.table.endpoint(endpoint)?;
		let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed) as f64;
		let counters = &endpoint.counters;
		Ok(vec![
			endpoint.quinn.open_connections() as f64,
			endpoint.undecided().into(),
			count(&counters.accepted),
			count(&counters.failed),
			count(&counters.refused),
			count(&counters.retries),
			count(&counters.dropped_raw),
		])
	})
}

// Connections

#[napi(catch_unwind)]
pub fn connection_dial(endpoint: u32, options: ConnectInput) -> Result<u32> {
	environment::with(|environment| {
		let endpoint = environment.table.endpoint(endpoint)?;
		let identity = options.identity.as_ref().map(|identity| identity.parse()).transpose()?;
		let (tls, refusal) = tls::client_config(identity, options.trust.parse()?, &options.alpn_protocols, options.key_log)?;
		let crypto = QuicClientConfig::try_from(tls).map_err(|e| invalid(e.to_string()))?;
		let mut config = quinn::ClientConfig::new(Arc::new(crypto));
		let windows = options.transport.windows()?;
		config.transport_config(options.transport.parse(windows)?);
		let heads = options.incoming.parse()?;
		let to = address(&options.address, options.port)?;
		let timeout = Duration::from_millis(options.handshake_timeout_ms.into());
		environment.table.insert_with(|handle| {
			let connection = Arc::new(Connection::dialled(handle, environment.clone(), endpoint, heads, windows));
			environment.io.spawn(connection.clone().dial(config, to, options.server_name, timeout, refusal));
			Ok(Entry::Connection(connection))
		})
	})
}

#[napi(catch_unwind)]
pub fn connection_confirm(connection: u32) -> Result<()> {
	environment::with(|environment| {
		environment.table.connection(connection)?.confirm();
		Ok(())
	})
}

#[napi(catch_unwind)]
pub fn connection_close(connection: u32, close_code: f64, reason: String) -> Result<()> {
	environment::with(|environment| {
		environment.table.connection(connection)?.close(code(close_code)?, reason.as_bytes());
		Ok(())
	})
}

#[napi(object)]
pub struct ConnectionInfo {
	pub remote: Address,
	pub local_address: Option<String>,
	pub accepted_from: Option<Address>,
	pub server_name: Option<String>,
	pub alpn_protocol: String,
	pub congestion: String,
	pub peer_certificates: Vec<Uint8Array>,
}

#[napi(catch_unwind)]
pub fn connection_info(connection: u32) -> Result<ConnectionInfo> {
	environment::with(|environment| {
		let found = environment.table.connection(connection)?;
		let connection = found.established().ok_or_else(|| stale("connection"))?;
		let handshake = connection.handshake_data().and_then(|data| data.downcast::<quinn::crypto::rustls::HandshakeData>().ok());
		let chain = connection.peer_identity().and_then(|id| id.downcast::<Vec<rustls::pki_types::CertificateDer>>().ok());
		let (server_name, protocol) = handshake.map_or((None, None), |data| (data.server_name, data.protocol));
		Ok(ConnectionInfo {
			remote: connection.remote_address().into(),
			local_address: connection.local_ip().map(|ip| ip.to_canonical().to_string()),
			accepted_from: found.accepted_from().map(Address::from),
			server_name,
			congestion: options::congestion_name(connection.congestion_state()).into(),
			alpn_protocol: protocol.map_or_else(String::new, |name| String::from_utf8_lossy(&name).into_owned()),
			peer_certificates: chain.map_or_else(Vec::new, |chain| chain.iter().map(|der| Uint8Array::from(der.to_vec())).collect()),
		})
	})
}

#[napi(catch_unwind)]
pub fn connection_remote(connection: u32) -> Result<Address> {
	environment::with(|environment| {
		let found = environment.table.connection(connection)?;
		found.established().map(|connection| connection.remote_address().into()).ok_or_else(|| stale("connection"))
	})
}

/// In the order of `ConnectionStats` in types.ts; times in milliseconds.
#[napi(catch_unwind)]
pub fn connection_stats(connection: u32) -> Result<Vec<f64>> {
	environment::with(|environment| {
		let found = environment.table.connection(connection)?;
		let stats = found.established().ok_or_else(|| stale("connection"))?.stats();
		Ok(vec![
			stats.path.rtt.as_secs_f64() * 1e3,
			stats.path.min_rtt.as_secs_f64() * 1e3,
			stats.path.cwnd as f64,
			f64::from(stats.path.current_mtu),
			stats.path.sent_packets as f64,
			stats.path.lost_packets as f64,
			stats.path.lost_bytes as f64,
			stats.path.congestion_events as f64,
			stats.udp_tx.bytes as f64,
			stats.udp_rx.bytes as f64,
			stats.udp_tx.datagrams as f64,
			stats.udp_rx.datagrams as f64,
		])
	})
}

/// 0 sent, 1 too large, 2 the peer takes none, 3 the connection is over.
#[napi(catch_unwind)]
pub fn connection_datagram(connection: u32, data: &[u8]) -> Result<u32> {
	environment::with(|environment| {
		Ok(match environment.table.connection(connection)?.send_datagram(data) {
			Ok(()) => 0,
			Err(quinn::SendDatagramError::TooLarge) => 1,
			Err(quinn::SendDatagramError::UnsupportedByPeer | quinn::SendDatagramError::Disabled) => 2,
			Err(quinn::SendDatagramError::ConnectionLost(_)) => 3,
		})
	})
}

/// Largest QUIC datagram now; 0: the peer takes none.
#[napi(catch_unwind)]
pub fn connection_max_datagram(connection: u32) -> Result<u32> {
	environment::with(|environment| {
		let found = environment.table.connection(connection)?;
		Ok(found.established().and_then(|connection| connection.max_datagram_size()).unwrap_or(0) as u32)
	})
}

/// Keying material bound to this connection (RFC 5705), the same on both sides.
#[napi(catch_unwind)]
pub fn connection_export_key(connection: u32, label: &[u8], context: &[u8], length: u32) -> Result<Uint8Array> {
	environment::with(|environment| {
		let found = environment.table.connection(connection)?;
		let connection = found.established().ok_or_else(|| stale("connection"))?;
		let mut out = vec![0; length.min(8192) as usize];
		connection.export_keying_material(&mut out, label, context).map_err(|_| invalid("Cannot export that many bytes"))?;
		Ok(out.into())
	})
}

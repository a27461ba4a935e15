//! The part of the Node-API surface that is about endpoints.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{EndpointConfig, VarInt};

use crate::connection::Connection;
use crate::endpoint::{
	give_tokens, raw_sink, restartable, set_connection_ids, Accepted, Admission, Counters, Endpoint, Farewell, Reach, Wide, Windows,
	RESET_INTERVAL,
};
use crate::error::{invalid, socket_error, Result};
use crate::io::{bind, capture, Inlet, SharedRuntime, SocketSizes, Tap, LARGEST_PAYLOAD};
use crate::lock::lock;
use crate::stream::Port;
use crate::tls;

use super::environment::{self, Entry, Environment};
use super::options::{self, address, code, EndpointInput, ListenInput};

/// What the peer may send before its connection is confirmed: its first stream, and little on that.
const UNDECIDED: Windows = Windows { bidirectional: 1, unidirectional: 0, connection: VarInt::from_u32(64 * 1024) };

/// QUIC version 1 alone. quinn would take drafts too.
const VERSIONS: [u32; 1] = [1];

#[napi(object)]
pub struct Address {
	pub address: String,
	pub port: u16,
}

impl From<SocketAddr> for Address {
	fn from(from: SocketAddr) -> Self {
		Self { address: from.ip().to_canonical().to_string(), port: from.port() }
	}
}

#[napi(catch_unwind)]
pub fn endpoint_bind(options: EndpointInput) -> Result<u32> {
	environment::with(|environment| {
		let at = address(&options.host, options.port)?;
		let sizes = SocketSizes { receive: options.receive_buffer_bytes as usize, send: options.send_buffer_bytes as usize };
		let action = format!("Cannot bind UDP {at}");
		let socket = bind(at, &sizes).map_err(|e| socket_error(&action, e))?;
		let mut config = match &options.stateless_reset_key {
			Some(key) => restartable(key)?,
			None => {
				let mut config = EndpointConfig::default();
				set_connection_ids(&mut config, None);
				config
			}
		};
		config.grease_quic_bit(false); // the bit tells QUIC from raw datagrams
		config.supported_versions(VERSIONS.to_vec());
		config.min_reset_interval(RESET_INTERVAL);
		config.max_udp_payload_size(LARGEST_PAYLOAD).map_err(|e| invalid(e.to_string()))?;
		let farewell = Farewell { code: code(options.farewell_code)?, reason: options.farewell_reason.into_bytes() };
		let _context = environment.io.enter();
		let counters = Arc::new(Counters::default());
		environment.table.insert_with(|handle| {
			let queue = &environment.queue;
			let sink = raw_sink(queue, handle, options.raw_datagrams, counters.clone());
			let inlet = Arc::new(Inlet::new(options.turn_bytes.into()));
			let (tap, released) = Tap::new(socket, sink, inlet.clone()).map_err(|e| socket_error(&action, e))?;
			let runtime = SharedRuntime { io: environment.io.clone() };
			let (quinn, driver) = capture(|| quinn::Endpoint::new_with_abstract_socket(config, None, tap.clone(), Arc::new(runtime)));
			let quinn = quinn.map_err(|e| socket_error(&action, e))?;
			let port = Arc::new(Port::new(handle, queue.clone(), (&tap, released), driver.clone()));
			let endpoint =
				Arc::new(Endpoint::new(handle, queue.clone(), quinn, (port, inlet), environment.rounds.clone(), counters, farewell));
			if let Some(driver) = driver {
				driver.set_reader(Arc::<Endpoint>::downgrade(&endpoint));
			}
			let owner = environment.clone();
			tokio::spawn(endpoint.clone().accept_all(move |accepted| serve(&owner, accepted)));
			Ok(Entry::Endpoint(endpoint))
		})
	})
}

/// Gives an accepted connection a handle, and starts to serve it until its end.
fn serve(environment: &Arc<Environment>, accepted: Accepted) {
	let Admission { undecided_timeout, undecided_code, .. } = accepted.rules;
	let connection = accepted.connection.clone();
	let made =
		environment.table.insert(|handle| Entry::Connection(Arc::new(Connection::accepted(handle, environment.due.clone(), accepted))));
	match made.and_then(|handle| environment.connection(handle)) {
		Ok(accepted) => {
			drop(connection);
			accepted.serve_accepted(undecided_timeout, undecided_code, environment.clone());
		}
		Err(_) => connection.close(undecided_code, b""),
	}
}

#[napi(catch_unwind)]
pub fn endpoint_address(endpoint: u32) -> Result<Address> {
	environment::with(|environment| {
		let endpoint = environment.endpoint(endpoint)?;
		endpoint.quinn.local_addr().map(Address::from).map_err(|e| socket_error("Cannot read local address", e))
	})
}

/// Starts to accept. Called again, it changes what holds for new connections.
#[napi(catch_unwind)]
pub fn endpoint_listen(endpoint: u32, options: ListenInput) -> Result<()> {
	environment::with(|environment| {
		let endpoint = environment.endpoint(endpoint)?;
		let trust = options.client_trust.as_ref().map(|trust| trust.parse()).transpose()?;
		let tls = tls::server_config(options.identity.parse()?, trust, &options.alpn_protocols, options.key_log)?;
		let crypto = QuicServerConfig::try_from(tls).map_err(|e| invalid(e.to_string()))?;
		let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
		config.transport_config(options.transport.parse(UNDECIDED, Reach::Ordinary)?);
		config.max_incoming(options.undecided_connections as usize).incoming_buffer_size(64 * 1024);
		if let Some(key) = &options.address_token_key {
			give_tokens(&mut config, key, endpoint.used_tokens.clone())?;
		}
		let for_reach = |reach| -> Result<Arc<quinn::ServerConfig>> {
			let mut config = config.clone();
			config.transport_config(options.transport.parse(UNDECIDED, reach)?);
			Ok(Arc::new(config))
		};
		let wide = match options.transport.widens() {
			true => Some(Wide { own: for_reach(Reach::Own)?, jumbo: for_reach(Reach::Jumbo)? }),
			false => None,
		};
		let admission = Admission {
			retry: options::retry(options.retry)?,
			retry_threshold: options.retry_threshold,
			undecided: options.undecided_connections,
			undecided_per_source: options.undecided_per_source,
			per_second_per_source: options.connects_per_second_per_source,
			returning_per_second_per_source: options.returning_per_second_per_source,
			connections: options.connections,
			handshake_timeout: Duration::from_millis(options.handshake_timeout_ms.into()),
			undecided_timeout: Duration::from_millis(options.undecided_timeout_ms.into()),
			undecided_code: code(options.undecided_code)?,
			undecided_invalid_code: code(options.undecided_invalid_code)?,
			terms: options::terms(&options.incoming, &options.transport)?,
			wide,
		};
		*lock(&endpoint.admission) = Some(admission);
		endpoint.quinn.set_server_config(Some(config));
		Ok(())
	})
}

#[napi(catch_unwind)]
pub fn endpoint_stop_listening(endpoint: u32) -> Result<()> {
	environment::with(|environment| {
		let endpoint = environment.endpoint(endpoint)?;
		endpoint.quinn.set_server_config(None);
		*lock(&endpoint.admission) = None;
		Ok(())
	})
}

/// Moves the endpoint and its live connections to a new local address (RFC 9000, 9).
#[napi(catch_unwind)]
pub fn endpoint_rebind(endpoint: u32, host: String, port: u16, raw_datagrams: bool) -> Result<Address> {
	environment::with(|environment| {
		let handle = endpoint;
		let endpoint = environment.endpoint(endpoint)?;
		let at = address(&host, port)?;
		let action = format!("Cannot rebind to UDP {at}");
		let sizes = SocketSizes { receive: 2 << 20, send: 2 << 20 };
		let socket = bind(at, &sizes).map_err(|e| socket_error(&action, e))?;
		let _context = environment.io.enter();
		let sink = raw_sink(&environment.queue, handle, raw_datagrams, endpoint.counters.clone());
		let (tap, released) = Tap::new(socket, sink, endpoint.inlet.clone()).map_err(|e| socket_error(&action, e))?;
		let rebound = endpoint.swap_socket(|| environment.drive(handle), || endpoint.quinn.rebind_abstract(tap.clone()));
		rebound.map_err(|e| socket_error(&action, e))?;
		endpoint.port.set_tap(&tap, released);
		endpoint.port.forget_socket();
		endpoint.quinn.local_addr().map(Address::from).map_err(|e| socket_error(&action, e))
	})
}

/// Whether the datagram was handed to the system.
#[napi(catch_unwind)]
pub fn endpoint_send_raw(endpoint: u32, data: &[u8], host: String, port: u16) -> Result<bool> {
	environment::with(|environment| {
		let endpoint = environment.endpoint(endpoint)?;
		if data.first().is_none_or(|first| first & 0x40 != 0) {
			return Err(invalid("A raw datagram has at least one byte, without bit 0x40 (RFC 9443)"));
		}
		let to = address(&host, port)?;
		Ok(endpoint.port.tap().is_some_and(|tap| tap.send_raw(data, to).is_ok()))
	})
}

#[napi(catch_unwind)]
pub fn endpoint_close(endpoint: u32, close_code: f64, reason: String, drain_ms: u32) -> Result<()> {
	environment::with(|environment| {
		let endpoint = environment.endpoint(endpoint)?;
		let drain = Duration::from_millis(drain_ms.into());
		environment.flush(); // what was written before the close is sent before it
		endpoint.port.release();
		let handle = endpoint.handle;
		let farewell = Farewell { code: code(close_code)?, reason: reason.into_bytes() };
		let (driving, sending) = (environment.clone(), environment.clone());
		endpoint.set_farewell(farewell.clone());
		let connections = environment.connections_of(handle);
		let carried_out = async move {
			for connection in connections {
				connection.line.commands.carried_out().await;
			}
		};
		environment.io.spawn(endpoint.close(
			farewell,
			drain,
			carried_out,
			move || driving.drive(handle),
			move || sending.send_closes(handle),
		));
		Ok(())
	})
}

/// Figures of a connection that `endpoint_held` tells, in this order.
pub const HELD: [&str; 5] = ["connection", "unsentBytes", "unreadBytes", "waitingPipes", "acknowledgedBytes"];

/// In the order of `HELD`, one connection after the other. Connections that hold less than `least` bytes are left out.
#[napi(catch_unwind)]
pub fn endpoint_held(connections: &[u32], least: f64) -> Result<Vec<f64>> {
	environment::with(|environment| {
		let mut figures = Vec::new();
		for handle in connections {
			let Ok(connection) = environment.connection(*handle) else { continue };
			let held = connection.line.held();
			let (unsent, unread) = (held.unsent as f64, held.unread as f64);
			if unsent + unread >= least {
				figures.extend::<[f64; HELD.len()]>([(*handle).into(), unsent, unread, held.waiting as f64, held.acknowledged as f64]);
			}
		}
		Ok(figures)
	})
}

/// What `endpoint_stats` tells, in this order.
pub const ENDPOINT_STATS: [&str; 9] = [
	"openConnections",
	"undecidedConnections",
	"acceptedHandshakes",
	"failedHandshakes",
	"refusedConnections",
	"retries",
	"returningConnections",
	"droppedRawDatagrams",
	"droppedDatagrams",
];

/// In the order of `ENDPOINT_STATS`.
#[napi(catch_unwind)]
pub fn endpoint_stats(endpoint: u32) -> Result<Vec<f64>> {
	environment::with(|environment| {
		let endpoint = environment.endpoint(endpoint)?;
		let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed) as f64;
		let counters = &endpoint.counters;
		let figures: [f64; ENDPOINT_STATS.len()] = [
			endpoint.quinn.open_connections() as f64,
			endpoint.undecided().into(),
			count(&counters.accepted),
			count(&counters.failed),
			count(&counters.refused),
			count(&counters.retries),
			count(&counters.returning),
			count(&counters.dropped_raw),
			endpoint.inlet.dropped() as f64,
		];
		Ok(figures.to_vec())
	})
}

//! The part of the Node-API surface that is about connections.

use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use quinn::crypto::rustls::QuicClientConfig;

use crate::connection::{Connection, Dial};
use crate::endpoint::Reach;
use crate::error::{invalid, stale, Result};
use crate::events::{record, Class};
use crate::io::Source;
use crate::numbered::numbered;
use crate::tls;

use super::endpoints::Address;
use super::environment::{self, Entry};
use super::options::{self, address, code, ConnectInput};

#[napi(catch_unwind)]
pub fn connection_dial(endpoint: u32, options: ConnectInput) -> Result<u32> {
	environment::with(|environment| {
		let endpoint = environment.endpoint(endpoint)?;
		let identity = options.identity.as_ref().map(|identity| identity.parse()).transpose()?;
		let (tls, refusal) = tls::client_config(identity, options.trust.parse()?, &options.alpn_protocols, options.key_log)?;
		let crypto = QuicClientConfig::try_from(tls).map_err(|e| invalid(e.to_string()))?;
		let mut config = quinn::ClientConfig::new(Arc::new(crypto));
		let terms = options::terms(&options.incoming, &options.transport)?;
		let to = address(&options.address, options.port)?;
		let reach = if options.transport.widens() { Reach::of(to) } else { Reach::Ordinary };
		config.transport_config(options.transport.parse(terms.windows, reach)?);
		let timeout = Duration::from_millis(options.handshake_timeout_ms.into());
		let tokens = endpoint.kept_tokens.of_dial(to);
		config.token_store(tokens.clone());
		environment.table.insert_with(|handle| {
			let connection = Arc::new(Connection::dialled(handle, endpoint, environment.due.clone(), terms));
			let dial =
				Dial { config, tokens, to, server_name: options.server_name, timeout, heeds_network: options.heeds_network, refusal };
			environment.io.spawn(connection.clone().dial(dial, environment.clone()));
			Ok(Entry::Connection(connection))
		})
	})
}

#[napi(catch_unwind)]
pub fn connection_confirm(connection: u32) -> Result<()> {
	environment::with(|environment| {
		environment.connection(connection)?.confirm();
		Ok(())
	})
}

/// While `hold` is true, streams that the peer opens wait in QUIC.
#[napi(catch_unwind)]
pub fn connection_hold_streams(connection: u32, hold: bool) -> Result<()> {
	environment::with(|environment| {
		environment.connection(connection)?.hold_streams(hold);
		Ok(())
	})
}

/// Those that send on the connection do so in turn from now on. What is piped from it counts as its own, or as that of `with`, which was
/// shared before, and then `bytes_per_second` (0: no bound) and `burst` are those of `with`. `CONN_SLOWED` follows when that makes it wait.
#[napi(catch_unwind)]
pub fn connection_share(connection: u32, with: Option<u32>, bytes_per_second: f64, burst: f64) -> Result<()> {
	environment::with(|environment| {
		let found = environment.connection(connection)?;
		let known = with.and_then(|with| environment.connection(with).ok());
		let source = known.and_then(|known| known.line.share().map(|share| share.source.clone()));
		found.line.set_share(connection, source.unwrap_or_else(|| Source::new(bytes_per_second as u64, burst as u64)));
		Ok(())
	})
}

/// Whether JS may take bytes that came on the connection now. If not, `CONN_TURN` follows when it may. Then `connection_took` ends the turn.
#[napi(catch_unwind)]
pub fn connection_may_take(connection: u32) -> Result<bool> {
	environment::with(|environment| {
		let line = environment.connection(connection)?.line.clone();
		let _context = environment.io.enter();
		let tell = || line.outlet.event(Class::Control, record::CONN_SLOWED, connection, &[]);
		Ok(line.share().is_none_or(|share| share.may_take(tell)))
	})
}

/// JS has taken so many bytes that came on the connection.
#[napi(catch_unwind)]
pub fn connection_took(connection: u32, bytes: u32) -> Result<()> {
	environment::with(|environment| {
		let line = environment.connection(connection)?.line.clone();
		let _context = environment.io.enter();
		if let Some(share) = line.share() {
			share.took(bytes as usize);
		}
		Ok(())
	})
}

/// `CONN_SETTLED` follows, unless the connection ends before.
#[napi(catch_unwind)]
pub fn connection_settle(connection: u32) -> Result<()> {
	environment::with(|environment| {
		environment.flush(); // what was written in this tick comes before it too
		environment.io.spawn(environment.connection(connection)?.settle());
		Ok(())
	})
}

#[napi(catch_unwind)]
pub fn connection_close(connection: u32, close_code: f64, reason: String) -> Result<()> {
	environment::with(|environment| {
		environment.connection(connection)?.close(code(close_code)?, reason.as_bytes());
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
		let found = environment.connection(connection)?;
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
		let found = environment.connection(connection)?;
		found.established().map(|connection| connection.remote_address().into()).ok_or_else(|| stale("connection"))
	})
}

/// What `connection_stats` tells, in this order.
pub const CONNECTION_STATS: [&str; 13] = [
	"rttMs",
	"minRttMs",
	"congestionWindowBytes",
	"mtuBytes",
	"sentPackets",
	"lostPackets",
	"lostBytes",
	"congestionEvents",
	"sentBytes",
	"receivedBytes",
	"sentDatagrams",
	"receivedDatagrams",
	"silentMs",
];

/// In the order of `CONNECTION_STATS`.
#[napi(catch_unwind)]
pub fn connection_stats(connection: u32) -> Result<Vec<f64>> {
	environment::with(|environment| {
		let found = environment.connection(connection)?;
		let stats = found.established().ok_or_else(|| stale("connection"))?.stats();
		let figures: [f64; CONNECTION_STATS.len()] = [
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
			found.line.silent_for().as_secs_f64() * 1e3,
		];
		Ok(figures.to_vec())
	})
}

numbered! {
	/// What became of a datagram, as JS reads it.
	#[derive(Clone, Copy)]
	pub enum DatagramResult {
		Sent = 0,
		TooLarge = 1,
		/// The peer takes none.
		Unsupported = 2,
		/// The connection is over.
		Closed = 3,
	}
}

/// Returns a number of `DatagramResult`.
#[napi(catch_unwind)]
pub fn connection_datagram(connection: u32, data: &[u8]) -> Result<u32> {
	environment::with(|environment| {
		let result = match environment.connection(connection)?.send_datagram(data) {
			Ok(()) => DatagramResult::Sent,
			Err(quinn::SendDatagramError::TooLarge) => DatagramResult::TooLarge,
			Err(quinn::SendDatagramError::UnsupportedByPeer | quinn::SendDatagramError::Disabled) => DatagramResult::Unsupported,
			Err(quinn::SendDatagramError::ConnectionLost(_)) => DatagramResult::Closed,
		};
		Ok(result as u32)
	})
}

/// The largest QUIC datagram for now; 0 when the peer takes none.
#[napi(catch_unwind)]
pub fn connection_max_datagram(connection: u32) -> Result<u32> {
	environment::with(|environment| {
		let found = environment.connection(connection)?;
		Ok(found.established().and_then(|connection| connection.max_datagram_size()).unwrap_or(0) as u32)
	})
}

/// Keying material bound to this connection (RFC 5705), the same on both sides.
#[napi(catch_unwind)]
pub fn connection_export_key(connection: u32, label: &[u8], context: &[u8], length: u32) -> Result<Uint8Array> {
	environment::with(|environment| {
		let found = environment.connection(connection)?;
		let connection = found.established().ok_or_else(|| stale("connection"))?;
		let mut out = vec![0; length.min(8192) as usize];
		connection.export_keying_material(&mut out, label, context).map_err(|_| invalid("Cannot export that many bytes"))?;
		Ok(out.into())
	})
}

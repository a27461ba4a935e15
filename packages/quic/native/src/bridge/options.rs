//! Options as JS passes them, turned into quinn's. All defaults live in TypeScript, so nothing here is optional without need.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use quinn::{congestion, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};

use crate::endpoint::{Heads, Reach, Retry, Terms, Windows};
use crate::error::{invalid, Result};
use crate::io::{Counting, CountingFactory, SendWindow};
use crate::stream::{Limits, Places, Reading, MAX_PAYLOAD_BYTES};
use crate::tls::{Identity, Trust};

#[napi(object, object_to_js = false)]
pub struct IdentityInput {
	pub certificates: Vec<Uint8Array>,
	pub private_key: Uint8Array,
}

#[napi(object, object_to_js = false)]
pub struct TrustInput {
	pub roots: Vec<Uint8Array>,
	pub pinned_keys: Vec<Uint8Array>,
	pub pinned_certificates: Vec<Uint8Array>,
}

#[napi(object, object_to_js = false)]
pub struct TransportInput {
	pub idle_timeout_ms: u32,
	pub keep_alive_interval_ms: u32,
	pub bidirectional_streams: u32,
	pub unidirectional_streams: u32,
	pub stream_window_bytes: f64,
	pub connection_window_bytes: f64,
	/// 0: it follows the congestion window.
	pub send_window_bytes: f64,
	/// 0: as much as the path may take.
	pub max_mtu_bytes: u16,
	pub segmentation_offload: bool,
	pub congestion: String,
	pub datagram_buffer_bytes: u32,
}

#[napi(object, object_to_js = false)]
pub struct IncomingInput {
	pub header_bytes: u32,
	pub header_timeout_ms: u32,
	pub header_timeout_code: f64,
	pub header_invalid_code: f64,
}

#[napi(object, object_to_js = false)]
pub struct EndpointInput {
	pub host: String,
	pub port: u16,
	pub raw_datagrams: bool,
	pub receive_buffer_bytes: u32,
	pub send_buffer_bytes: u32,
	/// 0: no bound.
	pub turn_bytes: u32,
	pub stateless_reset_key: Option<Uint8Array>,
	/// What the peers are told when this environment ends without closing the endpoint.
	pub farewell_code: f64,
	pub farewell_reason: String,
}

#[napi(object, object_to_js = false)]
pub struct ListenInput {
	pub identity: IdentityInput,
	pub client_trust: Option<TrustInput>,
	pub alpn_protocols: Vec<String>,
	/// A number of `Retry`.
	pub retry: u8,
	pub retry_threshold: u32,
	pub undecided_connections: u32,
	pub undecided_per_source: u32,
	pub connects_per_second_per_source: u32,
	pub returning_per_second_per_source: u32,
	/// `None`: those who connect get no address tokens.
	pub address_token_key: Option<Uint8Array>,
	pub connections: u32,
	pub handshake_timeout_ms: u32,
	pub undecided_timeout_ms: u32,
	pub undecided_code: f64,
	pub undecided_invalid_code: f64,
	pub key_log: bool,
	pub transport: TransportInput,
	pub incoming: IncomingInput,
}

#[napi(object, object_to_js = false)]
pub struct ConnectInput {
	pub address: String,
	pub port: u16,
	pub server_name: String,
	pub trust: TrustInput,
	pub identity: Option<IdentityInput>,
	pub alpn_protocols: Vec<String>,
	pub handshake_timeout_ms: u32,
	pub heeds_network: bool,
	pub key_log: bool,
	pub transport: TransportInput,
	pub incoming: IncomingInput,
}

#[napi(object, object_to_js = false)]
pub struct StreamInput {
	pub framed: bool,
	pub long_kinds: u32,
	pub long_bytes: u32,
	pub other_bytes: u32,
	pub credit_bytes: u32,
	pub high_water_bytes: u32,
	pub priority: i32,
	pub control: bool,
	pub too_long_code: f64,
	pub truncated_code: f64,
}

/// A QUIC code: an integer below 2^62.
pub fn code(value: f64) -> Result<VarInt> {
	if value.fract() == 0.0 && value >= 0.0 {
		if let Ok(code) = VarInt::from_u64(value as u64) {
			return Ok(code);
		}
	}
	Err(invalid(format!("{value} is not a QUIC code (0 to 2^62 - 1)")))
}

fn bytes(what: &str, value: f64) -> Result<u64> {
	if value.fract() == 0.0 && (0.0..=4_294_967_296.0 * 16.0).contains(&value) {
		return Ok(value as u64);
	}
	Err(invalid(format!("{what} is out of range: {value}")))
}

/// A link-local address may have a zone, as the number of an interface: `fe80::1%2`.
pub fn address(host: &str, port: u16) -> Result<SocketAddr> {
	let (ip, zone) = host.split_once('%').map_or((host, None), |(ip, zone)| (ip, Some(zone)));
	let address = match (ip.parse(), zone.map(str::parse)) {
		(Ok(ip), None) => Some(SocketAddr::new(ip, port)),
		(Ok(IpAddr::V6(ip)), Some(Ok(zone))) => Some(SocketAddrV6::new(ip, port, 0, zone).into()),
		_ => None,
	};
	address.ok_or_else(|| invalid(format!("\"{host}\" is not an IP address")))
}

impl IdentityInput {
	pub fn parse(&self) -> Result<Identity> {
		Identity::new(self.certificates.iter().map(|der| der.to_vec()).collect(), &self.private_key)
	}
}

fn digests(what: &str, list: &[Uint8Array]) -> Result<Vec<[u8; 32]>> {
	list.iter()
		.map(|pin| <[u8; 32]>::try_from(&pin[..]).map_err(|_| invalid(format!("{what}: a SHA-256 has 32 bytes, not {}", pin.len()))))
		.collect()
}

impl TrustInput {
	pub fn parse(&self) -> Result<Trust> {
		Ok(Trust {
			roots: self.roots.iter().map(|der| der.to_vec()).collect(),
			keys: digests("pinnedKeys", &self.pinned_keys)?,
			certificates: digests("pinnedCertificates", &self.pinned_certificates)?,
		})
	}
}

/// A packet is not taken for lost because later ones have arrived (RFC 9002, 6.1.1). Wi-Fi, handovers and bonded links reorder
/// far more than three packets, and each false alarm halves the rate.
const PACKET_THRESHOLD: u32 = u32::MAX;
/// It is taken for lost when it is overdue (RFC 9002, 6.1.2). In round trips: one, a quarter for reordering, and some for jitter.
/// More would find real losses later.
const TIME_THRESHOLD: f32 = 1.375;

impl TransportInput {
	pub fn windows(&self) -> Result<Windows> {
		let connection = VarInt::from_u64(bytes("connectionWindowBytes", self.connection_window_bytes)?).unwrap_or(VarInt::MAX);
		Ok(Windows { bidirectional: self.bidirectional_streams, unidirectional: self.unidirectional_streams, connection })
	}

	/// `None`: it follows the congestion window.
	fn send_window(&self) -> Result<Option<u64>> {
		Ok(Some(bytes("sendWindowBytes", self.send_window_bytes)?).filter(|bytes| *bytes > 0))
	}

	/// Whether packets may become larger where they may pass.
	pub fn widens(&self) -> bool {
		self.max_mtu_bytes == 0
	}

	/// `start` is what the peer gets before it is confirmed.
	pub fn parse(&self, start: Windows, reach: Reach) -> Result<Arc<TransportConfig>> {
		let mut config = TransportConfig::default();
		let idle = IdleTimeout::try_from(Duration::from_millis(self.idle_timeout_ms.into())).map_err(|e| invalid(e.to_string()))?;
		let keep_alive = (self.keep_alive_interval_ms > 0).then(|| Duration::from_millis(self.keep_alive_interval_ms.into()));
		let window = VarInt::from_u64(bytes("streamWindowBytes", self.stream_window_bytes)?).unwrap_or(VarInt::MAX);
		let datagrams = self.datagram_buffer_bytes as usize;
		let mut mtu = reach.discovery();
		if self.max_mtu_bytes > 0 {
			mtu = MtuDiscoveryConfig::default();
			mtu.upper_bound(self.max_mtu_bytes.max(1200));
		}
		config
			.packet_threshold(PACKET_THRESHOLD)
			.time_threshold(TIME_THRESHOLD)
			.max_idle_timeout((self.idle_timeout_ms > 0).then_some(idle))
			.keep_alive_interval(keep_alive)
			.stream_receive_window(window)
			.receive_window(start.connection)
			.send_window(SendWindow::new(self.send_window()?).bytes())
			.max_concurrent_bidi_streams(Places::at_first(start.bidirectional).into())
			.max_concurrent_uni_streams(start.unidirectional.into())
			.mtu_discovery_config(Some(mtu))
			.enable_segmentation_offload(self.segmentation_offload)
			.datagram_receive_buffer_size((datagrams > 0).then_some(datagrams))
			.datagram_send_buffer_size(datagrams.max(64 * 1024));
		match self.congestion.as_str() {
			"cubic" => config.congestion_controller_factory(counting(congestion::CubicConfig::default())),
			"newreno" => config.congestion_controller_factory(counting(congestion::NewRenoConfig::default())),
			"bbr" => config.congestion_controller_factory(counting(congestion::BbrConfig::default())),
			other => return Err(invalid(format!("congestion: \"{other}\" is none of cubic, newreno, bbr"))),
		};
		Ok(Arc::new(config))
	}
}

/// A controller that counts what is on its way, too.
fn counting<F>(factory: F) -> Arc<CountingFactory<F>> {
	Arc::new(CountingFactory(Arc::new(factory)))
}

/// The names that JS uses.
pub const CONGESTION: [&str; 3] = ["cubic", "newreno", "bbr"];

/// The name that JS uses for a controller.
pub fn congestion_name(controller: Box<dyn congestion::Controller>) -> &'static str {
	let controller = match controller.into_any().downcast::<Counting>() {
		Ok(counting) => counting.inner.into_any(),
		Err(other) => other,
	};
	if controller.is::<congestion::Cubic>() {
		"cubic"
	} else if controller.is::<congestion::NewReno>() {
		"newreno"
	} else {
		"bbr"
	}
}

/// The longest first frame that JS may allow: it reaches JS in one record, which has to fit into a batch.
pub const MAX_HEADER_BYTES: u32 = 65_536;

pub fn header_limit(bytes: u32) -> Result<usize> {
	match bytes {
		0..=MAX_HEADER_BYTES => Ok(bytes as usize),
		_ => Err(invalid(format!("headerBytes: {bytes} is more than {MAX_HEADER_BYTES}"))),
	}
}

impl IncomingInput {
	pub fn parse(&self) -> Result<Heads> {
		Ok(Heads {
			bytes: header_limit(self.header_bytes)?,
			timeout: Duration::from_millis(self.header_timeout_ms.into()),
			timeout_code: code(self.header_timeout_code)?,
			invalid_code: code(self.header_invalid_code)?,
		})
	}
}

/// What a connection gets once both sides want it.
pub fn terms(incoming: &IncomingInput, transport: &TransportInput) -> Result<Terms> {
	let datagrams = transport.datagram_buffer_bytes > 0;
	Ok(Terms { heads: incoming.parse()?, windows: transport.windows()?, datagrams, send_window: transport.send_window()? })
}

pub fn retry(number: u8) -> Result<Retry> {
	let all = [Retry::Never, Retry::UnderLoad, Retry::Always];
	all.into_iter().find(|retry| *retry as u8 == number).ok_or_else(|| invalid(format!("retry: {number} is none of 0, 1, 2")))
}

impl StreamInput {
	pub fn reading(&self) -> Result<Reading> {
		let [long, other] = [self.long_bytes, self.other_bytes].map(|bytes| bytes.min(MAX_PAYLOAD_BYTES));
		let limits = Limits { long_kinds: self.long_kinds, long, other };
		Ok(Reading {
			limits: self.framed.then_some(limits),
			credit: self.credit_bytes.into(),
			control: self.control,
			too_long_code: code(self.too_long_code)?,
			truncated_code: code(self.truncated_code)?,
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn an_address_may_have_the_number_of_a_zone() {
		assert_eq!(address("127.0.0.1", 7).unwrap().to_string(), "127.0.0.1:7");
		assert_eq!(address("::1", 7).unwrap().to_string(), "[::1]:7");
		assert_eq!(address("fe80::1%3", 7).unwrap().to_string(), "[fe80::1%3]:7");
		for wrong in
			["", "%", "%3", "fe80::1%", "fe80::1%eth0", "fe80::1%-1", "fe80::1%4294967296", "127.0.0.1%3", "fe80::1%3%3", "[fe80::1]"]
		{
			assert!(address(wrong, 7).is_err(), "{wrong}");
		}
	}
}

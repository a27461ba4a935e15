//! The arguments, and the configurations that they ask for.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, MtuDiscoveryConfig, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::verifier::PossessionOnly;

type Failure = Box<dyn std::error::Error + Send + Sync>;
pub type Outcome<T> = Result<T, Failure>;

const ALPN: &[u8] = b"conec-bench/1";

/// The largest UDP payload that path MTU discovery tries: on the machine itself and elsewhere, as `@conec/quic` has it.
const OWN_PAYLOAD: u16 = if cfg!(all(target_os = "linux", target_pointer_width = "64")) { 6_540 } else { 1_452 };
const PAYLOAD: u16 = 1_452;

pub struct Settings {
	host: Ipv4Addr,
	port: u16,
	cert: Vec<u8>,
	key: Vec<u8>,
	pub duration: Duration,
	pub size: usize,
	pub count: usize,
	stream_window: u32,
	connection_window: u32,
	send_window: u64,
	/// Streams that the peer may open, and then no unidirectional ones. `None`: as quinn has it.
	bidirectional: Option<u32>,
}

impl Settings {
	pub fn parse(arguments: &[String]) -> Outcome<Self> {
		let text = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
		let number = |name: &str, otherwise: f64| -> Outcome<f64> {
			Ok(match text(name) {
				Some(value) => value.parse()?,
				None => otherwise,
			})
		};
		let file = |name: &str| -> Outcome<Vec<u8>> { Ok(std::fs::read(text(name).ok_or(format!("{name} is missing"))?)?) };
		Ok(Self {
			host: text("--host").map_or(Ok(Ipv4Addr::LOCALHOST), |host| host.parse())?,
			port: number("--port", 0.0)? as u16,
			cert: file("--cert")?,
			key: file("--key")?,
			duration: Duration::from_secs_f64(number("--seconds", 2.0)?),
			size: number("--size", 65_536.0)? as usize,
			count: number("--count", 50.0)? as usize,
			stream_window: number("--stream-window", 1_048_576.0)? as u32,
			connection_window: number("--connection-window", 135_266_304.0)? as u32,
			send_window: number("--send-window", 8_388_608.0)? as u64,
			bidirectional: text("--bidirectional").map(|value| value.parse()).transpose()?,
		})
	}

	fn address(&self) -> SocketAddr {
		(self.host, self.port).into()
	}

	pub async fn dial(&self) -> Outcome<Connection> {
		self.dial_on(&self.endpoint()?).await
	}

	/// Dials from a socket that may have other connections.
	pub async fn dial_on(&self, endpoint: &Endpoint) -> Outcome<Connection> {
		Ok(endpoint.connect(self.address(), "localhost")?.await?)
	}

	/// Of the client.
	pub fn endpoint(&self) -> Outcome<Endpoint> {
		let local = if self.host.is_loopback() { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
		let mut endpoint = self.bind(None, (local, 0).into())?;
		endpoint.set_default_client_config(self.client_config()?);
		Ok(endpoint)
	}

	/// Of the server.
	pub fn listening(&self) -> Outcome<Endpoint> {
		self.bind(Some(self.server_config()?), self.address())
	}

	fn bind(&self, server: Option<ServerConfig>, at: SocketAddr) -> Outcome<Endpoint> {
		let mut config = EndpointConfig::default();
		config.max_udp_payload_size(self.payload().max(1_472))?;
		Ok(Endpoint::new(config, server, UdpSocket::bind(at)?, Arc::new(TokioRuntime))?)
	}

	fn payload(&self) -> u16 {
		if self.host.is_loopback() {
			OWN_PAYLOAD
		} else {
			PAYLOAD
		}
	}

	/// quinn's defaults, except for the windows, the keep-alive and the packets' sizes, which are those of `@conec/quic`.
	fn transport(&self) -> Arc<TransportConfig> {
		let mut transport = TransportConfig::default();
		let mut mtu = MtuDiscoveryConfig::default();
		mtu.upper_bound(self.payload());
		if self.payload() > PAYLOAD {
			mtu.minimum_change((OWN_PAYLOAD - 1_200) / 2 + 1); // tries the upper bound at once
		}
		transport
			.mtu_discovery_config(Some(mtu))
			.stream_receive_window(VarInt::from_u32(self.stream_window))
			.receive_window(VarInt::from_u32(self.connection_window))
			.send_window(self.send_window)
			.keep_alive_interval(Some(Duration::from_secs(5)));
		if let Some(streams) = self.bidirectional {
			transport.max_concurrent_bidi_streams(streams.into()).max_concurrent_uni_streams(0u8.into());
		}
		Arc::new(transport)
	}

	fn identity(&self) -> Outcome<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
		Ok((vec![CertificateDer::from(self.cert.clone())], PrivateKeyDer::try_from(self.key.clone())?))
	}

	fn server_config(&self) -> Outcome<ServerConfig> {
		let (chain, key) = self.identity()?;
		let verifier = PossessionOnly::new();
		let mut tls = rustls::ServerConfig::builder_with_provider(verifier.0.clone())
			.with_protocol_versions(&[&rustls::version::TLS13])?
			.with_client_cert_verifier(Arc::new(verifier))
			.with_single_cert(chain, key)?;
		tls.alpn_protocols = vec![ALPN.to_vec()];
		tls.send_tls13_tickets = 0;
		let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
		config.transport_config(self.transport());
		Ok(config)
	}

	fn client_config(&self) -> Outcome<ClientConfig> {
		let (chain, key) = self.identity()?;
		let verifier = PossessionOnly::new();
		let mut tls = rustls::ClientConfig::builder_with_provider(verifier.0.clone())
			.with_protocol_versions(&[&rustls::version::TLS13])?
			.dangerous()
			.with_custom_certificate_verifier(Arc::new(verifier))
			.with_client_auth_cert(chain, key)?;
		tls.alpn_protocols = vec![ALPN.to_vec()];
		tls.resumption = rustls::client::Resumption::disabled();
		let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
		config.transport_config(self.transport());
		Ok(config)
	}
}

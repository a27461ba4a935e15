//! Reference for the benchmark: what quinn alone does on this machine, with no addon and no JavaScript.
//!
//! `raw_quinn server --cert F --key F [--host A] [windows]` prints `{"port":N}` and serves until its standard input ends.
//! `raw_quinn client MODE --port N --cert F --key F [--host A] [--seconds S] [--size N] [--count N] [windows]` prints one JSON line.
//! The host is the server's IPv4 address; 127.0.0.1 unless it is given.
//!
//! The client names its mode in the first five bytes of a stream (mode, then message size). Frames are those of
//! `@conec/quic`: four bytes `kind << 24 | length`, big endian, then the payload. Rates are taken at the receiver,
//! from the first byte to FIN. Mutual TLS with a proof of possession on both sides and no further check, as with a pin.

// The result on standard output is what this program is for.
#![allow(clippy::print_stdout)]

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::exit;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig, TransportConfig, VarInt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls13_signature, CryptoProvider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

const ALPN: &[u8] = b"conec-bench/1";
const SINK: u8 = 1;
const ECHO: u8 = 2;
const STALL: u8 = 3;
/// Small messages are packed up to this size before quinn sees them, as the addon does.
const PACK_BYTES: usize = 64 * 1024;

fn main() {
	let arguments: Vec<String> = std::env::args().skip(1).collect();
	let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
	if let Err(error) = runtime.block_on(run(&arguments)) {
		eprintln!("raw_quinn: {error}");
		exit(1);
	}
}

async fn run(arguments: &[String]) -> Outcome<()> {
	let settings = Settings::parse(arguments)?;
	match arguments.first().map(String::as_str) {
		Some("server") => serve(&settings).await,
		Some("client") => match arguments.get(1).map(String::as_str) {
			Some("bulk") => bulk(&settings).await,
			Some("rtt") => rtt(&settings).await,
			Some("connect") => connect(&settings).await,
			Some("paused") => paused(&settings).await,
			_ => Err("expected a mode: bulk, rtt, connect or paused".into()),
		},
		_ => Err("expected a role: server or client".into()),
	}
}

// ---- server ----

async fn serve(settings: &Settings) -> Outcome<()> {
	let endpoint = Endpoint::server(settings.server_config()?, settings.address())?;
	println!("{{\"port\":{}}}", endpoint.local_addr()?.port());
	// The parent holds our standard input open; its end is the order to leave, however the parent ended.
	std::thread::spawn(|| {
		let _ = std::io::stdin().read_to_end(&mut Vec::new());
		exit(0);
	});
	while let Some(incoming) = endpoint.accept().await {
		tokio::spawn(async move {
			if let Ok(connection) = incoming.await {
				while let Ok((send, receive)) = connection.accept_bi().await {
					tokio::spawn(async move {
						let _ = answer(send, receive).await;
					});
				}
			}
		});
	}
	Ok(())
}

async fn answer(mut send: SendStream, mut receive: RecvStream) -> Outcome<()> {
	let mut head = [0; 5];
	receive.read_exact(&mut head).await?;
	match head[0] {
		SINK => {
			let (figures, elapsed) = drain(&mut receive).await?;
			let mut reply = BytesMut::with_capacity(24);
			reply.put_u64(figures.bytes);
			reply.put_u64(figures.messages);
			reply.put_u64(elapsed.as_nanos() as u64);
			send.write_all(&reply).await?;
			send.finish()?;
			send.stopped().await?;
		}
		ECHO => {
			let mut chunk = vec![0; 4 + size_of_message(&head)];
			while receive.read_exact(&mut chunk).await.is_ok() {
				send.write_all(&chunk).await?;
			}
			send.finish()?;
		}
		STALL => {
			// Never reads: dropping `receive` would stop the sender instead of stalling it.
			send.stopped().await?;
			drop(receive);
		}
		_ => return Err("unknown mode".into()),
	}
	Ok(())
}

/// Reads to FIN, walking the frames; the clock starts with the first byte.
async fn drain(receive: &mut RecvStream) -> Outcome<(Deframer, Duration)> {
	let mut chunks: [Bytes; 64] = std::array::from_fn(|_| Bytes::new());
	let mut figures = Deframer::default();
	let mut started = None;
	while let Some(count) = receive.read_chunks(&mut chunks).await? {
		started.get_or_insert_with(Instant::now);
		for chunk in &chunks[..count] {
			figures.feed(chunk);
		}
	}
	Ok((figures, started.map_or(Duration::ZERO, |at| at.elapsed())))
}

/// Counts whole frames in a byte sequence cut anywhere.
#[derive(Default)]
struct Deframer {
	bytes: u64,
	messages: u64,
	header: [u8; 4],
	header_filled: usize,
	payload_left: usize,
}

impl Deframer {
	fn feed(&mut self, mut data: &[u8]) {
		while !data.is_empty() {
			if self.payload_left > 0 {
				let taken = self.payload_left.min(data.len());
				self.payload_left -= taken;
				self.bytes += taken as u64;
				data = &data[taken..];
				self.messages += u64::from(self.payload_left == 0);
				continue;
			}
			let taken = (4 - self.header_filled).min(data.len());
			self.header[self.header_filled..self.header_filled + taken].copy_from_slice(&data[..taken]);
			self.header_filled += taken;
			data = &data[taken..];
			if self.header_filled == 4 {
				self.header_filled = 0;
				self.payload_left = (u32::from_be_bytes(self.header) & 0xff_ffff) as usize;
				self.messages += u64::from(self.payload_left == 0);
			}
		}
	}
}

// ---- client ----

async fn bulk(settings: &Settings) -> Outcome<()> {
	let connection = settings.dial().await?;
	let (mut send, mut receive) = open(&connection, SINK, settings.size).await?;
	let frame = frame_of(settings.size);
	let packed: Bytes = frame.repeat((PACK_BYTES / frame.len()).max(1)).into();
	let deadline = Instant::now() + settings.duration;
	while Instant::now() < deadline {
		if frame.len() < PACK_BYTES / 2 {
			// One copy per message, as any program pays that makes its messages one by one.
			let mut batch = BytesMut::with_capacity(packed.len());
			while batch.len() + frame.len() <= packed.len() {
				batch.extend_from_slice(&frame);
			}
			send.write_chunk(batch.freeze()).await?;
		} else {
			send.write_chunk(packed.clone()).await?;
		}
	}
	send.finish()?;
	let mut reply = [0; 24];
	receive.read_exact(&mut reply).await?;
	let word = |at: usize| u64::from_be_bytes(reply[at..at + 8].try_into().expect("eight bytes"));
	let (bytes, messages, nanos) = (word(0), word(8), word(16));
	println!("{{\"bytes\":{bytes},\"messages\":{messages},\"seconds\":{}}}", nanos as f64 / 1e9);
	leave(connection).await;
	Ok(())
}

async fn rtt(settings: &Settings) -> Outcome<()> {
	let connection = settings.dial().await?;
	let (mut send, mut receive) = open(&connection, ECHO, settings.size).await?;
	let frame = frame_of(settings.size);
	let mut echo = vec![0; frame.len()];
	let mut micros = Vec::new();
	let deadline = Instant::now() + settings.duration;
	while Instant::now() < deadline {
		let started = Instant::now();
		send.write_all(&frame).await?;
		receive.read_exact(&mut echo).await?;
		micros.push(started.elapsed().as_nanos() as f64 / 1e3);
	}
	print_percentiles(&mut micros, "Us");
	leave(connection).await;
	Ok(())
}

/// A new socket, a handshake, and one message each way: what a `hello` and its `welcome` cost at the least.
async fn connect(settings: &Settings) -> Outcome<()> {
	let mut millis = Vec::new();
	for _ in 0..settings.count {
		let started = Instant::now();
		let connection = settings.dial().await?;
		let (mut send, mut receive) = open(&connection, ECHO, settings.size).await?;
		let frame = frame_of(settings.size);
		send.write_all(&frame).await?;
		receive.read_exact(&mut vec![0; frame.len()]).await?;
		millis.push(started.elapsed().as_nanos() as f64 / 1e6);
		leave(connection).await;
	}
	print_percentiles(&mut millis, "Ms");
	Ok(())
}

/// Writes to a peer that never reads, until nothing has been taken for half a second.
async fn paused(settings: &Settings) -> Outcome<()> {
	let connection = settings.dial().await?;
	let (mut send, _receive) = open(&connection, STALL, settings.size).await?;
	let frame = frame_of(settings.size);
	let mut bytes = 0;
	while let Ok(written) = tokio::time::timeout(Duration::from_millis(500), send.write(&frame)).await {
		bytes += written?;
	}
	println!("{{\"bytes\":{bytes}}}");
	leave(connection).await;
	Ok(())
}

async fn open(connection: &Connection, mode: u8, size: usize) -> Outcome<(SendStream, RecvStream)> {
	let (mut send, receive) = connection.open_bi().await?;
	let mut head = [0; 5];
	head[0] = mode;
	head[1..].copy_from_slice(&(size as u32).to_be_bytes());
	send.write_all(&head).await?;
	Ok((send, receive))
}

async fn leave(connection: Connection) {
	connection.close(VarInt::from_u32(0), b"done");
	// One pass of the driver, so that the close frame leaves before the endpoint is dropped.
	tokio::time::sleep(Duration::from_millis(1)).await;
}

fn frame_of(size: usize) -> Bytes {
	let mut frame = BytesMut::with_capacity(4 + size);
	frame.put_u32(size as u32);
	frame.resize(4 + size, 0x61);
	frame.freeze()
}

fn size_of_message(head: &[u8; 5]) -> usize {
	u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize
}

fn print_percentiles(samples: &mut [f64], unit: &str) {
	samples.sort_by(f64::total_cmp);
	let at = |share: f64| samples[((samples.len() - 1) as f64 * share).round() as usize];
	println!("{{\"count\":{},\"p50{unit}\":{},\"p99{unit}\":{}}}", samples.len(), at(0.5), at(0.99));
}

// ---- configuration ----

struct Settings {
	host: Ipv4Addr,
	port: u16,
	cert: Vec<u8>,
	key: Vec<u8>,
	duration: Duration,
	size: usize,
	count: usize,
	stream_window: u32,
	connection_window: u32,
	send_window: u64,
}

impl Settings {
	fn parse(arguments: &[String]) -> Outcome<Self> {
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
		})
	}

	/// Of the server.
	fn address(&self) -> SocketAddr {
		(self.host, self.port).into()
	}

	async fn dial(&self) -> Outcome<Connection> {
		let local = if self.host.is_loopback() { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
		let mut endpoint = Endpoint::client((local, 0).into())?;
		endpoint.set_default_client_config(self.client_config()?);
		Ok(endpoint.connect(self.address(), "localhost")?.await?)
	}

	/// quinn's defaults, except for the windows and the keep-alive, which are those of `@conec/quic`.
	fn transport(&self) -> Arc<TransportConfig> {
		let mut transport = TransportConfig::default();
		transport
			.stream_receive_window(VarInt::from_u32(self.stream_window))
			.receive_window(VarInt::from_u32(self.connection_window))
			.send_window(self.send_window)
			.keep_alive_interval(Some(Duration::from_secs(5)));
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

/// Any certificate whose key the peer proves to hold. A benchmark between two processes of one user needs no more.
#[derive(Debug)]
struct PossessionOnly(Arc<CryptoProvider>);

impl PossessionOnly {
	fn new() -> Self {
		Self(Arc::new(rustls::crypto::ring::default_provider()))
	}

	fn check(
		&self,
		message: &[u8],
		cert: &CertificateDer<'_>,
		dss: &DigitallySignedStruct,
	) -> Result<HandshakeSignatureValid, rustls::Error> {
		verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
	}

	fn schemes(&self) -> Vec<SignatureScheme> {
		self.0.signature_verification_algorithms.supported_schemes()
	}
}

impl ServerCertVerifier for PossessionOnly {
	fn verify_server_cert(
		&self,
		_: &CertificateDer<'_>,
		_: &[CertificateDer<'_>],
		_: &ServerName<'_>,
		_: &[u8],
		_: UnixTime,
	) -> Result<ServerCertVerified, rustls::Error> {
		Ok(ServerCertVerified::assertion())
	}

	fn verify_tls12_signature(
		&self,
		_: &[u8],
		_: &CertificateDer<'_>,
		_: &DigitallySignedStruct,
	) -> Result<HandshakeSignatureValid, rustls::Error> {
		Err(rustls::Error::General("TLS 1.3 only".into()))
	}

	fn verify_tls13_signature(
		&self,
		message: &[u8],
		cert: &CertificateDer<'_>,
		dss: &DigitallySignedStruct,
	) -> Result<HandshakeSignatureValid, rustls::Error> {
		self.check(message, cert, dss)
	}

	fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
		self.schemes()
	}
}

impl ClientCertVerifier for PossessionOnly {
	fn root_hint_subjects(&self) -> &[DistinguishedName] {
		&[]
	}

	fn verify_client_cert(
		&self,
		_: &CertificateDer<'_>,
		_: &[CertificateDer<'_>],
		_: UnixTime,
	) -> Result<ClientCertVerified, rustls::Error> {
		Ok(ClientCertVerified::assertion())
	}

	fn verify_tls12_signature(
		&self,
		_: &[u8],
		_: &CertificateDer<'_>,
		_: &DigitallySignedStruct,
	) -> Result<HandshakeSignatureValid, rustls::Error> {
		Err(rustls::Error::General("TLS 1.3 only".into()))
	}

	fn verify_tls13_signature(
		&self,
		message: &[u8],
		cert: &CertificateDer<'_>,
		dss: &DigitallySignedStruct,
	) -> Result<HandshakeSignatureValid, rustls::Error> {
		self.check(message, cert, dss)
	}

	fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
		self.schemes()
	}
}

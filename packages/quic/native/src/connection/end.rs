//! How a connection ended, as JS is told.

use quinn::ConnectionError;

use crate::events::{record, u64_halves, Class, Outlet};
use crate::numbered::numbered;
use crate::system::error_queue::Problem;
use crate::tls::Refused;

numbered! {
	/// In which layer a connection ended, as JS reads it.
	#[derive(Clone, Copy)]
	pub enum Layer {
		ClosedLocally = 1,
		ClosedByPeer = 2,
		IdleTimeout = 3,
		HandshakeTimeout = 4,
		StatelessReset = 5,
		VersionMismatch = 6,
		TlsByPeer = 7,
		TlsLocally = 8,
		TransportByPeer = 9,
		TransportLocally = 10,
		DialFailed = 11,
		DialRefused = 12,
	}
}

numbered! {
	/// What the network says of a dial, as JS reads it.
	#[derive(Clone, Copy)]
	pub enum DialRefusal {
		Port = 1,
		Prohibited = 2,
		Unreachable = 3,
	}
}

/// JS gets no more of a reason than this.
const REASON_BYTES: usize = 1024;
/// RFC 9001, 4.8: codes from 0x0100 to 0x01ff carry a TLS alert.
const CRYPTO: u64 = 0x100;
/// RFC 9000, 20.1.
const INTERNAL_ERROR: u64 = 1;

/// The end of a connection.
pub struct End {
	layer: Layer,
	/// An application's, TLS's or QUIC's, or a `DialRefusal`, depending on the layer.
	code: u64,
	/// Why this side refused the peer's certificate, if it did.
	refusal: Option<Refused>,
	reason: Vec<u8>,
}

impl End {
	fn new(layer: Layer, code: u64, reason: &[u8]) -> Self {
		Self { layer, code, refusal: None, reason: reason[..reason.len().min(REASON_BYTES)].to_vec() }
	}

	/// An end that its layer tells all about.
	pub fn of(layer: Layer) -> Self {
		Self::new(layer, 0, b"")
	}

	pub fn dial_failed(reason: &str) -> Self {
		Self::new(Layer::DialFailed, 0, reason.as_bytes())
	}

	/// The network says that nobody will answer.
	pub fn dial_refused(problem: Problem) -> Self {
		let why = match problem {
			Problem::Port => DialRefusal::Port,
			Problem::Prohibited => DialRefusal::Prohibited,
			Problem::Unreachable => DialRefusal::Unreachable,
		};
		Self::new(Layer::DialRefused, why as u64, b"")
	}

	/// quinn's driver of the connection has failed.
	pub fn lost_driver() -> Self {
		Self::new(Layer::TransportLocally, INTERNAL_ERROR, b"what drives the connection has failed")
	}

	/// `close_code`: the code that this side closed with, if it did. `refusal`: why it refused the peer's certificate, if it did.
	pub fn from_error(e: &ConnectionError, close_code: u64, refusal: Option<Refused>) -> Self {
		let is_alert = |code: u64| (CRYPTO..CRYPTO + 0x100).contains(&code);
		match e {
			ConnectionError::LocallyClosed => Self::new(Layer::ClosedLocally, close_code, b""),
			ConnectionError::ApplicationClosed(close) => Self::new(Layer::ClosedByPeer, close.error_code.into_inner(), &close.reason),
			ConnectionError::TimedOut => Self::of(Layer::IdleTimeout),
			ConnectionError::Reset => Self::of(Layer::StatelessReset),
			ConnectionError::VersionMismatch => Self::of(Layer::VersionMismatch),
			ConnectionError::ConnectionClosed(close) => {
				let code = u64::from(close.error_code);
				match is_alert(code) {
					true => Self::new(Layer::TlsByPeer, code - CRYPTO, &close.reason),
					false => Self::new(Layer::TransportByPeer, code, &close.reason),
				}
			}
			ConnectionError::TransportError(e) => {
				let code = u64::from(e.code);
				match is_alert(code) {
					true => Self { refusal, ..Self::new(Layer::TlsLocally, code - CRYPTO, e.reason.as_bytes()) },
					false => Self::new(Layer::TransportLocally, code, e.reason.as_bytes()),
				}
			}
			ConnectionError::CidsExhausted => Self::new(Layer::TransportLocally, 0, b"no connection ids left"),
		}
	}

	/// Tells JS. It is the connection's last event.
	pub fn tell(&self, outlet: &Outlet, connection: u32) {
		let Self { layer, code, refusal, reason } = self;
		let (why, key) = refusal.map_or((0, [0; 32]), |Refused { why, key }| (why as u32, key));
		let parts: [&[u8]; 5] = [&(*layer as u32).to_ne_bytes(), &why.to_ne_bytes(), &u64_halves(*code), &key, reason];
		outlet.final_event(Class::Data, record::CONN_CLOSED, connection, &parts);
	}
}

//! Who may be spoken to: mutual TLS 1.3 with policies that need no JS. Never calls out while a handshake runs.

use std::fmt;
use std::sync::{Arc, Mutex};

use ring::digest::{digest, SHA256};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};

use crate::error::{error, invalid, Result, CERTIFICATE_INVALID, KEY_INVALID};
use crate::lock::lock;

pub struct Identity {
	pub chain: Vec<CertificateDer<'static>>,
	pub key: PrivateKeyDer<'static>,
}

impl Identity {
	pub fn new(chain: Vec<Vec<u8>>, key: &[u8]) -> Result<Self> {
		let key = PrivateKeyDer::try_from(key.to_vec()).map_err(|e| error(KEY_INVALID, format!("Cannot use private key: {e}")))?;
		// A key of a kind that cannot sign is told apart from a bad certificate only here.
		let signing = provider().key_provider.load_private_key(key.clone_key());
		signing.map_err(|e| error(KEY_INVALID, format!("Cannot use private key: {e}")))?;
		Ok(Self { chain: chain.into_iter().map(CertificateDer::from).collect(), key })
	}
}

/// Every condition that is given must hold.
#[derive(Default)]
pub struct Trust {
	pub roots: Vec<Vec<u8>>,
	pub keys: Vec<[u8; 32]>,
	pub certificates: Vec<[u8; 32]>,
}

/// Why this side refused the other's certificate, as JS reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
	Pin = 1,
	Name = 2,
	Expired = 3,
	NotYetValid = 4,
	UnknownIssuer = 5,
	Invalid = 6,
	Revoked = 7,
	Usage = 8,
}

/// Filled by the verifier of one dialled connection.
pub type RefusalSlot = Arc<Mutex<Option<Refusal>>>;

pub fn provider() -> Arc<CryptoProvider> {
	let mut provider = rustls::crypto::ring::default_provider();
	// AES-128-GCM first: measurably faster than AES-256 and no weaker in practice.
	provider.cipher_suites.sort_by_key(|suite| match suite.suite() {
		rustls::CipherSuite::TLS13_AES_128_GCM_SHA256 => 0,
		rustls::CipherSuite::TLS13_AES_256_GCM_SHA384 => 1,
		_ => 2,
	});
	Arc::new(provider)
}

pub fn client_config(
	identity: Option<Identity>,
	trust: Trust,
	alpn: &[String],
	key_log: bool,
) -> Result<(rustls::ClientConfig, RefusalSlot)> {
	let provider = provider();
	if trust.roots.is_empty() && trust.keys.is_empty() && trust.certificates.is_empty() {
		return Err(invalid("Cannot connect: no roots and no pins to trust"));
	}
	let refusal = RefusalSlot::default();
	let roots = match trust.roots.is_empty() {
		true => None,
		false => Some(
			WebPkiServerVerifier::builder_with_provider(Arc::new(root_store(&trust.roots)?), provider.clone())
				.build()
				.map_err(|e| error(CERTIFICATE_INVALID, format!("Cannot use authorities: {e}")))?,
		),
	};
	let verifier = ServerPolicy { roots, pins: Pins::new(trust), refusal: refusal.clone(), provider: provider.clone() };
	let builder = rustls::ClientConfig::builder_with_provider(provider)
		.with_protocol_versions(&[&rustls::version::TLS13])
		.map_err(|e| invalid(e.to_string()))?
		.dangerous()
		.with_custom_certificate_verifier(Arc::new(verifier));
	let mut config = match identity {
		Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key).map_err(identity_error)?,
		None => builder.with_no_client_auth(),
	};
	config.alpn_protocols = wire_alpn(alpn);
	config.resumption = Resumption::disabled(); // a resumed session would not show the certificate again
	config.enable_early_data = false;
	if key_log {
		config.key_log = Arc::new(rustls::KeyLogFile::new());
	}
	Ok((config, refusal))
}

pub fn server_config(identity: Identity, client: Option<Trust>, alpn: &[String], key_log: bool) -> Result<rustls::ServerConfig> {
	let provider = provider();
	let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
		.with_protocol_versions(&[&rustls::version::TLS13])
		.map_err(|e| invalid(e.to_string()))?;
	let builder = match client {
		None => builder.with_no_client_auth(),
		Some(trust) => {
			let roots = match trust.roots.is_empty() {
				true => None,
				false => Some(
					WebPkiClientVerifier::builder_with_provider(Arc::new(root_store(&trust.roots)?), provider.clone())
						.build()
						.map_err(|e| error(CERTIFICATE_INVALID, format!("Cannot use authorities: {e}")))?,
				),
			};
			builder.with_client_cert_verifier(Arc::new(ClientPolicy { roots, pins: Pins::new(trust), provider }))
		}
	};
	let mut config = builder.with_single_cert(identity.chain, identity.key).map_err(identity_error)?;
	config.alpn_protocols = wire_alpn(alpn);
	config.send_tls13_tickets = 0; // no resumption: every connection shows its certificate
	config.session_storage = Arc::new(NoServerSessionStorage {});
	config.max_early_data_size = 0;
	if key_log {
		config.key_log = Arc::new(rustls::KeyLogFile::new());
	}
	Ok(config)
}

fn wire_alpn(alpn: &[String]) -> Vec<Vec<u8>> {
	alpn.iter().map(|name| name.clone().into_bytes()).collect()
}

fn identity_error(e: rustls::Error) -> crate::error::Error {
	match e {
		rustls::Error::InconsistentKeys(_) => error(KEY_INVALID, "Cannot use identity: the private key is not the certificate's"),
		e => error(CERTIFICATE_INVALID, format!("Cannot use identity: {e}")),
	}
}

fn root_store(roots: &[Vec<u8>]) -> Result<RootCertStore> {
	let mut store = RootCertStore::empty();
	let (added, _) = store.add_parsable_certificates(roots.iter().map(|der| CertificateDer::from(der.as_slice())));
	if added == 0 {
		return Err(error(CERTIFICATE_INVALID, "Cannot use authorities: none of the certificates can be read"));
	}
	Ok(store)
}

fn sha256(data: &[u8]) -> [u8; 32] {
	let mut out = [0; 32];
	out.copy_from_slice(digest(&SHA256, data).as_ref());
	out
}

#[derive(Debug)]
struct Pins {
	keys: Vec<[u8; 32]>,
	certificates: Vec<[u8; 32]>,
	/// Roots byte for byte: a self-signed certificate may be trusted as itself.
	roots: Vec<Vec<u8>>,
}

impl Pins {
	fn new(trust: Trust) -> Self {
		Self { keys: trust.keys, certificates: trust.certificates, roots: trust.roots }
	}

	fn check(&self, leaf: &CertificateDer) -> std::result::Result<(), Refusal> {
		if !self.certificates.is_empty() && !self.certificates.contains(&sha256(leaf)) {
			return Err(Refusal::Pin);
		}
		if !self.keys.is_empty() {
			let parsed = webpki::EndEntityCert::try_from(leaf).map_err(|_| Refusal::Invalid)?;
			if !self.keys.contains(&sha256(&parsed.subject_public_key_info())) {
				return Err(Refusal::Pin);
			}
		}
		Ok(())
	}
}

/// A self-signed certificate marked as an authority (openssl's default) that was itself given as trusted. webpki checks
/// dates before it objects to the mark, so only the name is left to check.
fn trusted_as_itself(e: &rustls::Error, leaf: &CertificateDer, roots: &[Vec<u8>]) -> bool {
	let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = e else { return false };
	matches!(other.0.downcast_ref::<webpki::Error>(), Some(webpki::Error::CaUsedAsEndEntity))
		&& roots.iter().any(|root| root[..] == leaf[..])
}

fn refusal_of(e: &rustls::Error) -> Refusal {
	let rustls::Error::InvalidCertificate(e) = e else { return Refusal::Invalid };
	match e {
		CertificateError::Expired | CertificateError::ExpiredContext { .. } => Refusal::Expired,
		CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Refusal::NotYetValid,
		CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Refusal::Name,
		// BadSignature: an authority of that name is trusted, but with another key (an outdated root, or an impostor's).
		CertificateError::UnknownIssuer | CertificateError::BadSignature => Refusal::UnknownIssuer,
		CertificateError::Revoked => Refusal::Revoked,
		CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Refusal::Usage,
		_ => Refusal::Invalid,
	}
}

fn refused(refusal: Refusal) -> rustls::Error {
	rustls::Error::InvalidCertificate(match refusal {
		Refusal::Invalid => CertificateError::BadEncoding,
		_ => CertificateError::ApplicationVerificationFailure,
	})
}

/// What a dialling side asks of the certificate it is shown.
struct ServerPolicy {
	roots: Option<Arc<WebPkiServerVerifier>>,
	pins: Pins,
	refusal: RefusalSlot,
	provider: Arc<CryptoProvider>,
}

impl fmt::Debug for ServerPolicy {
	fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
		f.debug_struct("ServerPolicy").field("pins", &self.pins).finish_non_exhaustive()
	}
}

impl ServerCertVerifier for ServerPolicy {
	fn verify_server_cert(
		&self,
		leaf: &CertificateDer<'_>,
		intermediates: &[CertificateDer<'_>],
		name: &ServerName<'_>,
		ocsp: &[u8],
		now: UnixTime,
	) -> std::result::Result<ServerCertVerified, rustls::Error> {
		let verdict = self.pins.check(leaf).map_err(|refusal| (refusal, refused(refusal))).and_then(|()| {
			let Some(roots) = &self.roots else { return Ok(()) };
			match roots.verify_server_cert(leaf, intermediates, name, ocsp, now) {
				Ok(_) => Ok(()),
				Err(e) if trusted_as_itself(&e, leaf, &self.pins.roots) => webpki::EndEntityCert::try_from(leaf)
					.and_then(|parsed| parsed.verify_is_valid_for_subject_name(name))
					.map_err(|_| (Refusal::Name, rustls::Error::InvalidCertificate(CertificateError::NotValidForName))),
				Err(e) => Err((refusal_of(&e), e)),
			}
		});
		verdict.map(|()| ServerCertVerified::assertion()).map_err(|(refusal, e)| {
			*lock(&self.refusal) = Some(refusal);
			e
		})
	}

	fn verify_tls12_signature(
		&self,
		message: &[u8],
		certificate: &CertificateDer<'_>,
		signed: &DigitallySignedStruct,
	) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
		verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
	}

	fn verify_tls13_signature(
		&self,
		message: &[u8],
		certificate: &CertificateDer<'_>,
		signed: &DigitallySignedStruct,
	) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
		verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms).inspect_err(|_| {
			*lock(&self.refusal) = Some(Refusal::Invalid);
		})
	}

	fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
		self.provider.signature_verification_algorithms.supported_schemes()
	}
}

/// What a listening side asks of the certificate it is shown. With no condition any key will do, if its owner proves to have it.
struct ClientPolicy {
	roots: Option<Arc<dyn ClientCertVerifier>>,
	pins: Pins,
	provider: Arc<CryptoProvider>,
}

impl fmt::Debug for ClientPolicy {
	fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
		f.debug_struct("ClientPolicy").field("pins", &self.pins).finish_non_exhaustive()
	}
}

impl ClientCertVerifier for ClientPolicy {
	fn root_hint_subjects(&self) -> &[DistinguishedName] {
		&[]
	}

	fn verify_client_cert(
		&self,
		leaf: &CertificateDer<'_>,
		intermediates: &[CertificateDer<'_>],
		now: UnixTime,
	) -> std::result::Result<ClientCertVerified, rustls::Error> {
		self.pins.check(leaf).map_err(refused)?;
		let Some(roots) = &self.roots else { return Ok(ClientCertVerified::assertion()) };
		match roots.verify_client_cert(leaf, intermediates, now) {
			Err(e) if trusted_as_itself(&e, leaf, &self.pins.roots) => Ok(ClientCertVerified::assertion()),
			result => result,
		}
	}

	fn verify_tls12_signature(
		&self,
		message: &[u8],
		certificate: &CertificateDer<'_>,
		signed: &DigitallySignedStruct,
	) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
		verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
	}

	fn verify_tls13_signature(
		&self,
		message: &[u8],
		certificate: &CertificateDer<'_>,
		signed: &DigitallySignedStruct,
	) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
		verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
	}

	fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
		self.provider.signature_verification_algorithms.supported_schemes()
	}
}

#[cfg(test)]
pub mod tests {
	use rustls::client::ResolvesClientCert;
	use rustls::server::{ClientHello, ResolvesServerCert};
	use rustls::sign::CertifiedKey;
	use rustls::{ClientConnection, ServerConnection};

	use super::*;

	// A certificate with its key, and a key of somebody else.
	const CERTIFICATE: &str = concat!(
		"3082016030820107a003020102020c51b7f9a7c2c0430384b7a077300a06082a8648ce3d040302301c311a301806035504030c11746573",
		"7420393430623238326437353334301e170d3236313132323137353631315a170d3236313232333137353631315a301c311a3018060355",
		"04030c1174657374203934306232383264373533343059301306072a8648ce3d020106082a8648ce3d03010703420004641659207ce339",
		"3c5d2cdd7d80184aa0eea01d0c8b773730baf81ca57972c3e843ae476d1aea70cea4113271311ecac01eba23032c1b471be6efcc00e513",
		"c302a32f302d300c0603551d1104053003820161301d0603551d250416301406082b0601050507030106082b06010505070302300a0608",
		"2a8648ce3d04030203470030440220120583b108ac1bbd27a5d787c3c22acf40343a25db290769b0adfe49a29ddecd022028a9a604e4a2",
		"01188fc18ee4012bbbfaf2e27b907b8eda365ad9bd5ac1a0ae2c",
	);
	const KEY: &str = concat!(
		"308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420e15360e1b43597e89eaeb8d2ea42f2574db03e",
		"db0a8e8b06aa93cf1b4a54eb98a14403420004641659207ce3393c5d2cdd7d80184aa0eea01d0c8b773730baf81ca57972c3e843ae476d",
		"1aea70cea4113271311ecac01eba23032c1b471be6efcc00e513c302",
	);
	const OTHER_KEY: &str = concat!(
		"308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b020101042065526360263c0781c62a0badc691c5d733f35b",
		"839639039b7d8a92966f1de35fa1440342000487345801d41cd280f8d77e34f915fbea623f1fe9436ce05f59c39d22fa2aced139fdd997",
		"3b2b5d4acb56c58fca0cc312e9a4f59a0cabdd9968b3e8ac93cfb632",
	);

	/// Shows a certificate with whatever key it has.
	#[derive(Debug)]
	struct Shows(Arc<CertifiedKey>);

	impl ResolvesClientCert for Shows {
		fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
			Some(self.0.clone())
		}
		fn has_certs(&self) -> bool {
			true
		}
	}

	impl ResolvesServerCert for Shows {
		fn resolve(&self, _: ClientHello) -> Option<Arc<CertifiedKey>> {
			Some(self.0.clone())
		}
	}

	fn bytes(hex: &str) -> Vec<u8> {
		(0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
	}

	fn shows(key: &str) -> Arc<Shows> {
		let key = PrivateKeyDer::try_from(bytes(key)).unwrap();
		let signing = provider().key_provider.load_private_key(key).unwrap();
		Arc::new(Shows(Arc::new(CertifiedKey::new(vec![bytes(CERTIFICATE).into()], signing))))
	}

	fn pinned() -> Trust {
		Trust { certificates: vec![sha256(&bytes(CERTIFICATE))], ..Trust::default() }
	}

	/// For quinn: a client and a server that take each other.
	pub fn configs() -> (quinn::ClientConfig, quinn::ServerConfig) {
		use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
		let (client, _) = client_config(None, pinned(), &["test".into()], false).unwrap();
		let identity = Identity::new(vec![bytes(CERTIFICATE)], &bytes(KEY)).unwrap();
		let server = server_config(identity, None, &["test".into()], false).unwrap();
		let client = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(client).unwrap()));
		(client, quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server).unwrap())))
	}

	/// Shakes hands in memory; the client and the server sign with these keys. The error and the client's refusal.
	fn handshake(client_key: &str, server_key: &str, clients: Trust) -> (std::result::Result<(), rustls::Error>, Option<Refusal>) {
		let (mut client, refusal) = client_config(None, pinned(), &[], false).unwrap();
		client.client_auth_cert_resolver = shows(client_key);
		let identity = Identity::new(vec![bytes(CERTIFICATE)], &bytes(KEY)).unwrap();
		let mut server = server_config(identity, Some(clients), &[], false).unwrap();
		server.cert_resolver = shows(server_key);
		let mut client = ClientConnection::new(Arc::new(client), "a".try_into().unwrap()).unwrap();
		let mut server = ServerConnection::new(Arc::new(server)).unwrap();
		let mut outcome = Ok(());
		for _ in 0..4 {
			let mut wire = Vec::new();
			client.write_tls(&mut wire).unwrap();
			server.read_tls(&mut &wire[..]).unwrap();
			outcome = outcome.and(server.process_new_packets().map(drop));
			wire.clear();
			server.write_tls(&mut wire).unwrap();
			client.read_tls(&mut &wire[..]).unwrap();
			outcome = outcome.and(client.process_new_packets().map(drop));
		}
		assert!(outcome.is_err() || !client.is_handshaking() && !server.is_handshaking());
		let refusal = *lock(&refusal);
		(outcome, refusal)
	}

	#[test]
	fn who_has_the_key_is_let_in() {
		assert_eq!(handshake(KEY, KEY, Trust::default()), (Ok(()), None));
		assert_eq!(handshake(KEY, KEY, pinned()), (Ok(()), None));
	}

	#[test]
	fn somebody_elses_certificate_is_of_no_use_to_a_client() {
		for clients in [Trust::default(), pinned()] {
			let (outcome, _) = handshake(OTHER_KEY, KEY, clients);
			assert_eq!(outcome, Err(rustls::Error::InvalidCertificate(CertificateError::BadSignature)));
		}
	}

	#[test]
	fn somebody_elses_certificate_is_of_no_use_to_a_server() {
		let (outcome, refusal) = handshake(KEY, OTHER_KEY, Trust::default());
		assert_eq!(outcome, Err(rustls::Error::InvalidCertificate(CertificateError::BadSignature)));
		assert_eq!(refusal, Some(Refusal::Invalid));
	}
}

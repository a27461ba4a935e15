//! Handshakes in memory, and configurations for the tests of other rooms.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConnection, ServerConnection, SignatureScheme};

use crate::lock::lock;

use super::config::{client_config, provider, server_config, Identity};
use super::policy::{sha256, Trust};
use super::refusal::Refusal;

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
	(outcome, refusal.map(|refused| refused.why))
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

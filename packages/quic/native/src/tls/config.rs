//! TLS configurations of both sides: mutual TLS 1.3, no resumption, no early data.

use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, RootCertStore};

use crate::error::{error, invalid, Error, Result, CERTIFICATE_INVALID, KEY_INVALID};

use super::policy::{ClientPolicy, Pins, ServerPolicy, Trust};
use super::refusal::RefusalSlot;

/// A certificate with its chain, and its key, which was read once: checking that a key's halves belong together costs as much as a signature.
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
	pub fn new(chain: Vec<Vec<u8>>, key: &[u8]) -> Result<Self> {
		let key = PrivateKeyDer::try_from(key.to_vec()).map_err(|e| error(KEY_INVALID, format!("Cannot use private key: {e}")))?;
		// A key of a kind that cannot sign is told apart from a bad certificate only here.
		let signing =
			provider().key_provider.load_private_key(key).map_err(|e| error(KEY_INVALID, format!("Cannot use private key: {e}")))?;
		let certified = CertifiedKey::new(chain.into_iter().map(CertificateDer::from).collect(), signing);
		match certified.keys_match() {
			// Unknown: the key does not tell its public half.
			Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Self(Arc::new(certified))),
			Err(e) => Err(identity_error(e)),
		}
	}

	fn resolver(self) -> Arc<SingleCertAndKey> {
		Arc::new(SingleCertAndKey::from(self.0))
	}
}

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
		Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
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
	let mut config = builder.with_cert_resolver(identity.resolver());
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

fn identity_error(e: rustls::Error) -> Error {
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

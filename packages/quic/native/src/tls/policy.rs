//! What is asked of a certificate, in a handshake and without JS.

use std::fmt;
use std::sync::Arc;

use ring::digest::{digest, SHA256};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};

use crate::lock::lock;

use super::refusal::{refusal_of, refused, Refusal, RefusalSlot, Refused};

/// What is trusted. Every condition that is given must hold.
#[derive(Default)]
pub struct Trust {
	pub roots: Vec<Vec<u8>>,
	pub keys: Vec<[u8; 32]>,
	pub certificates: Vec<[u8; 32]>,
}

pub fn sha256(data: &[u8]) -> [u8; 32] {
	let mut out = [0; 32];
	out.copy_from_slice(digest(&SHA256, data).as_ref());
	out
}

/// Certificates that are trusted by what they are.
#[derive(Debug)]
pub struct Pins {
	keys: Vec<[u8; 32]>,
	certificates: Vec<[u8; 32]>,
	/// Roots byte for byte: a self-signed certificate may be trusted as itself.
	roots: Vec<Vec<u8>>,
}

impl Pins {
	pub fn new(trust: Trust) -> Self {
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

/// Whether this is a self-signed certificate that is marked as an authority (openssl's default) and was itself given as trusted.
/// webpki checks dates before it objects to the mark, so only the name is left to check.
fn trusted_as_itself(e: &rustls::Error, leaf: &CertificateDer, roots: &[Vec<u8>]) -> bool {
	let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = e else { return false };
	matches!(other.0.downcast_ref::<webpki::Error>(), Some(webpki::Error::CaUsedAsEndEntity))
		&& roots.iter().any(|root| root[..] == leaf[..])
}

/// What a dialling side asks of the certificate it is shown.
pub struct ServerPolicy {
	pub roots: Option<Arc<WebPkiServerVerifier>>,
	pub pins: Pins,
	pub refusal: RefusalSlot,
	pub provider: Arc<CryptoProvider>,
}

impl fmt::Debug for ServerPolicy {
	fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
		f.debug_struct("ServerPolicy").field("pins", &self.pins).finish_non_exhaustive()
	}
}

impl ServerPolicy {
	fn note(&self, why: Refusal, leaf: &CertificateDer) {
		let parsed = webpki::EndEntityCert::try_from(leaf);
		let key = parsed.map_or([0; 32], |parsed| sha256(&parsed.subject_public_key_info()));
		*lock(&self.refusal) = Some(Refused { why, key });
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
			self.note(refusal, leaf);
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
			self.note(Refusal::Invalid, certificate);
		})
	}

	fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
		self.provider.signature_verification_algorithms.supported_schemes()
	}
}

/// What a listening side asks of the certificate it is shown. Without a condition any key will do, if the peer proves that it has
/// the key.
pub struct ClientPolicy {
	pub roots: Option<Arc<dyn ClientCertVerifier>>,
	pub pins: Pins,
	pub provider: Arc<CryptoProvider>,
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

//! Why this side refused the other's certificate.

use std::sync::{Arc, Mutex};

use rustls::CertificateError;

use crate::numbered::numbered;

numbered! {
	/// Why a certificate was refused, as JS reads it.
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
}

/// A certificate that was refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
	pub why: Refusal,
	/// SHA-256 of its public key; zeros if it cannot be read.
	pub key: [u8; 32],
}

/// Filled by the verifier of one dialled connection.
pub type RefusalSlot = Arc<Mutex<Option<Refused>>>;

/// The reason in an error of rustls.
pub fn refusal_of(e: &rustls::Error) -> Refusal {
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

/// The error that rustls is given for a reason. It chooses the alert that the peer sees.
pub fn refused(refusal: Refusal) -> rustls::Error {
	rustls::Error::InvalidCertificate(match refusal {
		Refusal::Invalid => CertificateError::BadEncoding,
		_ => CertificateError::ApplicationVerificationFailure,
	})
}

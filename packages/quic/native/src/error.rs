//! Errors that cross into JS carry a code; `packages/quic/src/errors.ts` is the only place that maps them.

use std::io;

/// The closed set of codes, as `error.code` in JS.
pub struct Code(&'static str);

impl AsRef<str> for Code {
	fn as_ref(&self) -> &str {
		self.0
	}
}

impl From<napi::Status> for Code {
	fn from(_: napi::Status) -> Self {
		INVALID_ARGUMENT
	}
}

pub const INVALID_ARGUMENT: Code = Code("INVALID_ARGUMENT");
pub const HANDLE_STALE: Code = Code("HANDLE_STALE");
pub const NOT_INITIALISED: Code = Code("NOT_INITIALISED");
pub const TOO_MANY_HANDLES: Code = Code("TOO_MANY_HANDLES");
pub const CERTIFICATE_INVALID: Code = Code("CERTIFICATE_INVALID");
pub const KEY_INVALID: Code = Code("KEY_INVALID");
pub const ADDRESS_IN_USE: Code = Code("ADDRESS_IN_USE");
pub const ADDRESS_UNAVAILABLE: Code = Code("ADDRESS_UNAVAILABLE");
pub const PERMISSION_DENIED: Code = Code("PERMISSION_DENIED");
pub const SOCKET_FAILED: Code = Code("SOCKET_FAILED");
pub const THREAD_FAILED: Code = Code("THREAD_FAILED");

pub type Error = napi::Error<Code>;
pub type Result<T> = std::result::Result<T, Error>;

pub fn error(code: Code, reason: impl Into<String>) -> Error {
	napi::Error::new(code, reason.into())
}

pub fn invalid(reason: impl Into<String>) -> Error {
	error(INVALID_ARGUMENT, reason)
}

pub fn stale(what: &str) -> Error {
	error(HANDLE_STALE, format!("{what} is closed"))
}

/// Tells apart the socket failures a caller can act on.
pub fn socket_error(action: &str, e: io::Error) -> Error {
	let code = match e.kind() {
		io::ErrorKind::AddrInUse => ADDRESS_IN_USE,
		io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported => ADDRESS_UNAVAILABLE,
		io::ErrorKind::PermissionDenied => PERMISSION_DENIED,
		_ => SOCKET_FAILED,
	};
	error(code, format!("{action}: {e}"))
}

//! Errors that cross into JS carry a code; only `packages/quic/src/errors.ts` maps these codes to its own.

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

macro_rules! codes {
	($($name:ident),+ $(,)?) => {
		$(pub const $name: Code = Code(stringify!($name));)+

		/// All of them, for `constants()`.
		pub const ALL: &[&str] = &[$(stringify!($name)),+];
	};
}

codes! {
	INVALID_ARGUMENT,
	HANDLE_STALE,
	NOT_INITIALISED,
	TOO_MANY_HANDLES,
	CERTIFICATE_INVALID,
	KEY_INVALID,
	ADDRESS_IN_USE,
	ADDRESS_UNAVAILABLE,
	PERMISSION_DENIED,
	SOCKET_FAILED,
	THREAD_FAILED,
}

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

/// Tells apart the socket failures that a caller can act on.
pub fn socket_error(action: &str, e: io::Error) -> Error {
	let code = match e.kind() {
		io::ErrorKind::AddrInUse => ADDRESS_IN_USE,
		io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported => ADDRESS_UNAVAILABLE,
		io::ErrorKind::PermissionDenied => PERMISSION_DENIED,
		_ => SOCKET_FAILED,
	};
	error(code, format!("{action}: {e}"))
}

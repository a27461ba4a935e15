//! An endpoint that comes after another one: it tells the peers of the first one that their connections are over.

use std::sync::Arc;
use std::time::Duration;

use quinn::EndpointConfig;
use ring::hmac;

use crate::error::{invalid, Result};

use super::connection_ids::set_connection_ids;

/// Stateless resets have no interval. At quinn's 20 ms most of a thousand Clients would learn of a restart only by their idle
/// limit. A short interval would not do either: quinn takes one time for all packets that it reads in one go, so it would answer
/// only the first of those. A reset answers only a packet whose connection id the endpoint's key has made, and is shorter than
/// that packet, so nobody gets more of them than is sent for them.
pub const RESET_INTERVAL: Duration = Duration::ZERO;

/// An endpoint that knows the connection ids and reset tokens of one with the same key before it.
pub fn restartable(key: &[u8]) -> Result<EndpointConfig> {
	if key.len() < 32 {
		return Err(invalid(format!("statelessResetKey: {} bytes are too few, 32 are needed", key.len())));
	}
	let key = hmac::Key::new(hmac::HMAC_SHA256, key);
	let ids = hmac::sign(&key, b"connection ids");
	let mut config = EndpointConfig::new(Arc::new(key));
	// Without this, quinn would ignore packets whose connection ids its predecessor made, and would never answer them.
	set_connection_ids(&mut config, Some(ids.as_ref()));
	Ok(config)
}

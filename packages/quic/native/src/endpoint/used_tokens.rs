//! Address tokens that this endpoint gives to those who connect (RFC 9000, 8.1.3), and which of them have been used.
//!
//! A token counts once. The list of used ones is bounded, and nothing that it forgets counts again: tokens that were issued no later
//! than a forgotten one are refused. A restart empties the list, so a token that was used before it counts once more after it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quinn::{ServerConfig, TokenLog, TokenReuseError, ValidationTokenConfig};
use ring::hkdf;

use crate::error::{invalid, Result};
use crate::lock::lock;

/// For each connection. One is spent with each try, also where the try is refused for want of a place.
const GIVEN: u32 = 8;
/// A connection gets its tokens when it begins, and they are to be good when it is lost.
const LIFETIME: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// About 3 MB.
const MOST_USED: usize = 1 << 17;
/// What a clock that was set back may be wrong by.
const CLOCK_STEP: Duration = Duration::from_secs(60);

/// Makes a configuration give tokens, made with a key from `key`. An endpoint with the same key takes them.
pub fn give_tokens(config: &mut ServerConfig, key: &[u8], used: Arc<UsedTokens>) -> Result<()> {
	if key.len() < 32 {
		return Err(invalid(format!("addressTokenKey: {} bytes are too few, 32 are needed", key.len())));
	}
	config.token_key(Arc::new(hkdf::Salt::new(hkdf::HKDF_SHA256, b"address tokens").extract(key)));
	let mut tokens = ValidationTokenConfig::default();
	tokens.sent(GIVEN).lifetime(LIFETIME).log(used);
	config.validation_token_config(tokens);
	Ok(())
}

/// See the module.
#[derive(Default)]
pub struct UsedTokens(Mutex<Used>);

#[derive(Default)]
struct Used {
	/// When they were issued, in seconds, and half of what tells them apart.
	tokens: BTreeSet<(u64, u64)>,
	/// Tokens that were issued no later are refused.
	forgotten: Option<u64>,
}

impl Used {
	/// Whether the token may be used, which it is now.
	fn take(&mut self, nonce: u128, issued: u64, lifetime: Duration, now: u64, most: usize) -> bool {
		if issued > now.saturating_add(CLOCK_STEP.as_secs()) || self.forgotten.is_some_and(|forgotten| issued <= forgotten) {
			return false;
		}
		if !self.tokens.insert((issued, nonce as u64)) {
			return false;
		}
		let oldest = now.saturating_sub(lifetime.as_secs());
		while self.tokens.first().is_some_and(|(issued, _)| *issued < oldest || self.tokens.len() > most) {
			self.forgotten = self.tokens.pop_first().map(|(issued, _)| issued);
		}
		true
	}
}

impl TokenLog for UsedTokens {
	fn check_and_insert(&self, nonce: u128, issued: SystemTime, lifetime: Duration) -> std::result::Result<(), TokenReuseError> {
		match lock(&self.0).take(nonce, seconds(issued), lifetime, seconds(SystemTime::now()), MOST_USED) {
			true => Ok(()),
			false => Err(TokenReuseError),
		}
	}
}

fn seconds(time: SystemTime) -> u64 {
	time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
	use super::*;

	const DAY: u64 = 24 * 60 * 60;
	const NOW: u64 = 1_000 * DAY;

	fn take(used: &mut Used, nonce: u128, issued: u64, now: u64) -> bool {
		used.take(nonce, issued, LIFETIME, now, 4)
	}

	#[test]
	fn a_token_counts_once() {
		let used = &mut Used::default();
		assert!(take(used, 1, NOW, NOW));
		assert!(!take(used, 1, NOW, NOW));
		assert!(!take(used, 1, NOW, NOW + 13 * DAY));
		assert!(take(used, 2, NOW, NOW));
		assert!(take(used, 1, NOW + 1, NOW + 1), "another token, of another second");
	}

	#[test]
	fn the_list_is_bounded_and_what_it_forgets_does_not_count_again() {
		let used = &mut Used::default();
		for second in 0..1_000 {
			assert!(take(used, 7, NOW + second, NOW + second));
			assert!(used.tokens.len() <= 4);
		}
		for second in 0..1_000 {
			assert!(!take(used, 7, NOW + second, NOW + 1_000), "{second}");
		}
		assert!(!take(used, 8, NOW + 995, NOW + 1_000), "as old as a forgotten one");
		assert!(take(used, 8, NOW + 996, NOW + 1_000));
	}

	#[test]
	fn a_token_that_is_older_than_all_in_a_full_list_is_forgotten_and_refused_from_then_on() {
		let used = &mut Used::default();
		for nonce in 0..4 {
			assert!(take(used, nonce, NOW, NOW));
		}
		assert!(take(used, 9, NOW - DAY, NOW));
		assert!(!take(used, 9, NOW - DAY, NOW));
		assert!(!take(used, 10, NOW - DAY, NOW));
		assert!(take(used, 10, NOW + 1, NOW + 1));
	}

	#[test]
	fn tokens_that_have_expired_are_forgotten_and_a_clock_that_is_set_back_revives_none() {
		let used = &mut Used::default();
		assert!(take(used, 1, NOW, NOW));
		assert!(take(used, 2, NOW + 15 * DAY, NOW + 15 * DAY));
		assert_eq!(used.tokens.len(), 1);
		assert!(!take(used, 1, NOW, NOW));
		assert!(!take(used, 3, NOW + 14 * DAY, NOW), "issued in what is the future now");
		assert!(take(used, 4, NOW + 60, NOW));
	}

	#[test]
	fn a_short_key_is_refused() {
		let (_, mut config) = crate::tls::tests::configs();
		assert!(give_tokens(&mut config, &[0; 31], Arc::default()).is_err());
		assert!(give_tokens(&mut config, &[0; 32], Arc::default()).is_ok());
	}

	/// A clock that a test sets.
	struct Later(Mutex<Duration>);

	impl quinn::TimeSource for Later {
		fn now(&self) -> SystemTime {
			SystemTime::now() + *lock(&self.0)
		}
	}

	/// Connects, and says whether the server knew the client's address from a token.
	async fn visit(server: &quinn::Endpoint, client: &quinn::Endpoint, config: &quinn::ClientConfig) -> bool {
		let dialled = client.connect_with(config.clone(), server.local_addr().unwrap(), "a").unwrap();
		let incoming = server.accept().await.unwrap();
		let known = incoming.remote_address_validated();
		let (dialled, accepted) = tokio::join!(dialled, incoming.accept().unwrap());
		// What it says comes after the tokens, which go with the end of the handshake.
		let mut said = accepted.unwrap().open_uni().await.unwrap();
		let _ = said.write_all(b"hello").await;
		let mut heard = dialled.as_ref().unwrap().accept_uni().await.unwrap();
		let _ = heard.read(&mut [0; 8]).await;
		known
	}

	#[test]
	fn tokens_expire() {
		tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
			let (mut client_config, mut config) = crate::tls::tests::configs();
			let clock = Arc::new(Later(Mutex::default()));
			give_tokens(&mut config, &[7; 32], Arc::default()).unwrap();
			config.time_source(clock.clone());
			let server = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
			let client = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
			client_config.token_store(Arc::new(quinn::TokenMemoryCache::new(1, 100))); // the oldest is taken first
			assert!(!visit(&server, &client, &client_config).await);
			*lock(&clock.0) = LIFETIME - Duration::from_secs(60);
			assert!(visit(&server, &client, &client_config).await);
			*lock(&clock.0) = LIFETIME + Duration::from_secs(60);
			assert!(!visit(&server, &client, &client_config).await);
		});
	}
}

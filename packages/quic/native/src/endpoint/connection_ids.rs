//! The ids that this side gives its connections (RFC 9000, 5.1).
//!
//! Those that quinn makes have 24 random bits. quinn makes sure that no two of its connections have the same, but it does not know
//! the ids that it has told diallers to use by a Retry (RFC 9000, 17.2.5). Where a thousand connect at once, one of them got the id
//! of another connection in one of eight cases. Its packets then went to that connection, and nobody ever answered. So there are
//! 40 random bits here.

use std::time::Duration;

use quinn::EndpointConfig;
use quinn_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// Random bytes of an id.
const RANDOM: usize = 5;
/// The others show that it was made with this key: packets with another id are not answered with a stateless reset.
const PROOF: usize = 3;

/// Makes ids, and knows those that were made with the same key, also by a process before this one.
#[derive(Clone)]
struct ConnectionIds {
	key: hmac::Key,
	random: SystemRandom,
}

/// Has an endpoint make its ids with that key, or with one of its own.
pub fn set_connection_ids(config: &mut EndpointConfig, key: Option<&[u8]>) {
	let random = SystemRandom::new();
	let mut own = [0; 32];
	if key.is_none() {
		fill(&random, &mut own);
	}
	let ids = ConnectionIds { key: hmac::Key::new(hmac::HMAC_SHA256, key.unwrap_or(&own)), random };
	config.cid_generator(move || Box::new(ids.clone()));
}

fn fill(random: &SystemRandom, bytes: &mut [u8]) {
	random.fill(bytes).expect("the system has random bytes");
}

impl ConnectionIds {
	fn proof(&self, random: &[u8]) -> [u8; PROOF] {
		let tag = hmac::sign(&self.key, random);
		std::array::from_fn(|at| tag.as_ref()[at])
	}
}

impl ConnectionIdGenerator for ConnectionIds {
	fn generate_cid(&mut self) -> ConnectionId {
		let mut id = [0; RANDOM + PROOF];
		fill(&self.random, &mut id[..RANDOM]);
		let proof = self.proof(&id[..RANDOM]);
		id[RANDOM..].copy_from_slice(&proof);
		ConnectionId::new(&id)
	}

	fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
		match id.split_at_checked(RANDOM) {
			Some((random, proof)) if proof == self.proof(random) => Ok(()),
			_ => Err(InvalidCid),
		}
	}

	fn cid_len(&self) -> usize {
		RANDOM + PROOF
	}

	fn cid_lifetime(&self) -> Option<Duration> {
		None
	}
}

#[cfg(test)]
mod tests {
	use std::collections::HashSet;

	use super::*;

	fn ids(key: &[u8]) -> ConnectionIds {
		ConnectionIds { key: hmac::Key::new(hmac::HMAC_SHA256, key), random: SystemRandom::new() }
	}

	#[test]
	fn no_two_of_very_many_are_the_same() {
		// Of so many ids with 24 random bits, a dozen are.
		let mut made = ids(b"one");
		let all: HashSet<Vec<u8>> = (0..20_000).map(|_| made.generate_cid().to_vec()).collect();
		assert_eq!(all.len(), 20_000);
	}

	#[test]
	fn those_of_the_same_key_are_known_and_hardly_any_other() {
		let (mut one, again, other) = (ids(b"one"), ids(b"one"), ids(b"other"));
		let made: Vec<_> = (0..1_000).map(|_| one.generate_cid()).collect();
		assert!(made.iter().all(|id| id.len() == one.cid_len() && again.validate(id).is_ok()));
		assert!(made.iter().filter(|id| other.validate(id).is_ok()).count() < 2);
		for odd in [&[][..], &[1], &[0; 20]] {
			assert!(one.validate(&ConnectionId::new(odd)).is_err());
		}
	}
}

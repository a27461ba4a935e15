//! Address tokens that servers have given this endpoint (RFC 9000, 8.1.3), for its next dials to the same place.
//!
//! A token is shown once. Those who see both connections could otherwise tell that they belong together. A dial that nobody answered
//! gives its token back: the server may never have seen it, and has to be dialled again. A place is an address to dial, together with
//! the own address from where the system would dial it. So a token from one network is not shown on another one.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use quinn::TokenStore;

use crate::lock::lock;

/// For each place; the oldest is dropped.
const MOST_TOKENS: usize = 8;
/// The place that has had no token for the longest time is forgotten.
const MOST_PLACES: usize = 32;
/// quinn's have 58 bytes.
const LONGEST: usize = 256;

#[derive(Clone, PartialEq, Eq)]
struct Place {
	to: SocketAddr,
	from: Option<IpAddr>,
}

/// See the module.
#[derive(Default)]
pub struct KeptTokens(Mutex<VecDeque<(Place, VecDeque<Bytes>)>>);

impl KeptTokens {
	/// What a dial takes from here and brings.
	pub fn of_dial(self: &Arc<Self>, to: SocketAddr) -> Arc<DialTokens> {
		Arc::new(DialTokens { kept: self.clone(), place: Place { to, from: own_address(to) }, shown: Mutex::default() })
	}

	fn take(&self, place: &Place) -> Option<Bytes> {
		let mut places = lock(&self.0);
		let (_, tokens) = places.iter_mut().find(|(other, _)| other == place)?;
		tokens.pop_back()
	}

	/// The newest is taken first. One that comes back may have been seen, so it is taken last.
	fn keep(&self, place: &Place, token: Bytes, back: bool) {
		if token.len() > LONGEST {
			return;
		}
		let mut places = lock(&self.0);
		let at = places.iter().position(|(other, _)| other == place);
		let (place, mut tokens) = at.and_then(|at| places.remove(at)).unwrap_or_else(|| (place.clone(), VecDeque::new()));
		match back {
			true if tokens.len() < MOST_TOKENS => tokens.push_front(token),
			true => {}
			false => {
				if tokens.len() >= MOST_TOKENS {
					tokens.pop_front();
				}
				tokens.push_back(token);
			}
		}
		if places.len() >= MOST_PLACES {
			places.pop_front();
		}
		places.push_back((place, tokens));
	}
}

/// The part of one dial.
pub struct DialTokens {
	kept: Arc<KeptTokens>,
	place: Place,
	shown: Mutex<Option<Bytes>>,
}

impl DialTokens {
	/// Nobody has answered.
	pub fn give_back(&self) {
		if let Some(token) = lock(&self.shown).take() {
			self.kept.keep(&self.place, token, true);
		}
	}
}

impl TokenStore for DialTokens {
	fn insert(&self, _server_name: &str, token: Bytes) {
		// A part of a packet would keep all of it.
		self.kept.keep(&self.place, Bytes::copy_from_slice(&token), false);
	}

	fn take(&self, _server_name: &str) -> Option<Bytes> {
		let token = self.kept.take(&self.place);
		lock(&self.shown).clone_from(&token);
		token
	}
}

/// From where the system would send to `to` now. Nothing is sent.
fn own_address(to: SocketAddr) -> Option<IpAddr> {
	let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
	let socket = UdpSocket::bind((any, 0)).ok()?;
	socket.connect(to).ok()?;
	socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn place(to: u16) -> Place {
		Place { to: SocketAddr::new([192, 0, 2, 1].into(), to), from: None }
	}

	fn token(number: usize) -> Bytes {
		number.to_ne_bytes().to_vec().into()
	}

	#[test]
	fn a_token_is_taken_once_the_newest_first_and_only_for_its_place() {
		let kept = KeptTokens::default();
		kept.keep(&place(1), token(1), false);
		kept.keep(&place(1), token(2), false);
		assert_eq!(kept.take(&place(2)), None);
		assert_eq!(kept.take(&Place { from: Some([10, 0, 0, 1].into()), ..place(1) }), None, "another network");
		assert_eq!(kept.take(&place(1)), Some(token(2)));
		assert_eq!(kept.take(&place(1)), Some(token(1)));
		assert_eq!(kept.take(&place(1)), None);
	}

	#[test]
	fn a_dial_that_nobody_answered_gives_its_token_back_once_for_last() {
		let kept: Arc<KeptTokens> = Arc::default();
		let to = "127.0.0.1:7".parse().unwrap();
		let [first, second] = [kept.of_dial(to), kept.of_dial(to)];
		first.insert("", token(1));
		first.insert("", token(2));
		assert_eq!(second.take(""), Some(token(2)));
		second.give_back();
		second.give_back();
		let take = || kept.of_dial(to).take("");
		assert_eq!([take(), take(), take()], [Some(token(1)), Some(token(2)), None]);
	}

	#[test]
	fn a_hostile_server_fills_no_memory() {
		let kept = KeptTokens::default();
		for number in 0..1_000 {
			kept.keep(&place(1), token(number), false);
			kept.keep(&place(1), token(number), true);
			kept.keep(&place(number as u16 + 2), token(number), false);
		}
		kept.keep(&place(9_999), vec![0; LONGEST + 1].into(), false);
		let places = lock(&kept.0);
		assert_eq!(places.len(), MOST_PLACES);
		let held: Vec<_> = places.iter().map(|(_, tokens)| tokens.len()).collect();
		assert_eq!(held.iter().max(), Some(&MOST_TOKENS));
		assert!(!places.iter().any(|(known, _)| *known == place(9_999)));
	}
}

//! Which incoming connections an endpoint lets in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quinn::VarInt;

use crate::lock::lock;
use crate::numbered::numbered;

use super::reach::Wide;
use super::terms::Terms;

numbered! {
	/// When a dialler has to prove its address first (RFC 9000, 8.1.2).
	#[derive(Clone, Copy, PartialEq, Eq)]
	pub enum Retry {
		Never = 0,
		UnderLoad = 1,
		Always = 2,
	}
}

/// What a listening endpoint lets in.
#[derive(Clone)]
pub struct Admission {
	pub retry: Retry,
	/// As many undecided connections are a load.
	pub retry_threshold: u32,
	pub undecided: u32,
	pub undecided_per_source: u32,
	/// Under load.
	pub per_second_per_source: u32,
	/// The same, of those who return with an address token.
	pub returning_per_second_per_source: u32,
	pub connections: u32,
	pub handshake_timeout: Duration,
	pub undecided_timeout: Duration,
	pub undecided_code: VarInt,
	/// For a connection whose first frame is too long, cut short or reset.
	pub undecided_invalid_code: VarInt,
	pub terms: Terms,
	/// `None`: packets never get larger than on ordinary paths.
	pub wide: Option<Wide>,
}

/// What a dialler has shown of its address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Proof {
	Nothing,
	/// It is there: it has answered a Retry.
	Present,
	/// It was there before and has completed a handshake: it has a token of that time, which counts once.
	Returning,
}

/// The connections that handshake or wait to be confirmed.
///
/// A source has few places. Those who return have others, because there may be many of them behind one address, and they all come at
/// once after a loss. These others are three quarters of all, so whatever tokens somebody has gathered, the rest is left for those who
/// come for the first time. A source may have as many of them as are free: the first one half, the next one half of what is left then.
#[derive(Default)]
pub struct Crowd {
	undecided: u32,
	/// Of these, those who return to a source that is counted.
	returning: u32,
	places: HashMap<Claim, u32>,
	/// Arrivals in the current second by network, kept only under load.
	arrivals: HashMap<Claim, u32>,
	arrivals_since: Option<Instant>,
}

/// A source or a network, and whether it is about those of there who return.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Claim {
	at: IpAddr,
	returning: bool,
}

/// A place among the undecided connections, given back when dropped.
pub struct Undecided {
	crowd: Arc<Mutex<Crowd>>,
	claim: Option<Claim>,
}

impl Drop for Undecided {
	fn drop(&mut self) {
		let mut crowd = lock(&self.crowd);
		crowd.undecided -= 1;
		if let Some(claim) = self.claim {
			crowd.returning -= u32::from(claim.returning);
			if let Some(count) = crowd.places.get_mut(&claim) {
				*count -= 1;
				if *count == 0 {
					crowd.places.remove(&claim);
				}
			}
		}
	}
}

/// One IPv4 address or one IPv6 /64: as much as one party can use at will.
fn source_of(ip: IpAddr) -> IpAddr {
	match ip.to_canonical() {
		IpAddr::V4(v4) => IpAddr::V4(v4),
		IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
	}
}

/// One IPv4 /24 or one IPv6 /64.
fn network_of(ip: IpAddr) -> IpAddr {
	match source_of(ip) {
		IpAddr::V4(v4) => {
			let [a, b, c, _] = v4.octets();
			IpAddr::V4([a, b, c, 0].into())
		}
		v6 => v6,
	}
}

/// As many of all undecided connections may be of those who return.
fn share_of_returning(undecided: u32) -> u32 {
	undecided - undecided / 4
}

/// What becomes of an incoming connection.
pub enum Verdict {
	Admit(Undecided),
	Retry,
	Refuse,
}

impl Crowd {
	pub fn undecided(&self) -> u32 {
		self.undecided
	}

	/// `open`: the endpoint has as many connections.
	pub fn judge(this: &Arc<Mutex<Crowd>>, rules: &Admission, from: IpAddr, proof: Proof, open: u32, now: Instant) -> Verdict {
		let mut crowd = lock(this);
		let loaded = crowd.undecided >= rules.retry_threshold;
		if proof == Proof::Nothing && (rules.retry == Retry::Always || rules.retry == Retry::UnderLoad && loaded) {
			return Verdict::Retry;
		}
		if crowd.undecided >= rules.undecided || open >= rules.connections {
			return Verdict::Refuse;
		}
		let returning = proof == Proof::Returning;
		let claim = (!from.to_canonical().is_loopback()).then(|| Claim { at: source_of(from), returning });
		if let Some(claim) = claim {
			let (places, per_second) = match returning {
				true => (share_of_returning(rules.undecided).saturating_sub(crowd.returning), rules.returning_per_second_per_source),
				false => (rules.undecided_per_source, rules.per_second_per_source),
			};
			if crowd.places.get(&claim).copied().unwrap_or(0) >= places {
				return Verdict::Refuse;
			}
			if loaded && !crowd.arrival_allowed(Claim { at: network_of(from), returning }, per_second, now) {
				return Verdict::Refuse;
			}
			*crowd.places.entry(claim).or_insert(0) += 1;
			crowd.returning += u32::from(returning);
		}
		crowd.undecided += 1;
		Verdict::Admit(Undecided { crowd: this.clone(), claim })
	}

	/// Counts within whole seconds. The map is emptied each second and holds 4,096 networks at most.
	fn arrival_allowed(&mut self, network: Claim, per_second: u32, now: Instant) -> bool {
		if self.arrivals_since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
			self.arrivals.clear();
			self.arrivals_since = Some(now);
		}
		if self.arrivals.len() >= 4096 && !self.arrivals.contains_key(&network) {
			return false;
		}
		let count = self.arrivals.entry(network).or_insert(0);
		*count += 1;
		*count <= per_second
	}
}

#[cfg(test)]
mod tests {
	use super::super::terms::{Heads, Windows};
	use super::*;

	fn rules(retry: Retry) -> Admission {
		Admission {
			retry,
			retry_threshold: 64,
			undecided: 256,
			undecided_per_source: 16,
			per_second_per_source: 10,
			returning_per_second_per_source: 250,
			connections: 1000,
			handshake_timeout: Duration::from_secs(5),
			undecided_timeout: Duration::from_secs(5),
			undecided_code: VarInt::from_u32(0),
			undecided_invalid_code: VarInt::from_u32(0),
			terms: Terms {
				heads: Heads {
					bytes: 16384,
					timeout: Duration::from_secs(5),
					timeout_code: VarInt::from_u32(0),
					invalid_code: VarInt::from_u32(0),
				},
				windows: Windows { bidirectional: 1, unidirectional: 0, connection: VarInt::from_u32(65536) },
				datagrams: false,
				send_window: None,
			},
			wide: None,
		}
	}

	fn admit(crowd: &Arc<Mutex<Crowd>>, rules: &Admission, from: &str, proof: Proof, now: Instant) -> Verdict {
		Crowd::judge(crowd, rules, from.parse().unwrap(), proof, 0, now)
	}

	#[test]
	fn one_source_gets_sixteen_places_and_gives_them_back() {
		let crowd = Arc::default();
		let rules = rules(Retry::UnderLoad);
		let now = Instant::now();
		let mut held: Vec<_> = (0..16).map(|_| admit(&crowd, &rules, "192.0.2.1", Proof::Nothing, now)).collect();
		assert!(held.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
		assert!(matches!(admit(&crowd, &rules, "192.0.2.1", Proof::Nothing, now), Verdict::Refuse));
		assert!(matches!(admit(&crowd, &rules, "::ffff:192.0.2.1", Proof::Nothing, now), Verdict::Refuse));
		assert!(matches!(admit(&crowd, &rules, "192.0.2.2", Proof::Nothing, now), Verdict::Admit(_)));
		held.pop();
		assert!(matches!(admit(&crowd, &rules, "192.0.2.1", Proof::Nothing, now), Verdict::Admit(_)));
		held.clear();
		assert_eq!(lock(&crowd).undecided, 0);
		assert!(lock(&crowd).places.is_empty());
	}

	#[test]
	fn under_load_unproven_addresses_are_sent_a_retry_and_each_network_is_slowed() {
		let crowd: Arc<Mutex<Crowd>> = Arc::default();
		let rules = rules(Retry::UnderLoad);
		let now = Instant::now();
		let held: Vec<_> = (0..64).map(|i| admit(&crowd, &rules, &format!("198.51.{i}.1"), Proof::Nothing, now)).collect();
		assert!(held.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
		assert!(matches!(admit(&crowd, &rules, "203.0.113.1", Proof::Nothing, now), Verdict::Retry));
		let arrivals: Vec<_> = (0..12).map(|i| admit(&crowd, &rules, &format!("203.0.113.{i}"), Proof::Present, now)).collect();
		assert_eq!(arrivals.iter().filter(|verdict| matches!(verdict, Verdict::Admit(_))).count(), 10);
		let later = now + Duration::from_secs(1);
		assert!(matches!(admit(&crowd, &rules, "203.0.113.99", Proof::Present, later), Verdict::Admit(_)));
	}

	#[test]
	fn loopback_is_counted_in_all_but_not_per_source() {
		let crowd: Arc<Mutex<Crowd>> = Arc::default();
		let rules = rules(Retry::Never);
		let now = Instant::now();
		let held: Vec<_> = (0..256).map(|_| admit(&crowd, &rules, "127.0.0.1", Proof::Nothing, now)).collect();
		assert!(held.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
		assert!(matches!(admit(&crowd, &rules, "127.0.0.1", Proof::Nothing, now), Verdict::Refuse));
	}

	fn returning(crowd: &Arc<Mutex<Crowd>>, rules: &Admission, from: &str, count: u32, now: Instant) -> Vec<Undecided> {
		let verdicts = (0..count).map(|_| admit(crowd, rules, from, Proof::Returning, now));
		verdicts.filter_map(|verdict| if let Verdict::Admit(place) = verdict { Some(place) } else { None }).collect()
	}

	#[test]
	fn those_who_return_to_one_source_share_what_is_free_and_leave_some_for_others() {
		let crowd = Arc::default();
		let rules = rules(Retry::Always);
		let now = Instant::now();
		let mut held = returning(&crowd, &rules, "192.0.2.1", 500, now);
		assert_eq!(held.len(), 96);
		let strangers: Vec<_> = (0..20).map(|_| admit(&crowd, &rules, "192.0.2.1", Proof::Present, now)).collect();
		let admitted = strangers.iter().filter(|verdict| matches!(verdict, Verdict::Admit(_))).count();
		assert_eq!(admitted, 10, "strangers of the same source have their own few, and come as slowly as ever");
		// However many addresses somebody has gathered tokens at, a quarter of all places is left for others.
		for address in 1..60 {
			held.extend(returning(&crowd, &rules, &format!("198.51.{address}.1"), 500, now));
		}
		assert_eq!(held.len(), 192);
		let others = (0..100).map(|i| admit(&crowd, &rules, &format!("203.0.{i}.1"), Proof::Present, now));
		let others: Vec<_> = others.filter(|verdict| matches!(verdict, Verdict::Admit(_))).collect();
		assert_eq!(others.len(), 64 - admitted);
		held.clear();
		drop((strangers, others));
		assert_eq!(lock(&crowd).returning, 0);
		assert_eq!(lock(&crowd).undecided, 0);
		assert!(lock(&crowd).places.is_empty());
	}

	#[test]
	fn those_who_return_are_slowed_too_under_load() {
		let crowd = Arc::default();
		let rules = rules(Retry::Never);
		let now = Instant::now();
		let _load: Vec<_> = (0..64).map(|_| admit(&crowd, &rules, "127.0.0.1", Proof::Nothing, now)).collect();
		let come =
			|now| (0..500).filter(|_| matches!(admit(&crowd, &rules, "192.0.2.1", Proof::Returning, now), Verdict::Admit(_))).count();
		assert_eq!(come(now), 250);
		assert_eq!(come(now), 0);
		assert!(matches!(admit(&crowd, &rules, "192.0.2.1", Proof::Present, now), Verdict::Admit(_)), "strangers are counted apart");
		assert_eq!(come(now + Duration::from_secs(1)), 250);
	}
}

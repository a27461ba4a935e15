//! Which incoming connections an endpoint lets in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quinn::VarInt;

use crate::lock::lock;
use crate::numbered::numbered;

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
	pub connections: u32,
	pub handshake_timeout: Duration,
	pub undecided_timeout: Duration,
	pub undecided_code: VarInt,
	/// For a connection whose first frame is too long, cut short or reset.
	pub undecided_invalid_code: VarInt,
	pub terms: Terms,
}

/// The connections that handshake or wait to be confirmed.
#[derive(Default)]
pub struct Crowd {
	undecided: u32,
	per_source: HashMap<IpAddr, u32>,
	/// Arrivals in the current second by network, kept only under load.
	arrivals: HashMap<IpAddr, u32>,
	arrivals_since: Option<Instant>,
}

/// A place among the undecided connections, given back when dropped.
pub struct Undecided {
	crowd: Arc<Mutex<Crowd>>,
	source: Option<IpAddr>,
}

impl Drop for Undecided {
	fn drop(&mut self) {
		let mut crowd = lock(&self.crowd);
		crowd.undecided -= 1;
		if let Some(source) = self.source {
			if let Some(count) = crowd.per_source.get_mut(&source) {
				*count -= 1;
				if *count == 0 {
					crowd.per_source.remove(&source);
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

	/// `validated`: the dialler has proven its address. `open`: the endpoint has as many connections.
	pub fn judge(this: &Arc<Mutex<Crowd>>, rules: &Admission, from: IpAddr, validated: bool, open: u32, now: Instant) -> Verdict {
		let mut crowd = lock(this);
		let loaded = crowd.undecided >= rules.retry_threshold;
		if !validated && (rules.retry == Retry::Always || rules.retry == Retry::UnderLoad && loaded) {
			return Verdict::Retry;
		}
		if crowd.undecided >= rules.undecided || open >= rules.connections {
			return Verdict::Refuse;
		}
		let source = (!from.to_canonical().is_loopback()).then(|| source_of(from));
		if let Some(source) = source {
			if crowd.per_source.get(&source).is_some_and(|count| *count >= rules.undecided_per_source) {
				return Verdict::Refuse;
			}
			if loaded && !crowd.arrival_allowed(network_of(from), rules.per_second_per_source, now) {
				return Verdict::Refuse;
			}
			*crowd.per_source.entry(source).or_insert(0) += 1;
		}
		crowd.undecided += 1;
		Verdict::Admit(Undecided { crowd: this.clone(), source })
	}

	/// Counts within whole seconds. The map is emptied each second and holds 4,096 networks at most.
	fn arrival_allowed(&mut self, network: IpAddr, per_second: u32, now: Instant) -> bool {
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
				send_window: None,
			},
		}
	}

	fn admit(crowd: &Arc<Mutex<Crowd>>, rules: &Admission, from: &str, validated: bool, now: Instant) -> Verdict {
		Crowd::judge(crowd, rules, from.parse().unwrap(), validated, 0, now)
	}

	#[test]
	fn one_source_gets_sixteen_places_and_gives_them_back() {
		let crowd = Arc::default();
		let rules = rules(Retry::UnderLoad);
		let now = Instant::now();
		let mut held: Vec<_> = (0..16).map(|_| admit(&crowd, &rules, "192.0.2.1", false, now)).collect();
		assert!(held.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
		assert!(matches!(admit(&crowd, &rules, "192.0.2.1", false, now), Verdict::Refuse));
		assert!(matches!(admit(&crowd, &rules, "::ffff:192.0.2.1", false, now), Verdict::Refuse));
		assert!(matches!(admit(&crowd, &rules, "192.0.2.2", false, now), Verdict::Admit(_)));
		held.pop();
		assert!(matches!(admit(&crowd, &rules, "192.0.2.1", false, now), Verdict::Admit(_)));
		held.clear();
		assert_eq!(lock(&crowd).undecided, 0);
		assert!(lock(&crowd).per_source.is_empty());
	}

	#[test]
	fn under_load_unproven_addresses_are_sent_a_retry_and_each_network_is_slowed() {
		let crowd: Arc<Mutex<Crowd>> = Arc::default();
		let rules = rules(Retry::UnderLoad);
		let now = Instant::now();
		let held: Vec<_> = (0..64).map(|i| admit(&crowd, &rules, &format!("198.51.{i}.1"), false, now)).collect();
		assert!(held.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
		assert!(matches!(admit(&crowd, &rules, "203.0.113.1", false, now), Verdict::Retry));
		let arrivals: Vec<_> = (0..12).map(|i| admit(&crowd, &rules, &format!("203.0.113.{i}"), true, now)).collect();
		assert_eq!(arrivals.iter().filter(|verdict| matches!(verdict, Verdict::Admit(_))).count(), 10);
		let later = now + Duration::from_secs(1);
		assert!(matches!(admit(&crowd, &rules, "203.0.113.99", true, later), Verdict::Admit(_)));
	}

	#[test]
	fn loopback_is_counted_in_all_but_not_per_source() {
		let crowd: Arc<Mutex<Crowd>> = Arc::default();
		let rules = rules(Retry::Never);
		let now = Instant::now();
		let held: Vec<_> = (0..256).map(|_| admit(&crowd, &rules, "127.0.0.1", false, now)).collect();
		assert!(held.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
		assert!(matches!(admit(&crowd, &rules, "127.0.0.1", false, now), Verdict::Refuse));
	}
}

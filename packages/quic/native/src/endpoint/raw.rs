//! Datagrams that are not QUIC's, on their way to JS.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::Arc;

use crate::events::{record, Outlet, Queue};
use crate::io::RawSink;

use super::endpoint::Counters;

/// Where the tap of an endpoint puts them. What JS does not want, and what it has no room for, is counted and dropped.
pub fn raw_sink(queue: &Arc<Queue>, endpoint: u32, wanted: bool, counters: Arc<Counters>) -> Arc<RawSink> {
	let outlet = wanted.then(|| Outlet::new(queue.clone()));
	Arc::new(Box::new(move |from, data| {
		let admitted = outlet.as_ref().is_some_and(|outlet| outlet.datagram(record::RAW, endpoint, &[&packed_address(from), data]));
		if !admitted {
			counters.dropped_raw.fetch_add(1, Ordering::Relaxed);
		}
	}))
}

/// Length of a packed address.
pub const ADDRESS_BYTES: usize = 20;

/// A datagram's source as JS reads it: port, family (4 or 6), then 16 bytes of address.
fn packed_address(from: SocketAddr) -> [u8; ADDRESS_BYTES] {
	let mut packed = [0; ADDRESS_BYTES];
	packed[..2].copy_from_slice(&from.port().to_ne_bytes());
	match from.ip().to_canonical() {
		IpAddr::V4(v4) => {
			packed[2] = 4;
			packed[4..8].copy_from_slice(&v4.octets());
		}
		IpAddr::V6(v6) => {
			packed[2] = 6;
			packed[4..].copy_from_slice(&v6.octets());
		}
	}
	packed
}

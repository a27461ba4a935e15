//! How large the packets of a connection may become.
//!
//! On most ways through the Internet 1,500 bytes are the most that pass, and to look for more costs a dozen lost packets and round trips. So larger
//! ones are only tried where they may well pass: on a machine itself, and in a local network whose first hop takes them (jumbo frames).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use quinn::{MtuDiscoveryConfig, ServerConfig};

use crate::io::LARGEST_PAYLOAD;
use crate::system::first_hop;

/// The largest UDP payload that is tried on an ordinary path.
const ORDINARY_PAYLOAD: u16 = 1_452;
/// The largest UDP payload of an Ethernet frame that is no jumbo, with some room.
const ETHERNET_PAYLOAD: usize = 1_500;
/// The interface through which a machine reaches itself takes packets as long as there can be.
const OWN_PAYLOAD: usize = 65_535 - 48;
/// The search ends when it would change less than this. It begins in the middle, which is nearer than this to its lower end: so QUIC tries the
/// upper end at once.
const AT_ONCE: u16 = (LARGEST_PAYLOAD - 1_200) / 2 + 1;

/// How far away a peer is, for what packets may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
	/// On this machine. One probe is enough: nine of them, and their answers, made a connect a sixth longer.
	Own,
	/// In a local network with jumbo frames, as far as its first hop shows.
	Jumbo,
	Ordinary,
}

impl Reach {
	pub fn of(peer: SocketAddr) -> Self {
		match first_hop::udp_payload(peer) {
			Some(payload) if payload >= OWN_PAYLOAD => Self::Own,
			Some(payload) if payload > ETHERNET_PAYLOAD && is_near(peer.ip().to_canonical()) => Self::Jumbo,
			_ => Self::Ordinary,
		}
	}

	/// How the largest packet is looked for.
	pub fn discovery(self) -> MtuDiscoveryConfig {
		let mut discovery = MtuDiscoveryConfig::default();
		match self {
			Self::Own => discovery.upper_bound(LARGEST_PAYLOAD).minimum_change(AT_ONCE),
			Self::Jumbo => discovery.upper_bound(LARGEST_PAYLOAD),
			Self::Ordinary => discovery.upper_bound(ORDINARY_PAYLOAD),
		};
		discovery
	}
}

/// What holds for peers that are not [`Reach::Ordinary`].
#[derive(Clone)]
pub struct Wide {
	pub own: Arc<ServerConfig>,
	pub jumbo: Arc<ServerConfig>,
}

impl Wide {
	/// `None`: what holds for all others.
	pub fn of(&self, peer: SocketAddr) -> Option<Arc<ServerConfig>> {
		match Reach::of(peer) {
			Reach::Own => Some(self.own.clone()),
			Reach::Jumbo => Some(self.jumbo.clone()),
			Reach::Ordinary => None,
		}
	}
}

/// Whether the address is one of a local network.
fn is_near(ip: IpAddr) -> bool {
	match ip {
		IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
		IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn only_addresses_of_local_networks_are_near() {
		for near in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.0.1", "127.0.0.1", "fd00::1", "fe80::1", "::1"] {
			assert!(is_near(near.parse().unwrap()), "{near}");
		}
		for far in ["8.8.8.8", "172.32.0.1", "100.64.0.1", "192.0.2.1", "2001:db8::1"] {
			assert!(!is_near(far.parse().unwrap()), "{far}");
		}
	}

	#[cfg(target_os = "linux")]
	#[test]
	fn a_machine_reaches_itself_by_a_wide_path() {
		assert_eq!(Reach::of("127.0.0.1:9".parse().unwrap()), Reach::Own);
		assert_eq!(Reach::of("[::ffff:127.0.0.1]:9".parse().unwrap()), Reach::Own);
	}
}

//! How large the packets of a connection may become.
//!
//! On most ways through the Internet 1,500 bytes are the most that pass, and to look for more costs a dozen lost packets and round trips. So larger
//! ones are only tried where they may well pass: on a machine itself, and in a local network whose first hop takes them (jumbo frames).

use std::net::{IpAddr, SocketAddr};

use crate::io::LARGEST_PAYLOAD;
use crate::system::first_hop;

/// The largest UDP payload that path MTU discovery tries on an ordinary path.
pub const ORDINARY_PAYLOAD: u16 = 1_452;
/// The same on a wide one.
pub const WIDE_PAYLOAD: u16 = LARGEST_PAYLOAD;

/// What an Ethernet frame takes without being a jumbo.
const ETHERNET_PAYLOAD: usize = 1_500;
/// The interface through which a machine reaches itself takes packets as long as there can be.
const OWN_PAYLOAD: usize = 65_535 - 48;

/// Whether larger packets are worth a try.
pub fn is_wide(peer: SocketAddr) -> bool {
	first_hop::udp_payload(peer)
		.is_some_and(|payload| payload >= OWN_PAYLOAD || (payload > ETHERNET_PAYLOAD && is_near(peer.ip().to_canonical())))
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
		assert!(is_wide("127.0.0.1:9".parse().unwrap()));
		assert!(is_wide("[::ffff:127.0.0.1]:9".parse().unwrap()));
	}
}

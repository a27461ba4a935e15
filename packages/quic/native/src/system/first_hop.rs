//! How large a packet may be on the first hop to an address, as the system knows it: the MTU of the interface that leads there.

use std::net::SocketAddr;

/// The largest UDP payload that fits into one packet there. `None`: this system does not tell, or knows no way.
#[cfg(target_os = "linux")]
pub fn udp_payload(to: SocketAddr) -> Option<usize> {
	use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
	use std::os::fd::AsRawFd;

	let to = SocketAddr::new(to.ip().to_canonical(), to.port());
	let (level, name, headers) = match to {
		SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU, 20 + 8),
		SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU, 40 + 8),
	};
	let local: SocketAddr = if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
	let socket = UdpSocket::bind(local).ok()?;
	socket.connect(to).ok()?; // sends nothing
	let mut mtu: libc::c_int = 0;
	let mut length = size_of::<libc::c_int>() as libc::socklen_t;
	// SAFETY: the option is a c_int, for which there is room, and the socket lives meanwhile.
	let told = unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, std::ptr::from_mut(&mut mtu).cast(), &mut length) };
	(told == 0).then(|| usize::try_from(mtu).unwrap_or(0).saturating_sub(headers))
}

#[cfg(not(target_os = "linux"))]
pub fn udp_payload(_to: SocketAddr) -> Option<usize> {
	None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
	use super::*;

	#[test]
	fn the_way_to_this_machine_itself_is_known_in_both_families() {
		let mtu: usize = std::fs::read_to_string("/sys/class/net/lo/mtu").unwrap().trim().parse().unwrap();
		let longest = mtu.min(65_535); // of IPv4, which has no more in its header
		assert_eq!(udp_payload("127.0.0.1:9".parse().unwrap()), Some(longest - 28));
		assert_eq!(udp_payload("[::ffff:127.0.0.1]:9".parse().unwrap()), Some(longest - 28));
		if std::net::UdpSocket::bind("[::1]:0").is_ok() {
			assert_eq!(udp_payload("[::1]:9".parse().unwrap()), Some(mtu - 48));
		}
	}
}

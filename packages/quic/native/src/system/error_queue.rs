//! What the network says of packets that a socket has sent: ICMP messages, as Linux hands them to the socket that they are about.
//! Other systems do not tell the address that a packet was sent to.

use std::net::{SocketAddr, UdpSocket};

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{next, set};
#[cfg(target_os = "linux")]
pub use linux::{next, set};

/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
	/// Nothing listens on the port.
	Port,
	/// A firewall refuses it.
	Prohibited,
	/// There is no way to the address, or no machine.
	Unreachable,
}

/// A message about one packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
	/// Where the packet was sent, never an IPv4-mapped address.
	pub to: SocketAddr,
	/// `None`: it is about something else, such as the length of a packet.
	pub problem: Option<Problem>,
	/// How many bytes of the packet the message quotes, at most those that there was room for.
	pub quoted: usize,
}

/// RFC 792 and RFC 1812, 5.2.7.1.
#[cfg(target_os = "linux")]
fn problem_v4(kind: u8, code: u8) -> Option<Problem> {
	match (kind, code) {
		(3, 2 | 3) => Some(Problem::Port),
		(3, 9 | 10 | 13) => Some(Problem::Prohibited),
		(3, 0 | 1 | 5..=8 | 11 | 12) => Some(Problem::Unreachable),
		_ => None,
	}
}

/// RFC 4443, 3.1.
#[cfg(target_os = "linux")]
fn problem_v6(kind: u8, code: u8) -> Option<Problem> {
	match (kind, code) {
		(1, 4) => Some(Problem::Port),
		(1, 1 | 5 | 6) => Some(Problem::Prohibited),
		(1, 0 | 2 | 3) => Some(Problem::Unreachable),
		_ => None,
	}
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
	use super::*;

	pub fn set(_: &UdpSocket, _on: bool) {}

	pub fn next(_: &UdpSocket, _quote: &mut [u8]) -> Option<Report> {
		None
	}
}

#[cfg(target_os = "linux")]
mod linux {
	use std::mem::{size_of, zeroed};
	use std::os::fd::AsRawFd;
	use std::ptr::{addr_of_mut, read_unaligned};

	use socket2::{SockAddr, SockAddrStorage};

	use super::*;

	/// Room for one control message: what the kernel says of the error, and the address of the machine that said it.
	#[repr(C, align(8))]
	struct Control([u8; 256]);

	/// Whether the kernel keeps such messages for the socket. When it is turned off, it forgets those that it has.
	pub fn set(socket: &UdpSocket, on: bool) {
		let value = libc::c_int::from(on);
		// An IPv6 socket has both switches, the first for what it sends over IPv4. The second fails for an IPv4 socket.
		for (level, name) in [(libc::IPPROTO_IP, libc::IP_RECVERR), (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)] {
			let length = size_of::<libc::c_int>() as libc::socklen_t;
			// SAFETY: the descriptor is open, and `value` is read during the call only.
			let _ = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length) };
		}
	}

	/// The oldest message that is left. Puts the beginning of the packet, as far as it is quoted, into `quote`. Never waits.
	pub fn next(socket: &UdpSocket, quote: &mut [u8]) -> Option<Report> {
		let mut control = Control([0; 256]);
		let mut storage = SockAddrStorage::zeroed();
		let mut part = libc::iovec { iov_base: quote.as_mut_ptr().cast(), iov_len: quote.len() };
		// SAFETY: all zeros is a valid `msghdr`.
		let mut header: libc::msghdr = unsafe { zeroed() };
		header.msg_name = addr_of_mut!(storage).cast();
		header.msg_namelen = storage.size_of();
		header.msg_iov = &mut part;
		header.msg_iovlen = 1;
		header.msg_control = control.0.as_mut_ptr().cast();
		header.msg_controllen = control.0.len();
		// SAFETY: all that `header` points to lives until the end of this function, and the lengths are those of what is there.
		let read = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) };
		let quoted = usize::try_from(read).ok()?;
		// SAFETY: the kernel has filled that many bytes of it, or none.
		let name = unsafe { SockAddr::new(storage, header.msg_namelen) };
		let to = name.as_socket().unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
		let to = SocketAddr::new(to.ip().to_canonical(), to.port());
		Some(Report { to, problem: problem(&header), quoted })
	}

	fn problem(header: &libc::msghdr) -> Option<Problem> {
		// SAFETY: the kernel has filled `header`; these walk over what it has put there.
		let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
		while !message.is_null() {
			// SAFETY: not null, so it points to a whole head of a message.
			let head = unsafe { &*message };
			let is_error = [(libc::IPPROTO_IP, libc::IP_RECVERR), (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)];
			if is_error.contains(&(head.cmsg_level, head.cmsg_type)) {
				// SAFETY: such a message holds this struct, which may stand anywhere.
				let error: libc::sock_extended_err = unsafe { read_unaligned(libc::CMSG_DATA(message).cast()) };
				return match error.ee_origin {
					libc::SO_EE_ORIGIN_ICMP => problem_v4(error.ee_type, error.ee_code),
					libc::SO_EE_ORIGIN_ICMP6 => problem_v6(error.ee_type, error.ee_code),
					_ => None,
				};
			}
			// SAFETY: as above.
			message = unsafe { libc::CMSG_NXTHDR(header, message) };
		}
		None
	}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
	use std::net::{Ipv6Addr, UdpSocket};
	use std::time::{Duration, Instant};

	use super::*;

	/// An address at which nothing listens.
	fn closed(host: &str) -> SocketAddr {
		UdpSocket::bind((host, 0)).unwrap().local_addr().unwrap()
	}

	fn wait_for(socket: &UdpSocket, quote: &mut [u8]) -> Option<Report> {
		let until = Instant::now() + Duration::from_secs(2);
		while Instant::now() < until {
			if let Some(report) = next(socket, quote) {
				return Some(report);
			}
			std::thread::sleep(Duration::from_millis(1));
		}
		None
	}

	#[test]
	fn a_closed_port_is_told_with_its_address_and_the_packet() {
		let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
		let to = closed("127.0.0.1");
		set(&socket, true);
		socket.send_to(b"is anybody there?", to).unwrap();
		let mut quote = [0; 8];
		assert_eq!(wait_for(&socket, &mut quote), Some(Report { to, problem: Some(Problem::Port), quoted: 8 }));
		assert_eq!(&quote, b"is anybo");
		assert_eq!(next(&socket, &mut quote), None);
	}

	#[test]
	fn a_socket_of_both_families_is_told_of_both() {
		let Ok(socket) = UdpSocket::bind("[::]:0") else { return }; // a machine without IPv6
		set(&socket, true);
		let v4 = closed("127.0.0.1");
		let mapped = SocketAddr::from(("127.0.0.1".parse::<std::net::Ipv4Addr>().unwrap().to_ipv6_mapped(), v4.port()));
		socket.send_to(b"v4", mapped).unwrap();
		assert_eq!(wait_for(&socket, &mut [0; 8]), Some(Report { to: v4, problem: Some(Problem::Port), quoted: 2 }));
		let Ok(v6) = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).map(|other| other.local_addr().unwrap()) else { return };
		if socket.send_to(b"v6", v6).is_ok() {
			assert_eq!(wait_for(&socket, &mut [0; 8]), Some(Report { to: v6, problem: Some(Problem::Port), quoted: 2 }));
		}
	}

	#[test]
	fn nothing_is_kept_while_it_is_off_and_nothing_stays_when_it_is_turned_off() {
		let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
		let to = closed("127.0.0.1");
		socket.send_to(b"x", to).unwrap();
		std::thread::sleep(Duration::from_millis(20));
		assert_eq!(next(&socket, &mut [0; 8]), None);
		set(&socket, true);
		socket.send_to(b"x", to).unwrap();
		std::thread::sleep(Duration::from_millis(20));
		set(&socket, false);
		assert_eq!(next(&socket, &mut [0; 8]), None);
	}

	#[test]
	fn every_code_that_says_that_a_packet_cannot_arrive_is_told_and_no_other() {
		for code in 0..=15 {
			let v4 = match code {
				2 | 3 => Some(Problem::Port),
				9 | 10 | 13 => Some(Problem::Prohibited),
				4 | 14 | 15 => None,
				_ => Some(Problem::Unreachable),
			};
			assert_eq!(problem_v4(3, code), v4, "{code}");
			assert_eq!(problem_v4(11, code), None, "time exceeded");
			assert_eq!(problem_v6(2, code), None, "packet too big");
		}
		assert_eq!([0, 1, 4].map(|code| problem_v6(1, code)), [Some(Problem::Unreachable), Some(Problem::Prohibited), Some(Problem::Port)]);
	}
}

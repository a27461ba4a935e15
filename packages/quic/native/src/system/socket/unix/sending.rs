//! How a packet is given to the system. quinn's socket always adds control messages: the ECN mark, and where a packet stands for several their
//! size. Some systems refuse one of them, and would refuse every packet: some Androids answer EIO to the ECN mark.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};

use quinn::udp::{Transmit, UdpSockRef, UdpSocketState};

/// What a system says to a control message that it does not know.
const REFUSALS: [i32; 4] = [libc::EIO, libc::EINVAL, libc::EOPNOTSUPP, libc::ENOPROTOOPT];

#[derive(Default)]
pub struct Sending {
	/// Packets went out without control messages where they did not with them. It stays so: the system will not change.
	bare: AtomicBool,
	#[cfg(test)]
	pub faults: super::tests::SendFaults,
}

impl Sending {
	/// How many packets one `Transmit` may stand for.
	pub fn max_segments(&self, state: &UdpSocketState) -> usize {
		if self.bare.load(Ordering::Relaxed) {
			1
		} else {
			state.max_gso_segments()
		}
	}

	/// Sends all of it, with as much beside it as the system takes.
	pub fn send(&self, state: &UdpSocketState, socket: &UdpSocket, transmit: &Transmit) -> io::Result<()> {
		if self.bare.load(Ordering::Relaxed) {
			return self.send_bare(socket, transmit);
		}
		let refused = match self.send_marked(state, socket, transmit) {
			Err(e) if is_refusal(&e, transmit) => e,
			result => return result,
		};
		// The size may be what is refused. quinn's socket has noticed, and no further packets are joined.
		if is_joined(transmit) {
			return packets(transmit).try_for_each(|packet| self.send(state, socket, &packet));
		}
		// A packet that cannot be sent in any way says nothing about control messages.
		match self.send_bare(socket, transmit) {
			Ok(()) => {
				self.bare.store(true, Ordering::Relaxed);
				Ok(())
			}
			Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(e),
			Err(_) => Err(refused),
		}
	}

	fn send_marked(&self, state: &UdpSocketState, socket: &UdpSocket, transmit: &Transmit) -> io::Result<()> {
		#[cfg(test)]
		self.faults.marked(transmit)?;
		state.try_send(UdpSockRef::from(socket), transmit)
	}

	/// The mark is lost, and quinn goes on without it. So is the source address: the system chooses it, as for any program.
	fn send_bare(&self, socket: &UdpSocket, transmit: &Transmit) -> io::Result<()> {
		packets(transmit).try_for_each(|packet| {
			#[cfg(test)]
			self.faults.bare(&packet)?;
			socket.send_to(packet.contents, packet.destination).map(drop)
		})
	}
}

/// EINVAL is also said of a source address that this machine does not have any more. This ends one connection and tells nothing about others.
fn is_refusal(e: &io::Error, transmit: &Transmit) -> bool {
	let Some(errno) = e.raw_os_error() else { return false };
	REFUSALS.contains(&errno) && (errno != libc::EINVAL || transmit.src_ip.is_none() || is_joined(transmit))
}

fn is_joined(transmit: &Transmit) -> bool {
	transmit.segment_size.is_some_and(|size| size < transmit.contents.len())
}

/// The packets that it stands for, one by one.
fn packets<'a>(transmit: &Transmit<'a>) -> impl Iterator<Item = Transmit<'a>> {
	let Transmit { destination, ecn, contents, segment_size, src_ip } = *transmit;
	let size = segment_size.unwrap_or(contents.len()).max(1);
	contents.chunks(size).map(move |contents| Transmit { destination, ecn, contents, segment_size: None, src_ip })
}

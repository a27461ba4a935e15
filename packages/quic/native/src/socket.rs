//! The UDP socket under quinn. On Unix our own: quinn's registers for writability all the time, and Linux then wakes the
//! I/O thread once more for every packet that has left, which costs as much as the packet.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;

use quinn::AsyncUdpSocket;

/// Needs the I/O runtime's context.
#[cfg(not(unix))]
pub fn wrap(socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
	use quinn::{Runtime, TokioRuntime};
	TokioRuntime.wrap_udp_socket(socket)
}

/// Needs the I/O runtime's context.
#[cfg(unix)]
pub fn wrap(socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
	Ok(Arc::new(unix::Socket::new(socket)?))
}

#[cfg(unix)]
mod unix {
	use std::fmt;
	use std::io::{self, IoSliceMut};
	use std::net::{SocketAddr, UdpSocket};
	use std::pin::Pin;
	use std::sync::atomic::{AtomicBool, Ordering};
	use std::sync::Arc;
	use std::task::{ready, Context, Poll};

	use quinn::udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
	use quinn::{AsyncUdpSocket, UdpPoller};
	use tokio::io::unix::AsyncFd;
	use tokio::io::Interest;
	use tokio::runtime::Handle;

	/// The only `unsafe` of this crate.
	fn register(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
		// SAFETY: a `UdpSocket` owns its descriptor, always returns the same one, and closes it only when dropped; the
		// `AsyncFd` owns the socket and deregisters before it drops it.
		unsafe { AsyncFd::register_with_interest(socket, interest) }.map_err(io::Error::from)
	}

	pub struct Socket {
		io: AsyncFd<UdpSocket>,
		state: UdpSocketState,
		runtime: Handle,
		/// The last packet found no room.
		full: AtomicBool,
	}

	impl Socket {
		pub fn new(socket: UdpSocket) -> io::Result<Self> {
			let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
			let io = register(socket, Interest::READABLE)?;
			Ok(Self { io, state, runtime: Handle::current(), full: AtomicBool::new(false) })
		}
	}

	impl fmt::Debug for Socket {
		fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
			f.debug_struct("Socket").field("io", self.io.get_ref()).finish_non_exhaustive()
		}
	}

	impl AsyncUdpSocket for Socket {
		fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
			Box::pin(Writable { socket: self, waiting: None })
		}

		fn try_send(&self, transmit: &Transmit) -> io::Result<()> {
			let sent = self.state.send(UdpSockRef::from(self.io.get_ref()), transmit);
			if matches!(&sent, Err(e) if e.kind() == io::ErrorKind::WouldBlock) {
				self.full.store(true, Ordering::Relaxed);
			}
			sent
		}

		fn poll_recv(&self, cx: &mut Context, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
			loop {
				let mut ready = ready!(self.io.poll_read_ready(cx))?;
				match ready.try_io(|io| self.state.recv(UdpSockRef::from(io.get_ref()), bufs, meta)) {
					Ok(Ok(n)) => {
						if n < bufs.len() {
							ready.clear_ready(); // all of it: the next datagram will say so itself
						}
						return Poll::Ready(Ok(n));
					}
					Ok(Err(_)) => {} // an ICMP message about some packet: consumed by reading it, and nobody's end
					Err(_would_block) => {}
				}
			}
		}

		fn local_addr(&self) -> io::Result<SocketAddr> {
			self.io.get_ref().local_addr()
		}

		fn max_transmit_segments(&self) -> usize {
			self.state.max_gso_segments()
		}

		fn max_receive_segments(&self) -> usize {
			self.state.gro_segments()
		}

		fn may_fragment(&self) -> bool {
			self.state.may_fragment()
		}
	}

	/// Waits for room in the socket's buffer, which is seldom missing: registered only while somebody waits.
	struct Writable {
		socket: Arc<Socket>,
		waiting: Option<AsyncFd<UdpSocket>>,
	}

	impl fmt::Debug for Writable {
		fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
			f.debug_struct("Writable").field("waiting", &self.waiting.is_some()).finish()
		}
	}

	impl UdpPoller for Writable {
		fn poll_writable(self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
			let this = self.get_mut();
			if this.waiting.is_none() {
				// quinn asks before every packet.
				if !this.socket.full.load(Ordering::Relaxed) {
					return Poll::Ready(Ok(()));
				}
				let _context = this.socket.runtime.enter(); // the JS thread may be the one that polls
				let again = this.socket.io.get_ref().try_clone()?;
				this.waiting = Some(register(again, Interest::WRITABLE)?);
			}
			if let Some(waiting) = &this.waiting {
				drop(ready!(waiting.poll_write_ready(cx))?);
			}
			this.waiting = None;
			this.socket.full.store(false, Ordering::Relaxed);
			Poll::Ready(Ok(()))
		}
	}

	#[cfg(test)]
	mod tests {
		use std::future::poll_fn;

		use super::*;

		#[test]
		fn waits_for_room_only_while_there_is_none() {
			let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
			runtime.block_on(async {
				let plain = UdpSocket::bind("127.0.0.1:0").unwrap();
				plain.set_nonblocking(true).unwrap();
				let socket = Arc::new(Socket::new(plain).unwrap());
				let mut poller = Writable { socket, waiting: None };
				for full in [false, true, true] {
					poller.socket.full.store(full, Ordering::Relaxed);
					poll_fn(|cx| Pin::new(&mut poller).poll_writable(cx)).await.unwrap();
					assert!(poller.waiting.is_none());
					assert!(!poller.socket.full.load(Ordering::Relaxed));
				}
			});
		}
	}
}

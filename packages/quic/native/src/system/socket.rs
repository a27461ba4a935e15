//! The UDP socket under quinn. On Unix our own: quinn's registers for writability all the time, and Linux then wakes the
//! I/O thread once more for every packet that has left, which costs as much as the packet.

use std::cell::Cell;
use std::io;
use std::net::UdpSocket;
use std::sync::Arc;

use quinn::AsyncUdpSocket;

thread_local! {
	static EAGER: Cell<bool> = const { Cell::new(false) };
}

/// Runs `poll`, in which sockets are read without asking the I/O thread's event queue first: on the JS thread, which
/// knows from its own that there is something.
pub fn eagerly<T>(poll: impl FnOnce() -> T) -> T {
	struct Reset;
	impl Drop for Reset {
		fn drop(&mut self) {
			EAGER.set(false);
		}
	}
	EAGER.set(true);
	let _reset = Reset;
	poll()
}

/// Needs the I/O runtime's context.
#[cfg(not(unix))]
pub fn wrap(socket: UdpSocket) -> io::Result<(Arc<dyn AsyncUdpSocket>, Mute)> {
	use quinn::{Runtime, TokioRuntime};
	Ok((TokioRuntime.wrap_udp_socket(socket)?, Mute {}))
}

/// Needs the I/O runtime's context.
#[cfg(unix)]
pub fn wrap(socket: UdpSocket) -> io::Result<(Arc<dyn AsyncUdpSocket>, Mute)> {
	let socket = Arc::new(unix::Socket::new(socket)?);
	let mute = Mute {
		#[cfg(target_os = "linux")]
		socket: Arc::downgrade(&socket),
	};
	Ok((socket, mute))
}

/// Keeps packets from waking the I/O thread while the JS thread waits for them itself. On Linux only.
#[derive(Clone)]
pub struct Mute {
	#[cfg(target_os = "linux")]
	socket: std::sync::Weak<unix::Socket>,
}

#[cfg(target_os = "linux")]
impl Mute {
	/// Turned off, the I/O thread hears of what has come meanwhile. Turned on, it does so by itself after a while: the JS
	/// thread may be busy with something that is none of ours.
	pub fn set(&self, on: bool) {
		if let Some(socket) = self.socket.upgrade() {
			socket.ring(!on);
			if on {
				unix::Socket::mind(&socket);
			}
		}
	}
}

/// The socket inside an epoll instance of its own, which is what the I/O thread waits for: so that it can be silenced.
#[cfg(target_os = "linux")]
mod bell {
	use std::io;
	use std::net::UdpSocket;
	use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

	pub struct Bell {
		epoll: OwnedFd,
		/// Keeps the descriptor that is watched.
		socket: UdpSocket,
	}

	impl AsRawFd for Bell {
		fn as_raw_fd(&self) -> RawFd {
			self.epoll.as_raw_fd()
		}
	}

	impl Bell {
		pub fn socket(&self) -> &UdpSocket {
			&self.socket
		}

		pub fn new(socket: UdpSocket) -> io::Result<Self> {
			// SAFETY: takes a flag, returns a new descriptor or -1.
			let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
			if epoll < 0 {
				return Err(io::Error::last_os_error());
			}
			// SAFETY: just made, owned by nobody else.
			let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
			let bell = Self { epoll, socket };
			bell.control(libc::EPOLL_CTL_ADD)?;
			Ok(bell)
		}

		/// Turned on, it rings at once if there is something to read. By adding and removing: a changed interest does not
		/// ring when the kernel still has the socket on its list from before.
		pub fn set(&self, on: bool) {
			let _ = self.control(if on { libc::EPOLL_CTL_ADD } else { libc::EPOLL_CTL_DEL });
			// fails if it was so already
		}

		fn control(&self, operation: libc::c_int) -> io::Result<()> {
			let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
			// SAFETY: both descriptors are open, `event` is read during the call only.
			match unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, self.socket.as_raw_fd(), &mut event) } {
				0 => Ok(()),
				_ => Err(io::Error::last_os_error()),
			}
		}
	}
}

#[cfg(unix)]
mod unix {
	use std::fmt;
	use std::io::{self, IoSliceMut};
	use std::net::{SocketAddr, UdpSocket};
	use std::os::fd::AsRawFd;
	#[cfg(not(target_os = "linux"))]
	use std::os::fd::RawFd;
	use std::pin::Pin;
	#[cfg(target_os = "linux")]
	use std::sync::atomic::AtomicU64;
	use std::sync::atomic::{AtomicBool, Ordering};
	use std::sync::Arc;
	use std::task::{ready, Context, Poll};

	use quinn::udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
	use quinn::{AsyncUdpSocket, UdpPoller};
	use tokio::io::unix::AsyncFd;
	use tokio::io::Interest;
	use tokio::runtime::Handle;

	#[cfg(target_os = "linux")]
	use super::bell::Bell;

	/// Elsewhere the socket itself is waited for.
	#[cfg(not(target_os = "linux"))]
	struct Bell(UdpSocket);

	#[cfg(not(target_os = "linux"))]
	impl Bell {
		fn new(socket: UdpSocket) -> io::Result<Self> {
			Ok(Self(socket))
		}

		fn socket(&self) -> &UdpSocket {
			&self.0
		}
	}

	#[cfg(not(target_os = "linux"))]
	impl AsRawFd for Bell {
		fn as_raw_fd(&self) -> RawFd {
			self.0.as_raw_fd()
		}
	}

	/// `T` is a `UdpSocket` or a `Bell`.
	fn register<T: AsRawFd>(waited: T, interest: Interest) -> io::Result<AsyncFd<T>> {
		// SAFETY: both own their descriptor, always return the same one, and close it only when dropped; the `AsyncFd`
		// owns them and deregisters before it drops them.
		unsafe { AsyncFd::register_with_interest(waited, interest) }.map_err(io::Error::from)
	}

	pub struct Socket {
		io: AsyncFd<Bell>,
		state: UdpSocketState,
		runtime: Handle,
		/// The last packet found no room.
		full: AtomicBool,
		/// How often the socket was muted.
		#[cfg(target_os = "linux")]
		muted: AtomicU64,
		/// A task looks after that.
		#[cfg(target_os = "linux")]
		minded: AtomicBool,
	}

	/// Longest time that the socket stays muted.
	#[cfg(target_os = "linux")]
	const MUTE: std::time::Duration = std::time::Duration::from_millis(15);

	impl Socket {
		pub fn new(socket: UdpSocket) -> io::Result<Self> {
			let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
			let io = register(Bell::new(socket)?, Interest::READABLE)?;
			Ok(Self {
				io,
				state,
				runtime: Handle::current(),
				full: AtomicBool::new(false),
				#[cfg(target_os = "linux")]
				muted: AtomicU64::new(0),
				#[cfg(target_os = "linux")]
				minded: AtomicBool::new(false),
			})
		}

		/// One task per burst of messages: it ends when the socket has been muted, or left alone, since its last look.
		#[cfg(target_os = "linux")]
		pub fn mind(this: &Arc<Self>) {
			this.muted.fetch_add(1, Ordering::AcqRel);
			if this.minded.swap(true, Ordering::AcqRel) {
				return;
			}
			let weak = Arc::downgrade(this);
			this.runtime.spawn(async move {
				let mut seen = 0;
				loop {
					tokio::time::sleep(MUTE).await;
					let Some(socket) = weak.upgrade() else { return };
					let muted = socket.muted.load(Ordering::Acquire);
					if muted == seen {
						socket.minded.store(false, Ordering::Release);
						if socket.muted.load(Ordering::Acquire) == seen {
							socket.ring(true);
							return;
						}
						if socket.minded.swap(true, Ordering::AcqRel) {
							return; // it was muted just now, which started another task
						}
						continue;
					}
					seen = muted;
				}
			});
		}

		#[cfg(target_os = "linux")]
		pub fn ring(&self, on: bool) {
			self.io.get_ref().set(on);
		}

		fn socket(&self) -> &UdpSocket {
			self.io.get_ref().socket()
		}
	}

	impl fmt::Debug for Socket {
		fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
			f.debug_struct("Socket").field("socket", self.socket()).finish_non_exhaustive()
		}
	}

	impl AsyncUdpSocket for Socket {
		fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
			Box::pin(Writable { socket: self, waiting: None })
		}

		fn try_send(&self, transmit: &Transmit) -> io::Result<()> {
			let sent = self.state.send(UdpSockRef::from(self.socket()), transmit);
			if matches!(&sent, Err(e) if e.kind() == io::ErrorKind::WouldBlock) {
				self.full.store(true, Ordering::Relaxed);
			}
			sent
		}

		fn poll_recv(&self, cx: &mut Context, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
			if super::EAGER.take() {
				if let Ok(n) = self.state.recv(UdpSockRef::from(self.socket()), bufs, meta) {
					super::EAGER.set(n == bufs.len());
					return Poll::Ready(Ok(n));
				}
			}
			loop {
				let mut ready = ready!(self.io.poll_read_ready(cx))?;
				match ready.try_io(|io| self.state.recv(UdpSockRef::from(io.get_ref().socket()), bufs, meta)) {
					Ok(Ok(n)) => {
						// Where several are read at a time (not on the BSDs).
						let batched = cfg!(any(target_os = "linux", target_os = "android", target_vendor = "apple"));
						if batched && n < bufs.len() {
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
			self.socket().local_addr()
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
				let again = this.socket.socket().try_clone()?;
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

		#[cfg(target_os = "linux")]
		#[test]
		fn is_silent_while_muted_and_rings_for_what_came_meanwhile() {
			let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
			runtime.block_on(async {
				let plain = UdpSocket::bind("127.0.0.1:0").unwrap();
				plain.set_nonblocking(true).unwrap();
				let to = plain.local_addr().unwrap();
				let from = UdpSocket::bind("127.0.0.1:0").unwrap();
				let socket = Arc::new(Socket::new(plain).unwrap());
				let mut memory = [[0; 2048]; 2];
				let mut receive = async || {
					let mut bufs = memory.each_mut().map(|memory| IoSliceMut::new(memory));
					poll_fn(|cx| socket.poll_recv(cx, &mut bufs, &mut [RecvMeta::default(); 2])).await.unwrap()
				};
				let soon = std::time::Duration::from_millis(50);
				for _ in 0..3 {
					from.send_to(&[1], to).unwrap();
					assert_eq!(tokio::time::timeout(soon, receive()).await.unwrap(), 1);
					socket.ring(false);
					from.send_to(&[2], to).unwrap();
					assert!(tokio::time::timeout(soon, receive()).await.is_err());
					socket.ring(true);
					assert_eq!(tokio::time::timeout(soon, receive()).await.unwrap(), 1);
				}
			});
		}

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

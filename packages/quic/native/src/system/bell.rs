//! What the I/O thread waits for before it reads a socket. On Linux this is the socket inside an epoll instance of its own, so
//! that it can be silenced. On other Unix systems it is the socket itself.

#[cfg(not(target_os = "linux"))]
pub use elsewhere::Bell;
#[cfg(target_os = "linux")]
pub use linux::Bell;

#[cfg(target_os = "linux")]
mod linux {
	use std::io;
	use std::net::UdpSocket;
	use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
	use std::sync::Arc;

	pub struct Bell {
		epoll: OwnedFd,
		/// Keeps the descriptor open that is watched.
		socket: Arc<UdpSocket>,
	}

	impl AsRawFd for Bell {
		fn as_raw_fd(&self) -> RawFd {
			self.epoll.as_raw_fd()
		}
	}

	impl Bell {
		pub fn socket(&self) -> &Arc<UdpSocket> {
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
			let bell = Self { epoll, socket: Arc::new(socket) };
			bell.control(libc::EPOLL_CTL_ADD)?;
			Ok(bell)
		}

		/// When it is turned on, it rings at once if there is something to read. It adds and removes the socket: a mere change of
		/// interest does not ring when the kernel still has the socket on its list from before.
		pub fn set(&self, on: bool) {
			// Fails if it was on, or off, already.
			let _ = self.control(if on { libc::EPOLL_CTL_ADD } else { libc::EPOLL_CTL_DEL });
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

#[cfg(not(target_os = "linux"))]
mod elsewhere {
	use std::io;
	use std::net::UdpSocket;
	use std::os::fd::{AsRawFd, RawFd};
	use std::sync::Arc;

	pub struct Bell(Arc<UdpSocket>);

	impl Bell {
		pub fn new(socket: UdpSocket) -> io::Result<Self> {
			Ok(Self(Arc::new(socket)))
		}

		pub fn socket(&self) -> &Arc<UdpSocket> {
			&self.0
		}
	}

	impl AsRawFd for Bell {
		fn as_raw_fd(&self) -> RawFd {
			self.0.as_raw_fd()
		}
	}
}

//! The UDP socket under quinn. On Unix it is our own: quinn's is always registered for writability. Linux then wakes the I/O
//! thread once more for every packet that has left, which costs as much as the packet.

use std::cell::Cell;
use std::io;
use std::net::UdpSocket;
use std::sync::Arc;

use quinn::AsyncUdpSocket;

thread_local! {
	static EAGER: Cell<bool> = const { Cell::new(false) };
}

/// JS thread: runs `poll`, in which sockets are read without asking the I/O thread's event queue first. The JS thread knows from
/// its own event queue that there is something.
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
	/// When it is turned off, the I/O thread hears of what has come meanwhile. When it is turned on, it turns itself off after a
	/// while: the JS thread may be busy with work that is not ours.
	pub fn set(&self, on: bool) {
		if let Some(socket) = self.socket.upgrade() {
			socket.ring(!on);
			if on {
				unix::Socket::mind(&socket);
			}
		}
	}
}

#[cfg(unix)]
mod unix {
	use std::fmt;
	use std::future::Future;
	use std::io::{self, IoSliceMut};
	use std::net::{SocketAddr, UdpSocket};
	use std::os::fd::AsRawFd;
	use std::pin::Pin;
	#[cfg(target_os = "linux")]
	use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
	use std::sync::{Arc, Mutex, Weak};
	use std::task::{ready, Context, Poll};
	use std::time::Duration;

	use quinn::udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
	use quinn::{AsyncUdpSocket, UdpPoller};
	use tokio::io::unix::AsyncFd;
	use tokio::io::Interest;
	use tokio::runtime::Handle;
	use tokio::task::AbortHandle;
	use tokio::time::Sleep;

	use crate::lock::lock;
	use crate::system::bell::Bell;
	use crate::system::room::{Place, Room};

	use sending::Sending;

	/// What is waited for when the socket is full. On Linux this is the socket itself, because the I/O thread's event queue does
	/// not have its descriptor yet. So no new descriptor is needed just when there may be none.
	#[cfg(target_os = "linux")]
	fn write_side(socket: &Arc<UdpSocket>) -> io::Result<Arc<UdpSocket>> {
		Ok(socket.clone())
	}

	/// Elsewhere the queue has the descriptor, for reading, and would forget both together.
	#[cfg(not(target_os = "linux"))]
	fn write_side(socket: &Arc<UdpSocket>) -> io::Result<Arc<UdpSocket>> {
		socket.try_clone().map(Arc::new)
	}

	/// `T` is an `Arc<UdpSocket>` or a `Bell`.
	fn register<T: AsRawFd>(waited: T, interest: Interest) -> io::Result<AsyncFd<T>> {
		// SAFETY: both own their descriptor, always return the same one, and close it only when dropped; the `AsyncFd`
		// owns them and deregisters before it drops them.
		unsafe { AsyncFd::register_with_interest(waited, interest) }.map_err(io::Error::from)
	}

	pub struct Socket {
		io: AsyncFd<Bell>,
		state: UdpSocketState,
		sending: Sending,
		runtime: Handle,
		room: Room,
		/// The task that waits for room.
		watch: Mutex<Option<AbortHandle>>,
		/// Reading goes on when this is over.
		rest: Mutex<Option<Pin<Box<Sleep>>>>,
		#[cfg(test)]
		faults: tests::Faults,
		/// How often the socket was muted.
		#[cfg(target_os = "linux")]
		muted: AtomicU64,
		/// A task sees to it that the socket does not stay muted.
		#[cfg(target_os = "linux")]
		minded: AtomicBool,
	}

	/// The socket stays muted for this long at most.
	#[cfg(target_os = "linux")]
	const MUTE: Duration = Duration::from_millis(15);

	/// After this time the socket is tried again, where the system cannot tell when it is ready.
	const RETRY: Duration = Duration::from_millis(10);

	/// After this many errors in a row, reading takes a rest. Each may be one ICMP message, or all may be one lasting fault.
	const ERRORS_IN_A_ROW: usize = 16;

	impl Socket {
		pub fn new(socket: UdpSocket) -> io::Result<Self> {
			let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
			let io = register(Bell::new(socket)?, Interest::READABLE)?;
			Ok(Self {
				io,
				state,
				sending: Sending::default(),
				runtime: Handle::current(),
				room: Room::default(),
				watch: Mutex::default(),
				rest: Mutex::default(),
				#[cfg(test)]
				faults: tests::Faults::default(),
				#[cfg(target_os = "linux")]
				muted: AtomicU64::new(0),
				#[cfg(target_os = "linux")]
				minded: AtomicBool::new(false),
			})
		}

		/// One task for each burst of messages. It looks every `MUTE`, and ends when the socket was not muted anew since its last look;
		/// the socket rings again then.
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

		fn socket(&self) -> &Arc<UdpSocket> {
			self.io.get_ref().socket()
		}

		/// Starts the one task that waits for room on behalf of all connections.
		fn watch(this: &Arc<Self>) {
			let weak = Arc::downgrade(this);
			let task = this.runtime.spawn(Self::wait_for_room(weak));
			*lock(&this.watch) = Some(task.abort_handle());
		}

		async fn wait_for_room(weak: Weak<Self>) {
			let registered = {
				let Some(this) = weak.upgrade() else { return };
				match this.room.is_fruitless() {
					true => Err(io::ErrorKind::WouldBlock.into()), // the system said last time that it was ready, and it was not
					false => this.register_for_writing(),
				}
			};
			// This holds the descriptor meanwhile, not the socket: the socket's end ends the wait.
			let told = match &registered {
				Ok(waited) => waited.writable().await.is_ok(),
				Err(_) => false,
			};
			if !told {
				tokio::time::sleep(RETRY).await;
			}
			drop(registered);
			if let Some(this) = weak.upgrade() {
				this.room.freed();
			}
		}

		fn register_for_writing(&self) -> io::Result<AsyncFd<Arc<UdpSocket>>> {
			#[cfg(test)]
			self.faults.registration()?;
			register(write_side(self.socket())?, Interest::WRITABLE)
		}

		fn send(&self, transmit: &Transmit) -> io::Result<()> {
			#[cfg(test)]
			self.faults.sending()?;
			self.sending.send(&self.state, self.socket(), transmit)
		}

		fn recv(&self, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> io::Result<usize> {
			#[cfg(test)]
			self.faults.receiving()?;
			self.state.recv(UdpSockRef::from(&**self.socket()), bufs, meta)
		}

		/// Reads nothing for a while. Polls the pause once, so that it wakes the task.
		fn take_a_rest(&self, cx: &mut Context) -> Poll<()> {
			let mut rest = lock(&self.rest);
			let pause = rest.get_or_insert_with(|| {
				let _context = self.runtime.enter(); // the JS thread may be the one that polls
				Box::pin(tokio::time::sleep(RETRY))
			});
			ready!(pause.as_mut().poll(cx));
			*rest = None;
			Poll::Ready(())
		}

		fn is_resting(&self) -> bool {
			lock(&self.rest).is_some()
		}
	}

	impl Drop for Socket {
		fn drop(&mut self) {
			if let Some(watch) = lock(&self.watch).take() {
				watch.abort();
			}
		}
	}

	impl fmt::Debug for Socket {
		fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
			f.debug_struct("Socket").field("socket", self.socket()).finish_non_exhaustive()
		}
	}

	impl AsyncUdpSocket for Socket {
		fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
			Box::pin(Writable { socket: self, place: Place::default() })
		}

		/// Tells no error but `WouldBlock`: any other would end the connection. A packet that the system refused is a lost packet.
		fn try_send(&self, transmit: &Transmit) -> io::Result<()> {
			match self.send(transmit) {
				Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
					self.room.filled();
					Err(e)
				}
				_ => {
					self.room.sent();
					Ok(())
				}
			}
		}

		/// Never an error, which would end the endpoint.
		fn poll_recv(&self, cx: &mut Context, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
			if super::EAGER.take() {
				if let Ok(n) = self.recv(bufs, meta) {
					super::EAGER.set(n == bufs.len());
					return Poll::Ready(Ok(n));
				}
			}
			if self.is_resting() {
				ready!(self.take_a_rest(cx));
			}
			let mut errors = 0;
			while errors < ERRORS_IN_A_ROW {
				let Ok(mut ready) = ready!(self.io.poll_read_ready(cx)) else { break };
				match ready.try_io(|_| self.recv(bufs, meta)) {
					Ok(Ok(n)) => {
						// Several are read at a time, except on the BSDs.
						let batched = cfg!(any(target_os = "linux", target_os = "android", target_vendor = "apple"));
						if batched && n < bufs.len() {
							ready.clear_ready(); // this was all of it: the next datagram rings again
						}
						return Poll::Ready(Ok(n));
					}
					Ok(Err(_)) => errors += 1, // an ICMP message about some packet: reading it has consumed it, and it ends nothing
					Err(_would_block) => {}
				}
			}
			if self.take_a_rest(cx).is_ready() {
				cx.waker().wake_by_ref();
			}
			Poll::Pending
		}

		fn local_addr(&self) -> io::Result<SocketAddr> {
			self.socket().local_addr()
		}

		fn max_transmit_segments(&self) -> usize {
			self.sending.max_segments(&self.state)
		}

		fn max_receive_segments(&self) -> usize {
			self.state.gro_segments()
		}

		fn may_fragment(&self) -> bool {
			self.state.may_fragment()
		}
	}

	/// One connection's place in the line for room.
	#[derive(Debug)]
	struct Writable {
		socket: Arc<Socket>,
		place: Place,
	}

	impl UdpPoller for Writable {
		/// Never an error, which would end the connection's driver, and with it the timers that end the connection.
		fn poll_writable(self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
			let Self { socket, place } = self.get_mut();
			socket.room.poll(place, cx.waker(), || Socket::watch(socket)).map(Ok)
		}
	}

	impl Drop for Writable {
		fn drop(&mut self) {
			self.socket.room.leave(&mut self.place);
		}
	}

	mod sending;
	#[cfg(test)]
	mod tests;
}

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

	/// What is waited for when the socket is full. On Linux the socket itself, whose descriptor the I/O thread's event queue
	/// does not have yet: so that no descriptor is needed just when there may be none.
	#[cfg(target_os = "linux")]
	fn write_side(socket: &Arc<UdpSocket>) -> io::Result<Arc<UdpSocket>> {
		Ok(socket.clone())
	}

	/// Elsewhere the queue has it, for reading, and would forget both together.
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
		runtime: Handle,
		room: Room,
		/// The task that waits for room.
		watch: Mutex<Option<AbortHandle>>,
		/// Reading goes on after that.
		rest: Mutex<Option<Pin<Box<Sleep>>>>,
		#[cfg(test)]
		faults: tests::Faults,
		/// How often the socket was muted.
		#[cfg(target_os = "linux")]
		muted: AtomicU64,
		/// A task looks after that.
		#[cfg(target_os = "linux")]
		minded: AtomicBool,
	}

	/// Longest time that the socket stays muted.
	#[cfg(target_os = "linux")]
	const MUTE: Duration = Duration::from_millis(15);

	/// After that the socket is tried again, when the system cannot tell when it is ready.
	const RETRY: Duration = Duration::from_millis(10);

	/// Errors read in a row before reading takes a rest. Each may be one ICMP message, or all may be one lasting fault.
	const ERRORS_IN_A_ROW: usize = 16;

	impl Socket {
		pub fn new(socket: UdpSocket) -> io::Result<Self> {
			let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
			let io = register(Bell::new(socket)?, Interest::READABLE)?;
			Ok(Self {
				io,
				state,
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

		fn socket(&self) -> &Arc<UdpSocket> {
			self.io.get_ref().socket()
		}

		/// Starts the one task that waits for room in behalf of everybody who does.
		fn watch(this: &Arc<Self>) {
			let weak = Arc::downgrade(this);
			let task = this.runtime.spawn(Self::wait_for_room(weak));
			*lock(&this.watch) = Some(task.abort_handle());
		}

		async fn wait_for_room(weak: Weak<Self>) {
			let registered = {
				let Some(this) = weak.upgrade() else { return };
				match this.room.is_fruitless() {
					true => Err(io::ErrorKind::WouldBlock.into()), // ready, as the system said last time, it was not
					false => this.register_for_writing(),
				}
			};
			// Not the socket but its descriptor is held meanwhile: the socket's end ends the wait.
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
			self.state.send(UdpSockRef::from(&**self.socket()), transmit)
		}

		fn recv(&self, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> io::Result<usize> {
			#[cfg(test)]
			self.faults.receiving()?;
			self.state.recv(UdpSockRef::from(&**self.socket()), bufs, meta)
		}

		/// Nothing is read for a while. Polls the pause once, so that it wakes.
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

		/// Of all errors only `WouldBlock` is told: any other would end the connection, and a packet that the system refused is
		/// a lost packet.
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
						// Where several are read at a time (not on the BSDs).
						let batched = cfg!(any(target_os = "linux", target_os = "android", target_vendor = "apple"));
						if batched && n < bufs.len() {
							ready.clear_ready(); // all of it: the next datagram will say so itself
						}
						return Poll::Ready(Ok(n));
					}
					Ok(Err(_)) => errors += 1, // an ICMP message about some packet: consumed by reading it, and nobody's end
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
			self.state.max_gso_segments()
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

		/// What the system is to answer, instead of being asked.
		#[derive(Default)]
		pub struct Faults {
			send: Mutex<Vec<i32>>,
			receive: Mutex<Vec<i32>>,
			/// How many registrations are refused, and how many were asked for.
			register: Mutex<(u32, u32)>,
		}

		impl Faults {
			pub fn sending(&self) -> io::Result<()> {
				Self::next(&self.send)
			}

			pub fn receiving(&self) -> io::Result<()> {
				Self::next(&self.receive)
			}

			pub fn registration(&self) -> io::Result<()> {
				let mut register = lock(&self.register);
				register.1 += 1;
				if register.0 == 0 {
					return Ok(());
				}
				register.0 -= 1;
				Err(io::Error::from_raw_os_error(libc::EMFILE))
			}

			fn next(list: &Mutex<Vec<i32>>) -> io::Result<()> {
				lock(list).pop().map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
			}
		}

		/// Errors of the network, of the system, and such as nobody expects of a socket.
		const ODD: [i32; 16] = [
			libc::ENOBUFS,
			libc::ENOMEM,
			libc::EPERM,
			libc::EACCES,
			libc::ENETUNREACH,
			libc::EHOSTUNREACH,
			libc::ENETDOWN,
			libc::EMSGSIZE,
			libc::ECONNREFUSED,
			libc::ECONNRESET,
			libc::EINVAL,
			libc::EIO,
			libc::EFAULT,
			libc::EBADF,
			libc::EPIPE,
			libc::EADDRNOTAVAIL,
		];

		/// Runs `act` with a socket on loopback, its address and another socket.
		fn with_socket<F: Future<Output = ()>>(act: impl FnOnce(Arc<Socket>, SocketAddr, UdpSocket) -> F) {
			let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
			runtime.block_on(async {
				let plain = UdpSocket::bind("127.0.0.1:0").unwrap();
				let at = plain.local_addr().unwrap();
				let socket = Arc::new(Socket::new(plain).unwrap());
				act(socket, at, UdpSocket::bind("127.0.0.1:0").unwrap()).await;
			});
		}

		async fn receive(socket: &Socket) -> usize {
			let mut memory = [[0; 2048]; 2];
			let mut bufs = memory.each_mut().map(|memory| IoSliceMut::new(memory));
			poll_fn(|cx| socket.poll_recv(cx, &mut bufs, &mut [RecvMeta::default(); 2])).await.unwrap()
		}

		fn send(socket: &Socket, to: SocketAddr) -> io::Result<()> {
			socket.try_send(&Transmit { destination: to, ecn: None, contents: b"x", segment_size: None, src_ip: None })
		}

		#[test]
		fn errors_of_sending_lose_the_packet_and_nothing_else() {
			with_socket(async |socket, _, other| {
				for errno in ODD {
					lock(&socket.faults.send).push(errno);
					assert!(send(&socket, other.local_addr().unwrap()).is_ok(), "errno {errno}");
				}
				lock(&socket.faults.send).push(libc::EWOULDBLOCK);
				assert_eq!(send(&socket, other.local_addr().unwrap()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
			});
		}

		#[test]
		fn errors_of_receiving_are_read_past() {
			with_socket(async |socket, at, other| {
				for errno in ODD {
					other.send_to(&[1], at).unwrap();
					lock(&socket.faults.receive).push(errno);
					assert_eq!(receive(&socket).await, 1, "errno {errno}");
				}
			});
		}

		#[test]
		fn receiving_rests_while_there_are_only_errors() {
			with_socket(async |socket, at, other| {
				other.send_to(&[1], at).unwrap();
				*lock(&socket.faults.receive) = vec![libc::ENOMEM; 3 * ERRORS_IN_A_ROW];
				let mut polls = 0;
				let mut memory = [[0; 2048]; 2];
				let mut bufs = memory.each_mut().map(|memory| IoSliceMut::new(memory));
				let received = poll_fn(|cx| {
					polls += 1;
					let left = lock(&socket.faults.receive).len();
					let poll = socket.poll_recv(cx, &mut bufs, &mut [RecvMeta::default(); 2]);
					assert!(lock(&socket.faults.receive).len() + ERRORS_IN_A_ROW >= left, "one poll reads on and on");
					poll
				});
				assert_eq!(received.await.unwrap(), 1);
				assert!((4..20).contains(&polls), "{polls} polls for three rests: it does not rest");
			});
		}

		#[test]
		fn many_that_wait_for_room_cost_one_registration_and_no_descriptor() {
			with_socket(async |socket, _, _| {
				let descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
				let before = descriptors();
				let mut line: Vec<_> = (0..50).map(|_| Box::pin(Writable { socket: socket.clone(), place: Place::default() })).collect();
				socket.room.filled();
				let mut woken = 0;
				poll_fn(|cx| {
					if woken == 0 {
						woken = 1;
						assert!(line.iter_mut().all(|waiting| waiting.as_mut().poll_writable(cx).is_pending()));
						// Other tests run in this process meanwhile, but do not open fifty.
						assert!(descriptors() < before + 25);
						return Poll::Pending;
					}
					assert!(line.iter_mut().all(|waiting| waiting.as_mut().poll_writable(cx).is_ready()));
					Poll::Ready(())
				})
				.await;
				assert_eq!(lock(&socket.faults.register).1, 1);
			});
		}

		#[test]
		fn room_is_tried_again_by_a_timer_where_the_system_refuses_to_tell() {
			with_socket(async |socket, _, other| {
				let mut poller = Box::pin(Writable { socket: socket.clone(), place: Place::default() });
				lock(&socket.faults.register).0 = 3;
				for _ in 0..5 {
					socket.room.filled();
					poll_fn(|cx| poller.as_mut().poll_writable(cx)).await.unwrap();
					send(&socket, other.local_addr().unwrap()).unwrap();
				}
				assert_eq!(*lock(&socket.faults.register), (0, 5));
			});
		}

		#[test]
		fn a_system_that_says_ready_and_takes_nothing_is_not_asked_without_pause() {
			with_socket(async |socket, _, _| {
				let mut poller = Box::pin(Writable { socket: socket.clone(), place: Place::default() });
				let start = tokio::time::Instant::now();
				for _ in 0..4 {
					socket.room.filled();
					poll_fn(|cx| poller.as_mut().poll_writable(cx)).await.unwrap();
				}
				assert!(start.elapsed() >= 3 * RETRY);
			});
		}

		#[test]
		fn a_socket_that_ends_while_somebody_waits_for_room_frees_its_port() {
			with_socket(async |socket, at, _| {
				let mut poller = Box::pin(Writable { socket: socket.clone(), place: Place::default() });
				lock(&socket.faults.register).0 = u32::MAX; // so that the wait does not end by itself first
				socket.room.filled();
				poll_fn(|cx| {
					assert!(poller.as_mut().poll_writable(cx).is_pending());
					Poll::Ready(())
				})
				.await;
				drop((poller, socket));
				while UdpSocket::bind(at).is_err() {
					tokio::task::yield_now().await;
				}
			});
		}
	}
}

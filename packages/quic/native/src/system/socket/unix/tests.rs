//! Tests of `../../socket.rs`, with a system that answers as they want.

use std::future::poll_fn;

use quinn::udp::EcnCodepoint;

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

/// Answers that are given instead of the system's.
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

/// A system that refuses what goes with a packet, and what it was given all the same.
#[derive(Default)]
pub struct SendFaults(Mutex<SendFault>);

#[derive(Default)]
struct SendFault {
	/// What it says to any packet with control messages.
	marks: Option<i32>,
	/// What it says to several packets in one.
	joined: Option<i32>,
	/// What it says to every packet.
	all: Option<i32>,
	marked: usize,
	bare: usize,
}

impl SendFaults {
	pub fn marked(&self, transmit: &Transmit) -> io::Result<()> {
		let mut fault = lock(&self.0);
		fault.marked += 1;
		let joined = transmit.segment_size.and(fault.joined);
		fault.all.or(fault.marks).or(joined).map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
	}

	pub fn bare(&self, transmit: &Transmit) -> io::Result<()> {
		assert_eq!(transmit.segment_size, None);
		let mut fault = lock(&self.0);
		fault.bare += 1;
		fault.all.map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
	}
}

/// Errors of the network and of the system, and errors that nobody expects of a socket.
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

/// What has arrived, without waiting for more.
fn arrived(other: &UdpSocket) -> Vec<Vec<u8>> {
	other.set_nonblocking(true).unwrap();
	let mut memory = [0; 2048];
	std::iter::from_fn(|| other.recv(&mut memory).ok().map(|n| memory[..n].to_vec())).collect()
}

/// Sends "aabbc" as packets of two bytes, and "d".
fn send_both(socket: &Socket, to: SocketAddr) {
	let joined = Transmit { destination: to, ecn: Some(EcnCodepoint::Ect0), contents: b"aabbc", segment_size: Some(2), src_ip: None };
	assert!(socket.try_send(&joined).is_ok());
	let alone = Transmit { contents: b"d", segment_size: None, ..joined };
	assert!(socket.try_send(&alone).is_ok());
}

const PACKETS: [&[u8]; 4] = [b"aa", b"bb", b"c", b"d"];

#[test]
fn a_system_that_refuses_the_ecn_mark_gets_packets_without_it() {
	for errno in [libc::EIO, libc::EINVAL, libc::EOPNOTSUPP, libc::ENOPROTOOPT] {
		with_socket(async |socket, _, other| {
			lock(&socket.sending.faults.0).marks = Some(errno);
			for _ in 0..3 {
				send_both(&socket, other.local_addr().unwrap());
				assert_eq!(arrived(&other), PACKETS, "errno {errno}");
			}
			assert_eq!(socket.max_transmit_segments(), 1);
			// Joined and alone: then it is known, and not tried again.
			assert_eq!(lock(&socket.sending.faults.0).marked, 2, "errno {errno}");
		});
	}
}

#[test]
fn a_system_that_refuses_joined_packets_gets_them_one_by_one_with_their_marks() {
	with_socket(async |socket, _, other| {
		lock(&socket.sending.faults.0).joined = Some(libc::EIO);
		send_both(&socket, other.local_addr().unwrap());
		assert_eq!(arrived(&other), PACKETS);
		let fault = lock(&socket.sending.faults.0);
		assert_eq!((fault.marked, fault.bare), (5, 0));
	});
}

#[test]
fn a_network_that_takes_nothing_says_nothing_about_marks() {
	for errno in ODD {
		with_socket(async |socket, _, other| {
			lock(&socket.sending.faults.0).all = Some(errno);
			send_both(&socket, other.local_addr().unwrap());
			assert_eq!(arrived(&other).len(), 0);
			let before = {
				let mut fault = lock(&socket.sending.faults.0);
				fault.all = None;
				(fault.bare, fault.marked)
			};
			send_both(&socket, other.local_addr().unwrap());
			assert_eq!(arrived(&other), PACKETS);
			let fault = lock(&socket.sending.faults.0);
			assert_eq!((fault.bare, fault.marked), (before.0, before.1 + 2), "errno {errno}");
		});
	}
}

#[test]
fn a_source_address_that_is_gone_says_nothing_about_marks() {
	with_socket(async |socket, _, other| {
		lock(&socket.sending.faults.0).marks = Some(libc::EINVAL);
		let transmit = Transmit {
			destination: other.local_addr().unwrap(),
			ecn: None,
			contents: b"x",
			segment_size: None,
			src_ip: Some([127, 0, 0, 1].into()),
		};
		assert!(socket.try_send(&transmit).is_ok());
		assert_eq!(arrived(&other).len(), 0);
		lock(&socket.sending.faults.0).marks = None;
		assert!(socket.try_send(&transmit).is_ok());
		assert_eq!(arrived(&other), [b"x"]);
		assert_eq!(lock(&socket.sending.faults.0).bare, 0);
	});
}

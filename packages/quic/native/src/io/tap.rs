//! The one UDP socket of an endpoint. QUIC's packets pass through; other datagrams (RFC 9443: bit 0x40 of the first byte is
//! clear) are taken out on the way. Only this file and `system/socket.rs` know quinn's socket interface.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::task::{ready, Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use tokio::sync::oneshot;

use crate::system::socket::Mute;
use socket2::{Domain, Protocol, Socket, Type};

use super::inlet::Inlet;
use super::knocks::Knocks;

/// The most that one packet of a peer may bring: what path MTU discovery tries where packets larger than Ethernet's may pass. quinn gives the system
/// ten packets in one call, and the system takes 64 KiB. Elsewhere than on Linux the receive buffer that grows with it is memory at once.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub const LARGEST_PAYLOAD: u16 = 6_540;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub const LARGEST_PAYLOAD: u16 = 1_472;

/// The system joins packets of a peer to at most this.
const JOINED_BYTES: usize = 64 * 1024;

/// Where non-QUIC datagrams go.
pub type RawSink = Box<dyn Fn(SocketAddr, &[u8]) + Send + Sync>;

pub struct Tap {
	inner: Arc<dyn AsyncUdpSocket>,
	pub mute: Mute,
	/// Nothing is read now.
	deaf: AtomicBool,
	/// A second descriptor of the same socket, for sending beside QUIC.
	raw: Arc<UdpSocket>,
	sink: Arc<RawSink>,
	/// Dials that nobody has answered yet.
	knocks: Arc<Knocks>,
	/// What is let in of what is read.
	inlet: Arc<Inlet>,
	/// It is dropped last, when the socket is closed.
	_released: oneshot::Sender<()>,
}

/// Resolves when a tap is gone, and its socket with it.
pub type Released = oneshot::Receiver<()>;

impl fmt::Debug for Tap {
	fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
		f.debug_struct("Tap").field("raw", &self.raw).finish_non_exhaustive()
	}
}

pub struct SocketSizes {
	pub receive: usize,
	pub send: usize,
}

/// Binds a socket. `::` means both families, or IPv4 alone on a machine without IPv6.
pub fn bind(at: SocketAddr, sizes: &SocketSizes) -> io::Result<UdpSocket> {
	match bind_one(at, sizes) {
		Err(e) if at.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && no_such_family(&e) => {
			bind_one((Ipv4Addr::UNSPECIFIED, at.port()).into(), sizes)
		}
		result => result,
	}
}

fn bind_one(at: SocketAddr, sizes: &SocketSizes) -> io::Result<UdpSocket> {
	let socket = Socket::new(if at.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 }, Type::DGRAM, Some(Protocol::UDP))?;
	if at.is_ipv6() {
		socket.set_only_v6(false)?; // the default differs between systems
	}
	// Best effort: the system may allow less.
	let _ = socket.set_recv_buffer_size(sizes.receive);
	let _ = socket.set_send_buffer_size(sizes.send);
	socket.set_nonblocking(true)?;
	socket.bind(&at.into())?;
	Ok(socket.into())
}

fn no_such_family(e: &io::Error) -> bool {
	// EAFNOSUPPORT (Linux 97, BSD and macOS 47, Windows 10047); or EADDRNOTAVAIL, when IPv6 is switched off.
	matches!(e.raw_os_error(), Some(97 | 47 | 10047)) || e.kind() == io::ErrorKind::AddrNotAvailable
}

impl Tap {
	/// Needs the I/O runtime's context.
	pub fn new(socket: UdpSocket, sink: Arc<RawSink>, inlet: Arc<Inlet>) -> io::Result<(Arc<Self>, Released)> {
		let raw = Arc::new(socket.try_clone()?);
		let (inner, mute) = crate::system::socket::wrap(socket)?;
		let knocks = Knocks::new(raw.clone());
		let (_released, released) = oneshot::channel();
		Ok((Arc::new(Self { inner, mute, deaf: AtomicBool::new(false), raw, sink, knocks, inlet, _released }), released))
	}

	/// Nothing is read from now on, or things are again. Whoever ends it runs the endpoint's driver, which nothing wakes meanwhile.
	pub fn set_deaf(&self, deaf: bool) {
		self.deaf.store(deaf, Ordering::SeqCst);
	}

	/// Resolves when the socket has room for a packet.
	pub async fn room(self: Arc<Self>) {
		let mut poller = self.create_io_poller();
		let _ = std::future::poll_fn(|cx| poller.as_mut().poll_writable(cx)).await;
	}

	#[cfg(target_os = "linux")]
	pub fn socket(&self) -> io::Result<UdpSocket> {
		self.raw.try_clone()
	}

	pub fn knocks(&self) -> &Arc<Knocks> {
		&self.knocks
	}

	/// Takes what the network has said of earlier packets. The system would not send the next one otherwise, wherever that goes.
	fn listen_first(&self) {
		if self.knocks.any() {
			self.knocks.listen();
		}
	}

	/// Sends one datagram beside QUIC. A full socket buffer loses it, as any network may.
	pub fn send_raw(&self, data: &[u8], to: SocketAddr) -> io::Result<()> {
		self.listen_first();
		self.raw.send_to(data, self.reachable(to)?).map(drop)
	}

	fn reachable(&self, to: SocketAddr) -> io::Result<SocketAddr> {
		match (self.inner.local_addr()?, to) {
			(SocketAddr::V6(_), SocketAddr::V4(v4)) => Ok(SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port())),
			(SocketAddr::V4(_), SocketAddr::V6(_)) => Err(io::Error::new(io::ErrorKind::Unsupported, "the socket has no IPv6")),
			_ => Ok(to),
		}
	}

	/// Takes raw datagrams out of one receive buffer, in which the kernel may have put several of equal size.
	fn sift(&self, buffer: &mut [u8], meta: &mut RecvMeta) {
		let stride = meta.stride.max(1);
		let len = meta.len.min(buffer.len());
		let quic = |first: u8| first & 0x40 != 0;
		if (0..len).step_by(stride).all(|at| quic(buffer[at])) {
			return;
		}
		let mut kept = 0;
		let mut at = 0;
		while at < len {
			let end = (at + stride).min(len);
			if quic(buffer[at]) {
				buffer.copy_within(at..end, kept);
				kept += end - at;
			} else {
				(self.sink)(meta.addr, &buffer[at..end]);
			}
			at = end;
		}
		meta.len = kept;
	}
}

impl AsyncUdpSocket for Tap {
	fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
		self.inner.clone().create_io_poller()
	}

	/// Tells no error but `WouldBlock`: any other would end the connection. A packet that could not be sent is a lost packet.
	fn try_send(&self, transmit: &Transmit) -> io::Result<()> {
		self.listen_first();
		if self.knocks.any() {
			self.knocks.sending(transmit.destination, transmit.contents);
		}
		match self.inner.try_send(transmit) {
			Err(e) if e.kind() != io::ErrorKind::WouldBlock => Ok(()),
			result => result,
		}
	}

	fn poll_recv(&self, cx: &mut Context, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
		if self.deaf.load(Ordering::SeqCst) {
			return Poll::Pending;
		}
		self.listen_first();
		// An error would end the endpoint. The sockets below give one only when the I/O thread itself is going away.
		let Ok(n) = ready!(self.inner.poll_recv(cx, bufs, meta)) else { return Poll::Pending };
		for (buffer, meta) in bufs.iter_mut().zip(meta.iter_mut()).take(n) {
			if self.knocks.any() {
				self.knocks.heard(meta.addr);
			}
			meta.len = self.inlet.admit(&buffer[..meta.len.min(buffer.len())], meta.stride, meta.addr);
			self.sift(buffer, meta);
		}
		Poll::Ready(Ok(n))
	}

	fn local_addr(&self) -> io::Result<SocketAddr> {
		self.inner.local_addr()
	}

	fn max_transmit_segments(&self) -> usize {
		self.inner.max_transmit_segments()
	}

	/// quinn makes room for so many of the longest packets, 32 times.
	fn max_receive_segments(&self) -> usize {
		self.inner.max_receive_segments().min(JOINED_BYTES.div_ceil(LARGEST_PAYLOAD.into()))
	}

	fn may_fragment(&self) -> bool {
		self.inner.may_fragment()
	}
}

/// What an endpoint has in place of its socket when it is closed. quinn keeps a connection for three probe timeouts after its
/// end, and the port need not wait for that.
#[derive(Debug)]
pub struct Unplugged {
	pub local_addr: SocketAddr,
}

impl AsyncUdpSocket for Unplugged {
	fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
		Box::pin(Self { local_addr: self.local_addr })
	}

	fn try_send(&self, _transmit: &Transmit) -> io::Result<()> {
		Ok(())
	}

	fn poll_recv(&self, _cx: &mut Context, _bufs: &mut [IoSliceMut<'_>], _meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
		Poll::Pending
	}

	fn local_addr(&self) -> io::Result<SocketAddr> {
		Ok(self.local_addr)
	}
}

impl UdpPoller for Unplugged {
	fn poll_writable(self: Pin<&mut Self>, _cx: &mut Context) -> Poll<io::Result<()>> {
		Poll::Ready(Ok(()))
	}
}

#[cfg(test)]
mod tests {
	use std::sync::Mutex;

	use super::*;

	/// Runs `sift` on one buffer; returns what stays for QUIC and what was taken out.
	fn sift(data: &[u8], stride: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
		let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
		let _context = runtime.enter();
		let taken = Arc::new(Mutex::new(Vec::new()));
		let sink = taken.clone();
		let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
		let addr = socket.local_addr().unwrap();
		let (tap, _) =
			Tap::new(socket, Arc::new(Box::new(move |_, data: &[u8]| sink.lock().unwrap().push(data.to_vec()))), Arc::new(Inlet::new(0)))
				.unwrap();
		let mut buffer = data.to_vec();
		let mut meta = RecvMeta { addr, len: data.len(), stride, ecn: None, dst_ip: None };
		tap.sift(&mut buffer, &mut meta);
		let taken = taken.lock().unwrap().clone();
		(buffer[..meta.len].to_vec(), taken)
	}

	#[test]
	fn raw_datagrams_are_taken_out_of_every_place_of_a_merged_buffer() {
		for raw_at in 0..3 {
			let mut data = [0x40, 1, 2, 0x41, 3, 4, 0x42, 5];
			data[raw_at * 3] = 0x01;
			let (kept, taken) = sift(&data, 3);
			let expected: Vec<u8> = data.chunks(3).enumerate().filter(|(i, _)| *i != raw_at).flat_map(|(_, part)| part.to_vec()).collect();
			assert_eq!(kept, expected);
			assert_eq!(taken, vec![data.chunks(3).nth(raw_at).unwrap().to_vec()]);
		}
	}

	#[test]
	fn quic_alone_and_nothing_pass_untouched() {
		assert_eq!(sift(&[0xc0, 1, 2, 3], 4), (vec![0xc0, 1, 2, 3], vec![]));
		assert_eq!(sift(&[], 0), (vec![], vec![]));
		assert_eq!(sift(&[0x00; 5], 2), (vec![], vec![vec![0; 2], vec![0; 2], vec![0; 1]]));
	}
}

//! Dials that nobody has answered yet, and what the network says of their packets.
//!
//! Anybody can forge an ICMP message, so three things must hold before one is believed. It is about a packet to the address and port
//! that are dialled. It quotes the connection id that quinn chose at random for this dial. And nothing has come from there yet. A live
//! connection never ends by it. Messages that quote less than the connection id are passed over (RFC 8085, 5.2).

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use tokio::sync::Notify;

use crate::lock::lock;
use crate::system::error_queue::{self, Problem};

/// The dials of one socket. The kernel keeps messages for it only while there are some: one that nobody has taken makes the next send fail.
pub struct Knocks {
	socket: Arc<UdpSocket>,
	count: AtomicUsize,
	list: Mutex<Vec<Arc<Knock>>>,
}

/// One dial.
struct Knock {
	to: SocketAddr,
	head: OnceLock<Head>,
	answered: AtomicBool,
	problem: Mutex<Option<Problem>>,
	told: Notify,
}

/// Version and destination connection id of an Initial packet (RFC 9000, 17.2): the same in all packets of a dial before its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Head {
	bytes: [u8; Head::MOST],
	length: usize,
}

impl Head {
	/// Version, length, and the longest connection id.
	const MOST: usize = 4 + 1 + 20;
	/// RFC 9000, 7.2: an unpredictable connection id of at least 8 bytes.
	const LEAST_ID: usize = 8;

	fn of(packet: &[u8]) -> Option<Self> {
		// Long header, fixed bit, type Initial.
		if packet.first()? & 0xf0 != 0xc0 {
			return None;
		}
		let id = usize::from(*packet.get(5)?);
		let length = 5 + id;
		if id < Self::LEAST_ID || length > Self::MOST {
			return None;
		}
		let mut bytes = [0; Self::MOST];
		bytes[..length].copy_from_slice(packet.get(1..=length)?);
		Some(Self { bytes, length })
	}
}

impl Knocks {
	pub fn new(socket: Arc<UdpSocket>) -> Arc<Self> {
		Arc::new(Self { socket, count: AtomicUsize::new(0), list: Mutex::default() })
	}

	/// Whether anybody dials. What follows need not be called otherwise.
	pub fn any(&self) -> bool {
		self.count.load(Ordering::Relaxed) > 0
	}

	/// A packet is about to be sent.
	pub fn sending(&self, to: SocketAddr, packet: &[u8]) {
		let to = canonical(to);
		for knock in lock(&self.list).iter().filter(|knock| knock.to == to && knock.head.get().is_none()) {
			if let Some(head) = Head::of(packet) {
				let _ = knock.head.set(head);
			}
		}
	}

	/// Something has come.
	pub fn heard(&self, from: SocketAddr) {
		let from = canonical(from);
		for knock in lock(&self.list).iter().filter(|knock| knock.to == from) {
			knock.answered.store(true, Ordering::Relaxed);
		}
	}

	/// Takes what the network has said.
	pub fn listen(&self) {
		let mut quote = [0; 1 + Head::MOST];
		for _ in 0..MESSAGES_AT_ONCE {
			let Some(report) = error_queue::next(&self.socket, &mut quote) else { return };
			let Some(problem) = report.problem else { continue };
			self.said(report.to, problem, &quote[..report.quoted]);
		}
	}

	fn said(&self, to: SocketAddr, problem: Problem, quote: &[u8]) {
		let Some(quoted) = Head::of(quote) else { return };
		for knock in lock(&self.list).iter().filter(|knock| knock.to == to && knock.head.get() == Some(&quoted)) {
			lock(&knock.problem).get_or_insert(problem);
			knock.told.notify_one();
		}
	}

	fn add(&self, knock: Arc<Knock>) {
		let mut list = lock(&self.list);
		list.push(knock);
		self.count.store(list.len(), Ordering::Relaxed);
		if list.len() == 1 {
			error_queue::set(&self.socket, true);
		}
	}

	fn remove(&self, knock: &Arc<Knock>) {
		let mut list = lock(&self.list);
		list.retain(|other| !Arc::ptr_eq(other, knock));
		self.count.store(list.len(), Ordering::Relaxed);
		if list.is_empty() {
			error_queue::set(&self.socket, false);
		}
	}
}

/// More come with the next look; a flood of them must not hold the thread up.
const MESSAGES_AT_ONCE: usize = 64;

/// A dial under way, until this is dropped.
pub struct Knocking {
	knocks: Weak<Knocks>,
	knock: Arc<Knock>,
}

impl Knocking {
	/// Begins. The dial must come after it.
	pub fn new(knocks: &Arc<Knocks>, to: SocketAddr) -> Self {
		let knock = Arc::new(Knock {
			to: canonical(to),
			head: OnceLock::new(),
			answered: AtomicBool::new(false),
			problem: Mutex::default(),
			told: Notify::new(),
		});
		knocks.add(knock.clone());
		Self { knocks: Arc::downgrade(knocks), knock }
	}

	/// Resolves when the network says that nobody will answer, and nobody has.
	pub async fn refused(&self) -> Problem {
		loop {
			self.knock.told.notified().await;
			let problem = *lock(&self.knock.problem);
			if let Some(problem) = problem.filter(|_| !self.knock.answered.load(Ordering::Relaxed)) {
				return problem;
			}
		}
	}
}

impl Drop for Knocking {
	fn drop(&mut self) {
		if let Some(knocks) = self.knocks.upgrade() {
			knocks.remove(&self.knock);
		}
	}
}

fn canonical(address: SocketAddr) -> SocketAddr {
	SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
	use std::future::Future;
	use std::pin::pin;
	use std::task::{Context, Waker};

	use super::*;

	fn initial(id: &[u8]) -> Vec<u8> {
		[&[0xc3, 0, 0, 0, 1, id.len() as u8], id, &[0; 40]].concat()
	}

	fn stage() -> (Arc<Knocks>, SocketAddr) {
		(Knocks::new(Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap())), "192.0.2.1:7".parse().unwrap())
	}

	fn refusal(knocking: &Knocking) -> Option<Problem> {
		match pin!(knocking.refused()).poll(&mut Context::from_waker(Waker::noop())) {
			std::task::Poll::Ready(problem) => Some(problem),
			std::task::Poll::Pending => None,
		}
	}

	#[test]
	fn a_message_counts_if_it_is_about_this_address_and_quotes_the_connection_id() {
		let (knocks, to) = stage();
		let knocking = Knocking::new(&knocks, to);
		let packet = initial(&[9; 8]);
		knocks.sending("[::ffff:192.0.2.1]:7".parse().unwrap(), &packet);
		let said = |to: &str, quote: &[u8]| knocks.said(to.parse().unwrap(), Problem::Port, quote);
		said("192.0.2.1:8", &packet); // another port
		said("192.0.2.2:7", &packet); // another address
		said("192.0.2.1:7", &initial(&[8; 8])); // another connection
		said("192.0.2.1:7", &packet[..13]); // less than the id
		said("192.0.2.1:7", &[]);
		said("192.0.2.1:7", &[&[0x43], &packet[1..]].concat()); // a short header
		assert_eq!(refusal(&knocking), None);
		said("192.0.2.1:7", &packet[..14]);
		assert_eq!(refusal(&knocking), Some(Problem::Port));
	}

	#[test]
	fn nothing_counts_after_an_answer_or_before_a_packet() {
		let (knocks, to) = stage();
		let knocking = Knocking::new(&knocks, to);
		let packet = initial(&[9; 20]);
		knocks.said(to, Problem::Port, &packet);
		assert_eq!(refusal(&knocking), None);
		knocks.sending(to, &packet);
		knocks.heard("192.0.2.1:8".parse().unwrap());
		knocks.said(to, Problem::Prohibited, &packet);
		knocks.heard(to);
		assert_eq!(refusal(&knocking), None, "the answer came before anybody looked");
	}

	#[test]
	fn connection_ids_that_can_be_guessed_or_are_no_ids_are_none() {
		for length in [0, 1, 7, 21, 255] {
			assert!(Head::of(&initial(&vec![1; length])).is_none(), "{length}");
		}
		assert!(Head::of(&[]).is_none());
		assert!(Head::of(&[0xc0]).is_none());
	}

	#[test]
	fn a_dial_that_is_over_is_forgotten() {
		let (knocks, to) = stage();
		let knocking = Knocking::new(&knocks, to);
		assert!(knocks.any());
		drop(knocking);
		assert!(!knocks.any());
	}
}

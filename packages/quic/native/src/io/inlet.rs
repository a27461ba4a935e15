//! What is taken in one turn from a socket to which many send.
//!
//! The socket is one line for all, so whoever sends more than can be dealt with makes everybody wait. To read a packet costs little
//! beside what comes after it. So a turn reads all there is, and lets in as much as can be dealt with soon. Of what comes beyond that
//! it lets in only what is from those that have had less than their part. The rest is lost, as on any full line, and those who sent
//! it slow down.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Duration;

use crate::lock::lock;
use crate::system::worked;

/// A datagram costs as much as so many bytes, whatever is in it.
const DATAGRAM_BYTES: u64 = 512;
/// The part of a sender is never less: who sends little loses nothing, however many others there are.
const LEAST_BYTES: u64 = 2_048;
/// What a turn lets in should take no more of the thread's time than this. A packet may have one frame in it, or fifty.
const WORK: Duration = Duration::from_micros(700);
/// A turn lets in so much, however long it takes.
const LEAST_TURN_BYTES: u64 = 64 * 1_024;
/// Of a connection id, as quinn makes them here.
const ID_BYTES: usize = 8;

/// Whoever knows what an endpoint's driver reads.
pub trait Reader: Send + Sync {
	/// Whether many send to the socket.
	fn is_crowded(&self) -> bool;
	/// What a turn takes where that is so.
	fn inlet(&self) -> &Inlet;
}

/// See the module. Each endpoint has one.
pub struct Inlet {
	turn: Mutex<Turn>,
	/// A turn is on. What is read at other times is let in.
	on: AtomicBool,
	/// Datagrams that were not let in.
	dropped: AtomicU64,
}

impl Inlet {
	/// A turn lets in so many bytes of everybody. 0: no bound.
	pub fn new(turn_bytes: u64) -> Self {
		Self { turn: Mutex::new(Turn::new(turn_bytes)), on: AtomicBool::new(false), dropped: AtomicU64::new(0) }
	}

	/// A turn begins, until what this gives is dropped.
	pub fn turn(&self) -> Open<'_> {
		lock(&self.turn).begin(worked());
		self.on.store(true, Ordering::Relaxed);
		Open(self)
	}

	/// How many bytes of this buffer are let in. There are datagrams of `stride` bytes in it, and a last one that may be shorter.
	pub fn admit(&self, buffer: &[u8], stride: usize, from: SocketAddr) -> usize {
		if !self.on.load(Ordering::Relaxed) {
			return buffer.len();
		}
		let stride = stride.max(1);
		let datagrams = buffer.len().div_ceil(stride) as u64;
		let admitted = lock(&self.turn).admit(Sender::of(buffer, from), datagrams, buffer.len() as u64);
		self.dropped.fetch_add(datagrams - admitted, Ordering::Relaxed);
		buffer.len().min(admitted as usize * stride)
	}

	pub fn dropped(&self) -> u64 {
		self.dropped.load(Ordering::Relaxed)
	}
}

/// See [`Inlet::turn`].
pub struct Open<'a>(&'a Inlet);

impl Drop for Open<'_> {
	fn drop(&mut self) {
		self.0.on.store(false, Ordering::Relaxed);
	}
}

/// What one turn has let in. Pure.
struct Turn {
	/// What a turn lets in of everybody, at most. 0: no bound.
	most_bytes: u64,
	/// What this turn lets in.
	turn_bytes: u64,
	/// What the thread had worked when this turn began.
	worked: Option<Duration>,
	/// What it has let in.
	bytes: u64,
	/// The same by sender, for those that have sent something in this turn.
	senders: HashMap<Sender, u64>,
	/// How many of these there were in the turn before.
	were: usize,
}

/// Who sends, as far as that is known before anything is decrypted. A connection has a few ids, which only this side gives out, and
/// may come from any number of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sender {
	Id([u8; ID_BYTES]),
	/// What begins a connection, or is not QUIC.
	Address(SocketAddr),
}

impl Sender {
	/// The sender of a datagram (RFC 9000, 17.3: short headers).
	fn of(datagram: &[u8], from: SocketAddr) -> Self {
		match (datagram.first(), datagram.get(1..=ID_BYTES)) {
			(Some(first), Some(id)) if first & 0xc0 == 0x40 => Self::Id(std::array::from_fn(|at| id[at])),
			_ => Self::Address(from),
		}
	}
}

impl Turn {
	fn new(turn_bytes: u64) -> Self {
		Self { most_bytes: turn_bytes, turn_bytes, worked: None, bytes: 0, senders: HashMap::new(), were: 0 }
	}

	/// Another turn begins. The thread has worked so long since it was started, if that is known.
	fn begin(&mut self, worked: Option<Duration>) {
		let took = worked.unwrap_or_default().saturating_sub(self.worked.or(worked).unwrap_or_default());
		let least = LEAST_TURN_BYTES.min(self.most_bytes);
		self.turn_bytes = match took > WORK {
			true => {
				let wanted = self.bytes as u128 * WORK.as_nanos() / took.as_nanos();
				(self.turn_bytes + wanted as u64) / 2
			}
			false => self.turn_bytes + self.turn_bytes / 8,
		}
		.clamp(least, self.most_bytes);
		self.worked = worked;
		self.bytes = 0;
		self.were = self.senders.len();
		self.senders.clear();
	}

	/// How many of these datagrams are let in. They have so many bytes together.
	fn admit(&mut self, from: Sender, datagrams: u64, bytes: u64) -> u64 {
		if self.turn_bytes == 0 || datagrams == 0 {
			return datagrams;
		}
		let had = *self.senders.entry(from).or_default();
		let cost = bytes + datagrams * DATAGRAM_BYTES;
		let room = self.turn_bytes.saturating_sub(self.bytes);
		let part = (self.turn_bytes / self.senders.len().max(self.were) as u64).max(LEAST_BYTES).saturating_sub(had);
		let admitted = (room.max(part) * datagrams / cost).min(datagrams);
		let cost = cost * admitted / datagrams;
		self.bytes += cost;
		self.senders.insert(from, had + cost);
		admitted
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const TURN: u64 = 100_000;
	const PACKET: u64 = 1_452;

	fn sender(number: u8) -> Sender {
		Sender::Id([number; ID_BYTES])
	}

	/// Packets of one sender, ten at a time.
	fn send(turn: &mut Turn, number: u8, packets: u64) -> u64 {
		(0..packets / 10).map(|_| turn.admit(sender(number), 10, 10 * PACKET)).sum()
	}

	#[test]
	fn what_a_turn_can_take_is_let_in_whoever_sends_it() {
		let mut turn = Turn::new(TURN);
		assert_eq!(send(&mut turn, 1, 50), 50);
		turn.begin(None);
		assert_eq!(send(&mut turn, 1, 50), 50);
	}

	#[test]
	fn what_comes_beyond_that_is_lost_and_others_get_their_part() {
		let mut turn = Turn::new(TURN);
		let first = send(&mut turn, 1, 1_000);
		assert!((45..=51).contains(&first), "{first}");
		turn.begin(None);
		assert_eq!(send(&mut turn, 1, 1_000), first, "nobody else has sent anything");
		let part = TURN / 2 / (PACKET + DATAGRAM_BYTES);
		let second = send(&mut turn, 2, 1_000);
		assert!((part - 1..=part).contains(&second), "{second}");
		assert_eq!(send(&mut turn, 1, 10), 0);
		turn.begin(None);
		assert_eq!(send(&mut turn, 1, 10), 10);
	}

	#[test]
	fn who_sends_little_loses_nothing_however_many_others_there_are() {
		let mut turn = Turn::new(TURN);
		for _ in 0..2 {
			turn.begin(None);
			for number in 0..200 {
				send(&mut turn, number, 100);
			}
		}
		assert!(turn.bytes <= TURN + 200 * LEAST_BYTES, "{}", turn.bytes);
		for number in 200..=255 {
			assert_eq!(turn.admit(sender(number), 3, 3 * 100), 3);
		}
	}

	#[test]
	fn many_small_datagrams_are_much_too() {
		let mut turn = Turn::new(TURN);
		let admitted: u64 = (0..10_000).map(|_| turn.admit(sender(1), 1, 40)).sum();
		assert_eq!(admitted, TURN / (40 + DATAGRAM_BYTES));
	}

	/// The time after which each turn begins, if a turn takes so long for what it has let in.
	fn run(turn: &mut Turn, turns: u32, took: impl Fn(u64) -> Duration) {
		let mut worked = turn.worked.unwrap_or_default();
		for _ in 0..turns {
			turn.begin(Some(worked));
			send(turn, 1, 10_000);
			worked += took(turn.bytes);
		}
		turn.begin(Some(worked));
	}

	#[test]
	fn a_turn_lets_in_what_can_be_dealt_with_in_its_time() {
		let mut turn = Turn::new(10 * TURN);
		run(&mut turn, 50, |bytes| Duration::from_nanos(bytes * 7));
		assert!((80_000..=120_000).contains(&turn.turn_bytes), "{}", turn.turn_bytes);
		run(&mut turn, 50, |bytes| Duration::from_nanos(bytes * 1_000));
		assert_eq!(turn.turn_bytes, LEAST_TURN_BYTES);
		run(&mut turn, 50, |bytes| Duration::from_nanos(bytes / 2));
		assert_eq!(turn.turn_bytes, 10 * TURN);
	}

	#[test]
	fn where_the_time_is_not_known_a_turn_lets_in_the_most() {
		let mut turn = Turn::new(TURN);
		for _ in 0..10 {
			turn.begin(None);
			assert_eq!(turn.turn_bytes, TURN);
		}
	}

	#[test]
	fn without_a_bound_everything_is_let_in() {
		let mut turn = Turn::new(0);
		assert_eq!(send(&mut turn, 1, 100_000), 100_000);
		assert_eq!(Turn::new(TURN).admit(sender(1), 0, 0), 0);
	}

	#[test]
	fn whole_datagrams_of_a_buffer_are_let_in_and_the_others_are_counted() {
		let inlet = Inlet::new(10_000);
		let from = "127.0.0.1:1".parse().unwrap();
		let buffer = vec![0x41; 30 * 1_000 + 1];
		assert_eq!(inlet.admit(&buffer, 1_000, from), buffer.len(), "no turn is on");
		let turn = inlet.turn();
		assert_eq!((inlet.admit(&buffer, 1_000, from), inlet.dropped()), (6_000, 25));
		drop(turn);
		assert_eq!((inlet.admit(&buffer, 1_000, from), inlet.dropped()), (buffer.len(), 25));
		let _turn = inlet.turn();
		assert_eq!(inlet.admit(&buffer[..999], 1_000, from), 999, "another turn");
		assert_eq!(inlet.admit(&[], 0, from), 0);
	}

	#[test]
	fn a_sender_is_known_by_the_id_of_its_connection_wherever_it_comes_from() {
		let [one, other] = ["127.0.0.1:1", "127.0.0.1:2"].map(|address| address.parse().unwrap());
		let short = [0x41, 1, 2, 3, 4, 5, 6, 7, 8, 9];
		assert_eq!(Sender::of(&short, one), Sender::Id([1, 2, 3, 4, 5, 6, 7, 8]));
		assert_eq!(Sender::of(&short, one), Sender::of(&short, other));
		for strange in [&[0xc1, 1, 2, 3, 4, 5, 6, 7, 8, 9][..], &[0x01, 1, 2, 3, 4, 5, 6, 7, 8, 9], &short[..8], &[]] {
			assert_eq!(Sender::of(strange, one), Sender::Address(one));
		}
	}
}

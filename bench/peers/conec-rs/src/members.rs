//! The members of a broadcast in this process, as `FanOut` in `bench/fan-out.ts` follows them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use conec::InStream;
use futures::channel::mpsc::UnboundedSender;
use futures::TryStreamExt;
use serde_json::{json, Value};

use crate::{acks, Outcome};

/// All members together acknowledge every so many messages.
pub const ACK_EVERY: u32 = 128;

/// How long members may take for what is on the way.
const SETTLE: Duration = Duration::from_secs(20);

/// What they have.
pub struct Members {
	port: u16,
	tell: UnboundedSender<u32>,
	/// Messages of this round, member by member.
	counts: Vec<AtomicU32>,
	wrong: AtomicU64,
	deliveries: AtomicU64,
	acknowledged: AtomicU32,
	/// The first delivery, and the latest acknowledgement.
	span: Mutex<(Option<Instant>, Option<Instant>)>,
}

impl Members {
	pub async fn new(count: usize) -> Outcome<Self> {
		let (port, tell) = acks::listen().await?;
		Ok(Self {
			port,
			tell,
			counts: (0..count).map(|_| AtomicU32::new(0)).collect(),
			wrong: AtomicU64::new(0),
			deliveries: AtomicU64::new(0),
			acknowledged: AtomicU32::new(0),
			span: Mutex::new((None, None)),
		})
	}

	/// A new round: numbers begin again at 0.
	pub fn begin(&self) -> Outcome<Value> {
		for count in &self.counts {
			count.store(0, Ordering::SeqCst);
		}
		self.wrong.store(0, Ordering::SeqCst);
		self.deliveries.store(0, Ordering::SeqCst);
		self.acknowledged.store(0, Ordering::SeqCst);
		*self.span.lock().expect("a lock") = (None, None);
		Ok(json!({ "port": self.port }))
	}

	/// What came, once all have that many.
	pub async fn delivered(&self, sent: u64) -> Outcome<Value> {
		let deadline = Instant::now() + SETTLE;
		while u64::from(self.least()) < sent {
			if Instant::now() > deadline {
				return Err(format!("{sent} messages were sent, and one member has {}", self.least()).into());
			}
			tokio::time::delay_for(Duration::from_millis(20)).await;
		}
		let (first, last) = *self.span.lock().expect("a lock");
		let seconds = first.zip(last).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
		Ok(json!({
			"deliveries": self.deliveries.load(Ordering::SeqCst),
			"unreported": self.wrong.load(Ordering::SeqCst),
			"reported": 0,
			"seconds": seconds,
		}))
	}

	fn least(&self) -> u32 {
		self.counts.iter().map(|count| count.load(Ordering::Relaxed)).min().unwrap_or(0)
	}

	fn add(&self, member: usize, message: &[u8]) {
		let number = u32::from_le_bytes([message[0], message[1], message[2], message[3]]);
		let expected = self.counts[member].fetch_add(1, Ordering::Relaxed);
		if number != expected {
			self.wrong.fetch_add(1, Ordering::Relaxed);
		}
		if self.deliveries.fetch_add(1, Ordering::Relaxed) == 0 {
			self.span.lock().expect("a lock").0 = Some(Instant::now());
		}
		if (expected + 1) % ACK_EVERY == 0 {
			let least = self.least() / ACK_EVERY * ACK_EVERY;
			if self.acknowledged.fetch_max(least, Ordering::SeqCst) < least {
				self.span.lock().expect("a lock").1 = Some(Instant::now());
				let _ = self.tell.unbounded_send(least);
			}
		}
	}
}

/// Reads for one member. An empty message is a keep-alive; the sender's name, at the end of each, stays there.
pub async fn follow(members: Arc<Members>, member: usize, mut receive: InStream) {
	while let Ok(Some(message)) = receive.try_next().await {
		if !message.is_empty() {
			members.add(member, &message);
		}
	}
}

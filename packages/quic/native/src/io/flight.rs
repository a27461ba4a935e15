//! What a connection has on its way, which quinn does not tell: a congestion controller that counts it, and lets the window give way where it must.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics};
use quinn_proto::RttEstimator;

/// Without an acknowledgement for so long, a full congestion window may be made to give way, once in such a time. It is less than a second, as
/// those who ask once a second are not exact.
const UNANSWERED: Duration = Duration::from_millis(900);
/// More than a path takes. QUIC spreads nothing over time where a window is larger than 4 GiB.
const NO_BOUND: u64 = 1 << 40;
/// Packets that may go then.
const NUDGE_PACKETS: u64 = 2;
/// Packets larger than this are larger than Ethernet's.
const ORDINARY_MTU: u64 = 1_500;
/// The window has room for so many of such packets. Where it has room for two, one that is on its way, such as a probe of the path's MTU, holds back
/// everything else, and QUIC takes every packet for a full one.
const WIDE_PACKETS: u64 = 4;
/// Packets that were on their way for more round trips than these when they were acknowledged, and for longer than [`UNANSWERED`], say nothing of now.
const LATE_ROUND_TRIPS: u32 = 3;

/// A congestion controller that counts what is on its way, and leaves everything else to another one.
///
/// When nothing is acknowledged, QUIC waits twice as long with each probe. So after a network was gone for some seconds, it takes as long again until
/// the next one. Whoever has reasons to ask earlier may do so by [`Counting::nudge`], which keeps to two packets a second.
///
/// What came just before the network went is often acknowledged only when it is back. QUIC takes such an acknowledgement for a round trip of
/// several seconds, and its next probe comes later still. So it does not count as an answer here: what was sent since is unanswered all the same.
pub struct Counting {
	pub inner: Box<dyn Controller>,
	/// Bytes of packets that are sent, and neither acknowledged nor lost. Packets that need no acknowledgement count until the next one comes.
	in_flight: u64,
	/// Bytes of packets that were acknowledged.
	acknowledged: u64,
	/// When the last acknowledgement came that was an answer, or the path began.
	answered: Instant,
	/// Of the packets that are acknowledged now: whether there are any that were on their way for long, and any others.
	acks_late: bool,
	acks_soon: bool,
	mtu: u64,
	/// All clones have it in common.
	nudges: Arc<Nudges>,
}

struct Nudges {
	born: Instant,
	/// So much may be on its way, whatever the window is. 0: the window holds.
	up_to: AtomicU64,
	/// When the last one was, in microseconds since `born`, and one more. 0: there was none.
	last: AtomicU64,
}

/// Makes them.
pub struct CountingFactory<F>(pub Arc<F>);

impl<F: ControllerFactory + Send + Sync + 'static> ControllerFactory for CountingFactory<F> {
	fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
		Box::new(Counting::new(self.0.clone().build(now, current_mtu), now, current_mtu))
	}
}

impl Counting {
	fn new(inner: Box<dyn Controller>, now: Instant, mtu: u16) -> Self {
		let nudges = Arc::new(Nudges { born: now, up_to: AtomicU64::new(0), last: AtomicU64::new(0) });
		Self { inner, in_flight: 0, acknowledged: 0, answered: now, acks_late: false, acks_soon: false, mtu: mtu.into(), nudges }
	}

	/// Lets two packets go although the window is full, if nothing was acknowledged for [`UNANSWERED`], and no other ones went so within that time.
	/// Returns whether it does.
	pub fn nudge(&self, now: Instant) -> bool {
		let Nudges { born, up_to, last } = &*self.nudges;
		let at = now.saturating_duration_since(*born).as_micros() as u64 + 1;
		let before = last.load(Ordering::Relaxed);
		let is_soon = before != 0 && at < before + UNANSWERED.as_micros() as u64;
		if self.in_flight == 0 || is_soon || now.saturating_duration_since(self.answered) < UNANSWERED {
			return false;
		}
		last.store(at, Ordering::Relaxed);
		up_to.store(self.in_flight + NUDGE_PACKETS * self.mtu, Ordering::Relaxed);
		true
	}

	/// From now on the window is no bound, nor is the pace that follows from it. The connection is closed, so nothing but its close is sent.
	fn let_close_go(&self) {
		self.nudges.up_to.store(NO_BOUND, Ordering::Relaxed);
	}

	/// A packet is acknowledged that was on its way for so long.
	fn note_age(&mut self, age: Duration, round_trip: Duration) {
		match age > UNANSWERED.max(LATE_ROUND_TRIPS * round_trip) {
			true => self.acks_late = true,
			false => self.acks_soon = true,
		}
	}

	/// Something was acknowledged: the window holds again.
	fn acknowledged(&mut self, now: Instant) {
		// A path that is being checked tells of no packets.
		if self.acks_soon || !self.acks_late {
			self.answered = now;
		}
		(self.acks_late, self.acks_soon) = (false, false);
		self.nudges.up_to.store(0, Ordering::Relaxed);
	}
}

impl Controller for Counting {
	fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
		self.in_flight += bytes;
		self.inner.on_sent(now, bytes, last_packet_number);
	}

	fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
		self.acknowledged += bytes;
		self.note_age(now.saturating_duration_since(sent), rtt.get());
		self.inner.on_ack(now, sent, bytes, app_limited, rtt);
	}

	fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest_packet_num_acked: Option<u64>) {
		self.in_flight = in_flight;
		self.acknowledged(now);
		self.inner.on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
	}

	fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent_congestion: bool, lost_bytes: u64) {
		self.in_flight = self.in_flight.saturating_sub(lost_bytes);
		self.inner.on_congestion_event(now, sent, is_persistent_congestion, lost_bytes);
	}

	fn on_mtu_update(&mut self, new_mtu: u16) {
		self.mtu = new_mtu.into();
		self.inner.on_mtu_update(new_mtu);
	}

	fn window(&self) -> u64 {
		let least = if self.mtu > ORDINARY_MTU { WIDE_PACKETS * self.mtu } else { 0 };
		self.inner.window().max(least).max(self.nudges.up_to.load(Ordering::Relaxed))
	}

	fn metrics(&self) -> ControllerMetrics {
		self.inner.metrics()
	}

	fn clone_box(&self) -> Box<dyn Controller> {
		Box::new(Self { inner: self.inner.clone_box(), nudges: self.nudges.clone(), ..*self })
	}

	fn initial_window(&self) -> u64 {
		self.inner.initial_window()
	}

	fn into_any(self: Box<Self>) -> Box<dyn Any> {
		self
	}
}

/// How much a connection has on its way, and whether its congestion window has room for more.
pub struct Flight {
	pub bytes: u64,
	pub has_room: bool,
	/// Bytes of packets that were acknowledged on this path.
	pub acknowledged: u64,
}

impl Flight {
	/// Two packets less than the window are as good as all of it: what is sent comes in whole packets. These are two of an ordinary path.
	const MARGIN_BYTES: u64 = 4 * 1024;

	pub fn new(bytes: u64, congestion_window: u64, mtu: u64, acknowledged: u64) -> Self {
		let margin = Self::MARGIN_BYTES.max(2 * mtu).min(congestion_window / 4).max(mtu);
		Self { bytes, has_room: bytes + margin < congestion_window, acknowledged }
	}

	/// See [`Counting::nudge`].
	pub fn nudge(connection: &quinn::Connection) -> bool {
		connection.congestion_state().into_any().downcast::<Counting>().is_ok_and(|counting| counting.nudge(Instant::now()))
	}

	/// Of a connection that was just closed. QUIC takes its close for a packet with data where data waits, and lets it wait for the congestion
	/// window. But a closed connection heeds no acknowledgements, so nothing would ever open that.
	pub fn let_close_go(connection: &quinn::Connection) {
		if let Ok(counting) = connection.congestion_state().into_any().downcast::<Counting>() {
			counting.let_close_go();
		}
	}

	/// Of a connection, now.
	pub fn of(connection: &quinn::Connection) -> Self {
		let state = connection.congestion_state();
		let window = state.window();
		let counting = state.into_any().downcast::<Counting>();
		let (bytes, mtu, acknowledged) = counting.map_or((0, 0, 0), |counting| (counting.in_flight, counting.mtu, counting.acknowledged));
		Self::new(bytes, window, mtu, acknowledged)
	}
}

#[cfg(test)]
mod tests {
	use quinn::congestion::CubicConfig;

	use super::*;

	const MTU: u16 = 1_200;

	/// Whose window is full.
	fn full(now: Instant) -> (Box<dyn Controller>, u64) {
		let mut controller = Arc::new(CountingFactory(Arc::new(CubicConfig::default()))).build(now, MTU);
		let window = controller.window();
		controller.on_sent(now, window, 10);
		(controller, window)
	}

	/// As the connection does it: on a clone.
	fn nudge(controller: &dyn Controller, now: Instant) -> bool {
		controller.clone_box().into_any().downcast::<Counting>().is_ok_and(|counting| counting.nudge(now))
	}

	#[test]
	fn a_full_window_gives_way_for_two_packets_when_nothing_was_acknowledged_for_a_second() {
		let now = Instant::now();
		let (mut controller, window) = full(now);
		assert!(!nudge(&*controller, now + UNANSWERED - Duration::from_millis(1)));
		assert_eq!(controller.window(), window);
		assert!(nudge(&*controller, now + UNANSWERED));
		assert_eq!(controller.window(), window + 2 * u64::from(MTU));
		controller.on_sent(now + UNANSWERED, 2 * u64::from(MTU), 12);
		assert!(!nudge(&*controller, now + 2 * UNANSWERED - Duration::from_millis(1)));
		assert_eq!(controller.window(), window + 2 * u64::from(MTU), "once a second");
		assert!(nudge(&*controller, now + 2 * UNANSWERED));
		assert_eq!(controller.window(), window + 4 * u64::from(MTU));
		controller.on_end_acks(now + 3 * UNANSWERED, 0, false, Some(12));
		assert_eq!(controller.window(), window, "an acknowledgement ends it");
	}

	#[test]
	fn a_window_that_is_answered_holds_and_so_does_one_of_which_nothing_is_on_its_way() {
		let now = Instant::now();
		let (mut controller, window) = full(now);
		controller.on_end_acks(now + UNANSWERED, window / 2, false, Some(5));
		assert!(!nudge(&*controller, now + UNANSWERED + Duration::from_millis(500)));
		assert_eq!(controller.window(), window);
		controller.on_end_acks(now + UNANSWERED, 0, false, Some(10));
		assert!(!nudge(&*controller, now + 5 * UNANSWERED));
		assert_eq!(controller.window(), window);
	}

	#[test]
	fn an_acknowledgement_of_what_was_sent_long_ago_is_no_answer() {
		let now = Instant::now();
		let round_trip = Duration::from_millis(100);
		let later = now + 6 * UNANSWERED;
		let ages = |controller: &mut Counting, ages: &[Duration]| {
			for age in ages {
				controller.note_age(*age, round_trip);
			}
			controller.on_end_acks(later, 10_000, false, Some(5));
		};
		let full = || {
			let mut controller = Counting::new(Arc::new(CubicConfig::default()).build(now, MTU), now, MTU);
			controller.on_sent(now, controller.window(), 10);
			controller
		};
		let (long_ago, soon) = (Duration::from_secs(6), Duration::from_millis(200));
		for (acknowledged, nudges) in [(&[long_ago, long_ago][..], true), (&[long_ago, soon], false), (&[soon], false), (&[], false)] {
			let mut controller = full();
			ages(&mut controller, acknowledged);
			assert_eq!(nudge(&controller, later), nudges, "{acknowledged:?}");
		}
		// Where all of it takes so long, it is an answer.
		let mut slow = full();
		slow.note_age(long_ago, long_ago / 2);
		slow.on_end_acks(later, 10_000, false, Some(5));
		assert!(!nudge(&slow, later));
		// The window holds again after any acknowledgement, and may give way at once.
		let mut given_way = full();
		assert!(nudge(&given_way, later));
		ages(&mut given_way, &[long_ago]);
		assert_eq!(given_way.window(), given_way.inner.window());
	}

	#[test]
	fn a_small_window_has_room_beside_a_packet_that_is_larger_than_those_of_ethernet() {
		const WIDE: u16 = 6_540;
		let now = Instant::now();
		let (mut controller, window) = full(now);
		assert!(window < 4 * u64::from(WIDE));
		controller.on_mtu_update(1_452);
		assert_eq!(
			controller.window(),
			controller.clone_box().into_any().downcast::<Counting>().unwrap().inner.window(),
			"an ordinary path"
		);
		controller.on_mtu_update(WIDE);
		controller.on_congestion_event(now, now, true, window);
		assert_eq!(controller.window(), 4 * u64::from(WIDE));
	}
}

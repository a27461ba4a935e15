//! Whose turn it is among streams of several sources that want room in one connection. Pure: wakers are any values.
//!
//! Every source that wants room gets as many bytes as any other, however many streams it has. Among the streams of a source, one goes
//! on until it has had a quantum, and then the next one does. So few streams of a source have bytes in QUIC at a time: QUIC itself
//! takes turns among streams, and would give more to a source that has more of them there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// So many bytes of a stream go before it is another one's turn.
const QUANTUM_BYTES: u64 = 16 * 1024;

/// See the module.
pub struct Fair<W> {
	/// What each source has had, for those that have a stream here. Sources that come begin with `now`.
	sources: HashMap<u64, Served<W>>,
	/// Sources of which a stream is ready, the one that has had least first.
	order: BTreeSet<(u64, u64)>,
	/// What the source had had that wrote last.
	now: u64,
	/// The stream that may write.
	pub holder: Option<u64>,
	/// The stream that will say who may write, once all that are awake are here.
	pub judge: Option<u64>,
}

struct Served<W> {
	bytes: u64,
	/// Streams that are known here.
	streams: HashMap<u64, u64>,
	/// Streams that are ready, by the quanta that each has had.
	ready: BTreeMap<(u64, u64), W>,
	/// What the stream had had that was served last.
	now: u64,
}

impl<W> Default for Fair<W> {
	fn default() -> Self {
		Self { sources: HashMap::new(), order: BTreeSet::new(), now: 0, holder: None, judge: None }
	}
}

impl<W> Fair<W> {
	#[cfg(test)]
	pub fn sources(&self) -> usize {
		self.sources.len()
	}

	/// A stream wants to write. `waker` replaces the one that it came with before.
	pub fn ready(&mut self, source: u64, stream: u64, waker: W) {
		let now = self.now;
		let served =
			self.sources.entry(source).or_insert_with(|| Served { bytes: now, streams: HashMap::new(), ready: BTreeMap::new(), now: 0 });
		// A source that had nothing to write for a while has no claim to what others have had meanwhile.
		if served.ready.is_empty() {
			served.bytes = served.bytes.max(now);
		}
		let had = served.streams.entry(stream).or_insert(served.now);
		let before = *had / QUANTUM_BYTES;
		*had = (*had).max(served.now);
		if before != *had / QUANTUM_BYTES {
			served.ready.remove(&(before, stream));
		}
		served.ready.insert((*had / QUANTUM_BYTES, stream), waker);
		self.order.insert((served.bytes, source));
	}

	/// Gives the turn to who has had least. Returns that stream and its waker.
	pub fn grant(&mut self) -> Option<(u64, W)> {
		let &(bytes, source) = self.order.first()?;
		let served = self.sources.get_mut(&source)?;
		let ((_, stream), waker) = served.ready.pop_first()?;
		if served.ready.is_empty() {
			self.order.remove(&(bytes, source));
		}
		self.holder = Some(stream);
		Some((stream, waker))
	}

	/// A stream has written. Returns whether it keeps the turn if it has more: nobody that is ready has had less.
	pub fn wrote(&mut self, source: u64, stream: u64, bytes: u64) -> bool {
		let Some(served) = self.sources.get_mut(&source) else { return true };
		let others = !served.ready.is_empty();
		if others {
			self.order.remove(&(served.bytes, source));
		}
		if bytes > 0 {
			// Not when it gets its turn: it may find no room, and then another one must not lose its claim.
			self.now = self.now.max(served.bytes);
		}
		served.bytes += bytes;
		if others {
			self.order.insert((served.bytes, source));
		}
		let mut quanta = 0;
		if let Some(had) = served.streams.get_mut(&stream) {
			served.now = served.now.max(*had / QUANTUM_BYTES * QUANTUM_BYTES);
			*had += bytes;
			quanta = *had / QUANTUM_BYTES;
		}
		let first_of_own = served.ready.first_key_value().is_none_or(|(&key, _)| (quanta, stream) <= key);
		let own = (served.bytes, source);
		first_of_own && self.order.first().is_none_or(|&first| own <= first)
	}

	/// A stream is no more.
	pub fn forget(&mut self, source: u64, stream: u64) {
		self.unready(source, stream);
		if let Some(served) = self.sources.get_mut(&source) {
			served.streams.remove(&stream);
			if served.streams.is_empty() {
				self.sources.remove(&source);
			}
		}
	}

	/// A stream has nothing to write for now.
	pub fn unready(&mut self, source: u64, stream: u64) {
		let Some(served) = self.sources.get_mut(&source) else { return };
		if let Some(&had) = served.streams.get(&stream) {
			served.ready.remove(&(had / QUANTUM_BYTES, stream));
		}
		if served.ready.is_empty() {
			self.order.remove(&(served.bytes, source));
		}
	}

	/// Whether a stream is ready.
	pub fn is_ready(&self, source: u64, stream: u64) -> bool {
		let Some(served) = self.sources.get(&source) else { return false };
		served.streams.get(&stream).is_some_and(|had| served.ready.contains_key(&(had / QUANTUM_BYTES, stream)))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Serves `rounds` writes of `bytes` each. All streams always have more. Returns what each stream has had.
	fn serve(fair: &mut Fair<()>, streams: &[(u64, u64)], rounds: usize, bytes: u64) -> HashMap<u64, u64> {
		let source_of: HashMap<u64, u64> = streams.iter().map(|&(source, stream)| (stream, source)).collect();
		let mut had = HashMap::new();
		for &(source, stream) in streams {
			fair.ready(source, stream, ());
		}
		for _ in 0..rounds {
			let (stream, ()) = fair.grant().unwrap();
			*had.entry(stream).or_default() += bytes;
			fair.wrote(source_of[&stream], stream, bytes);
			fair.holder = None;
			fair.ready(source_of[&stream], stream, ());
		}
		had
	}

	fn crowd(source: u64, count: u64) -> Vec<(u64, u64)> {
		(0..count).map(|n| (source, source * 10_000 + n)).collect()
	}

	#[test]
	fn sources_share_alike_however_many_streams_they_have() {
		let mut fair = Fair::default();
		let streams = [crowd(1, 1024), crowd(2, 1), crowd(3, 16)].concat();
		let had = serve(&mut fair, &streams, 9_000, 1_000);
		for source in [1, 2, 3] {
			let bytes: u64 = streams.iter().filter(|of| of.0 == source).filter_map(|(_, stream)| had.get(stream)).sum();
			assert!((2_990_000..=3_010_000).contains(&bytes), "{source}: {bytes}");
		}
	}

	#[test]
	fn streams_of_a_source_share_alike_a_quantum_at_a_time() {
		let mut fair = Fair::default();
		let had = serve(&mut fair, &crowd(1, 8), 8 * 64, 1_024);
		assert!(had.values().all(|&bytes| bytes == 64 * 1_024), "{had:?}");
		let mut fair = Fair::default();
		let had = serve(&mut fair, &crowd(1, 1_000), 16, 1_024);
		assert_eq!(had.len(), 1, "one goes on until it has had its quantum");
	}

	#[test]
	fn who_comes_late_is_next_and_has_no_claim_to_what_was_before() {
		let mut fair = Fair::default();
		serve(&mut fair, &crowd(1, 2), 1_000, 1_000);
		let late = crowd(2, 1);
		fair.ready(2, late[0].1, ());
		let mut order = Vec::new();
		for _ in 0..6 {
			let (stream, ()) = fair.grant().unwrap();
			let source = if stream == late[0].1 { 2 } else { 1 };
			order.push(source);
			fair.wrote(source, stream, 1_000);
			fair.ready(source, stream, ());
		}
		assert_eq!(order.iter().filter(|&&source| source == 2).count(), 3, "{order:?}");
		assert!(order[..2].contains(&2));
	}

	#[test]
	fn who_has_had_least_keeps_the_turn() {
		let mut fair = Fair::default();
		fair.ready(1, 1, ());
		fair.ready(2, 2, ());
		let (stream, ()) = fair.grant().unwrap();
		assert!(fair.wrote(stream, stream, 0));
		assert!(!fair.wrote(stream, stream, 10));
		let (other, ()) = fair.grant().unwrap();
		assert_ne!(stream, other);
		assert!(fair.wrote(other, other, 20), "nobody else is ready");
	}

	#[test]
	fn nothing_is_left_of_those_that_are_forgotten() {
		let mut fair = Fair::default();
		let streams = [crowd(1, 50), crowd(2, 3)].concat();
		serve(&mut fair, &streams, 100, 3_000);
		for &(source, stream) in &streams {
			assert!(fair.is_ready(source, stream));
			fair.forget(source, stream);
			assert!(!fair.is_ready(source, stream));
		}
		assert_eq!((fair.sources(), fair.order.len(), fair.grant().is_none()), (0, 0, true));
	}
}

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use bytes::Bytes;

use super::lane::TURN_RECORDS;
use super::{record, Class, Outlet, Queue, BATCH_BYTES, MORE, RECORD_BYTES};

fn queue() -> Arc<Queue> {
	Arc::new(Queue::unwoken())
}

/// What JS would be told: kind of record, handle, and the first byte of the payload.
struct Reader {
	queue: Arc<Queue>,
	buffer: Vec<u8>,
	more: bool,
}

type Told = (u8, u32, Option<u8>);

impl Reader {
	fn new(queue: &Arc<Queue>) -> Self {
		Self { queue: queue.clone(), buffer: vec![0; BATCH_BYTES], more: true }
	}

	fn poll(&mut self, most: usize) -> Vec<Told> {
		let result = self.queue.poll(&mut self.buffer, 0, most);
		self.more = result & MORE != 0;
		let mut rest = &self.buffer[..(result & !MORE) as usize];
		let mut told = Vec::new();
		while let Some((head, behind)) = rest.split_first_chunk::<RECORD_BYTES>() {
			let [handle, len] = [4, 8].map(|at| u32::from_ne_bytes(*head[at..].first_chunk().unwrap()));
			if head[0] == record::LARGE {
				let mut payload = vec![0; len as usize];
				self.queue.take(&mut payload);
				told.push((head[0], handle, payload.first().copied()));
				rest = behind;
				continue;
			}
			let (payload, padded) = (&behind[..len as usize], (len as usize).next_multiple_of(4));
			if head[0] == record::FRAMES {
				told.extend(frames_in(payload, u16::from_ne_bytes([head[2], head[3]])).map(|first| (record::FRAME, handle, first)));
			} else {
				told.push((head[0], handle, payload.first().copied()));
			}
			rest = &behind[padded..];
		}
		told
	}

	fn all(&mut self, most: usize) -> Vec<Told> {
		let mut told = Vec::new();
		while self.more {
			told.extend(self.poll(most));
		}
		told
	}
}

/// Frames side by side, each with one byte, behind a head of four.
fn run(bytes: impl Iterator<Item = u8>) -> Vec<u8> {
	bytes.flat_map(|byte| [0, 0, 0, 1, byte]).collect()
}

/// The bytes of as many frames.
fn frames_in(run: &[u8], count: u16) -> impl Iterator<Item = Option<u8>> + '_ {
	assert_eq!(run.len(), 5 * usize::from(count));
	run.chunks(5).map(|frame| Some(frame[4]))
}

fn frames(outlet: &Outlet, handle: u32, count: usize) {
	outlet.push(Class::Data, |batch| (0..count).for_each(|i| batch.record(record::FRAME, 0, handle, &[&[i as u8]])));
}

/// A small generator: the same numbers on every run.
fn next(seed: &mut u64) -> u64 {
	*seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
	*seed >> 33
}

#[test]
fn a_question_waits_for_no_more_than_what_was_fetched_however_much_others_have_queued() {
	let queue = queue();
	let floods: Vec<Outlet> = (0..8).map(|_| Outlet::new(queue.clone())).collect();
	let honest = Outlet::new(queue.clone());
	for (handle, flood) in floods.iter().enumerate() {
		frames(flood, handle as u32, 10_000);
	}
	let mut reader = Reader::new(&queue);
	reader.poll(256);
	for question in 0..20 {
		honest.event(Class::Data, record::STREAM_IN, 100 + question, &[]);
		let mut waited = 0;
		let place = loop {
			let told = reader.poll(256);
			match told.iter().position(|(_, handle, _)| *handle == 100 + question) {
				Some(place) => break waited + place,
				None => waited += told.len(),
			}
		};
		assert!(place <= floods.len() * TURN_RECORDS, "question {question} waited for {place} records");
	}
	// Who has asked nothing for a round waits for nobody but others like itself.
	reader.poll(2 * floods.len() * TURN_RECORDS);
	honest.event(Class::Data, record::STREAM_IN, 100, &[]);
	assert_eq!(reader.poll(1), [(record::STREAM_IN, 100, None)]);
}

#[test]
fn connections_with_much_to_tell_take_turns() {
	let queue = queue();
	let all: Vec<Outlet> = (0..4).map(|_| Outlet::new(queue.clone())).collect();
	for (handle, outlet) in all.iter().enumerate() {
		frames(outlet, handle as u32, 1_000 * (handle + 1));
	}
	let mut counts = [0; 4];
	let told = Reader::new(&queue).all(1);
	for (_, handle, _) in &told[..4_000 - 4 * TURN_RECORDS] {
		counts[*handle as usize] += 1;
		let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
		assert!(most - least <= TURN_RECORDS, "{counts:?}");
	}
	assert_eq!(told.len(), 10_000);
}

#[test]
fn frames_that_come_side_by_side_count_as_so_many_records() {
	let mut seed = 3;
	let queue = queue();
	let all: Vec<Outlet> = (0..4).map(|_| Outlet::new(queue.clone())).collect();
	let mut sent = [0_usize; 4];
	let woken = Arc::new(Counting(AtomicUsize::new(0)));
	for (handle, outlet) in all.iter().enumerate() {
		while outlet.has_room(&Waker::from(woken.clone()), &mut 0) {
			let count = 2 + next(&mut seed) as usize % (TURN_RECORDS - 1);
			outlet.push(Class::Data, |batch| batch.frames(handle as u32, &run((0..count).map(|i| i as u8)), count));
			sent[handle] += count;
		}
		assert!((4_097..4_097 + TURN_RECORDS).contains(&sent[handle]), "{sent:?}");
	}
	let mut reader = Reader::new(&queue);
	let mut counts = [0; 4];
	while reader.more {
		let told = reader.poll(100);
		assert!(told.len() < 100 + TURN_RECORDS, "{}", told.len());
		told.iter().for_each(|(_, handle, _)| counts[*handle as usize] += 1);
		if *counts.iter().max().unwrap() < 4_000 {
			// A turn has at most 64, and more than half of them where runs have up to 64.
			let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
			assert!(*most < 3 * (least + TURN_RECORDS), "{counts:?}");
		}
	}
	assert_eq!(counts, sent);
}

#[test]
fn those_who_ask_now_and_then_do_not_shut_out_those_with_much_to_tell() {
	let queue = queue();
	let busy = Outlet::new(queue.clone());
	let sparse: Vec<Outlet> = (0..50).map(|_| Outlet::new(queue.clone())).collect();
	frames(&busy, 1, 10 * TURN_RECORDS);
	let mut reader = Reader::new(&queue);
	let mut polls = 0;
	let mut left = 10 * TURN_RECORDS;
	while left > 0 {
		for (i, outlet) in sparse.iter().enumerate() {
			outlet.event(Class::Data, record::FRAME, 100 + i as u32, &[]);
		}
		left -= reader.poll(1).iter().filter(|(_, handle, _)| *handle == 1).count();
		polls += 1;
		assert!(polls <= 2 * 10 * (sparse.len() + 1), "{left} are left");
	}
}

#[test]
fn control_goes_first_and_what_ends_a_connection_last() {
	let queue = queue();
	let line = Outlet::new(queue.clone());
	frames(&line, 1, 500);
	line.event(Class::Control, record::STREAM_IN, 7, &[]);
	frames(&line, 7, 3);
	line.final_event(Class::Data, record::CONN_CLOSED, 9, &[]);
	line.event(Class::Control, record::FRAME, 2, &[&[1]]);
	line.event(Class::Control, record::FRAME, 2, &[&[2]]);
	let told = Reader::new(&queue).all(10);
	assert_eq!(told[..3], [(record::STREAM_IN, 7, None), (record::FRAME, 2, Some(1)), (record::FRAME, 2, Some(2))]);
	assert_eq!(told.last(), Some(&(record::CONN_CLOSED, 9, None)));
	assert_eq!(told.len(), 507);
}

#[test]
fn the_end_of_an_endpoint_follows_all_that_waits() {
	let queue = queue();
	let [one, other] = [(); 2].map(|()| Outlet::new(queue.clone()));
	queue.event_after_all(record::ENDPOINT_LEFT, 5);
	frames(&one, 1, 300);
	other.event(Class::Data, record::CONN_CLOSED, 2, &[]);
	queue.event_after_all(record::ENDPOINT_CLOSED, 6);
	frames(&one, 1, 300);
	drop(other);
	let told = Reader::new(&queue).all(50);
	let place = |wanted: u32| told.iter().position(|(_, handle, _)| *handle == wanted).unwrap();
	assert_eq!(told.len(), 603);
	assert!(place(5) < place(6) && place(2) < place(6), "{told:?}");
	assert!(told[..place(6)].iter().filter(|(_, handle, _)| *handle == 1).count() >= 300);
}

#[test]
fn whatever_comes_each_stream_keeps_its_order_and_nothing_is_lost() {
	for seed in 0..50 {
		let mut seed = seed;
		let queue = queue();
		let mut reader = Reader::new(&queue);
		let mut lines: Vec<Outlet> = (0..5).map(|_| Outlet::new(queue.clone())).collect();
		let mut sent = vec![0_u8; 20];
		let mut heard = vec![0_u8; 20];
		for _ in 0..2_000 {
			let stream = next(&mut seed) as usize % 20;
			let class = if stream.is_multiple_of(4) { Class::Control } else { Class::Data };
			let line = stream % 5;
			match next(&mut seed) % 12 {
				0 => {
					let told = reader.poll(1 + next(&mut seed) as usize % 100);
					check(&told, &mut heard);
				}
				1 => lines[line].push(class, |batch| {
					let payload = Bytes::from(vec![sent[stream]; 40_000]);
					batch.large(0, stream as u32, vec![payload], 40_000);
					sent[stream] = sent[stream].wrapping_add(1);
				}),
				2 => {
					// As when a connection ends and another one gets its lane: what the first brought still comes.
					reader.more = true;
					check(&reader.all(7), &mut heard);
					lines[line] = Outlet::new(queue.clone());
				}
				3 => lines[line].push(class, |batch| {
					let count = 2 + next(&mut seed) as usize % (TURN_RECORDS - 1);
					let first = sent[stream];
					batch.frames(stream as u32, &run((0..count).map(|i| first.wrapping_add(i as u8))), count);
					sent[stream] = first.wrapping_add(count as u8);
				}),
				_ => lines[line].push(class, |batch| {
					for _ in 0..next(&mut seed) % 100 {
						let payload = vec![sent[stream]; 1 + next(&mut seed) as usize % 300];
						batch.record(record::FRAME, 0, stream as u32, &[&payload]);
						sent[stream] = sent[stream].wrapping_add(1);
					}
				}),
			}
		}
		reader.more = true;
		check(&reader.all(64), &mut heard);
		assert_eq!(heard, sent);
	}
}

/// The numbers of each stream come one after the other.
fn check(told: &[Told], heard: &mut [u8]) {
	for (_, handle, number) in told {
		let stream = *handle as usize;
		assert_eq!(number.unwrap(), heard[stream], "stream {stream}");
		heard[stream] = heard[stream].wrapping_add(1);
	}
}

struct Counting(AtomicUsize);

impl Wake for Counting {
	fn wake(self: Arc<Self>) {
		self.0.fetch_add(1, Ordering::Relaxed);
	}
}

#[test]
fn readers_of_a_connection_wait_when_too_much_waits_for_js_and_are_woken_once_when_it_does_not() {
	let queue = queue();
	let [flood, honest] = [(); 2].map(|()| Outlet::new(queue.clone()));
	let woken = Arc::new(Counting(AtomicUsize::new(0)));
	let waker = Waker::from(woken.clone());
	let mut memories = [0; 3];
	let mut rooms = |outlet: &Outlet| memories.each_mut().map(|since| outlet.has_room(&waker, since));
	let mut reads = 0;
	while rooms(&flood).iter().all(|room| *room) {
		frames(&flood, 1, 100);
		reads += 1;
	}
	assert_eq!(reads, 41);
	assert_eq!((rooms(&flood), rooms(&honest)), ([false; 3], [true; 3]));
	let mut reader = Reader::new(&queue);
	for _ in 0..2 {
		reader.poll(512);
		assert_eq!((rooms(&flood), woken.0.load(Ordering::Relaxed)), ([false; 3], 0));
	}
	reader.all(512);
	assert_eq!((rooms(&flood), woken.0.load(Ordering::Relaxed)), ([true; 3], 3));
	flood.push(Class::Data, |batch| (0..200).for_each(|_| batch.large(0, 1, vec![Bytes::from(vec![0; 40_000])], 40_000)));
	assert_eq!(rooms(&flood), [false; 3]);
	reader.more = true;
	reader.all(512);
	assert_eq!((rooms(&flood), woken.0.load(Ordering::Relaxed)), ([true; 3], 6));
}

#[test]
fn datagrams_that_nobody_fetches_are_bounded_and_those_that_are_fetched_make_room() {
	let queue = queue();
	let [one, other] = [(); 2].map(|()| Outlet::new(queue.clone()));
	let mut admitted = 0;
	while one.datagram(record::RAW, 1, &[&[0; 936]]) {
		admitted += 1;
	}
	assert_eq!(admitted, 1_048);
	assert!(!other.datagram(record::DATAGRAM, 2, &[&[0; 936]]));
	frames(&other, 3, 100_000); // whatever else waits
	Reader::new(&queue).poll(200);
	assert!(other.datagram(record::DATAGRAM, 2, &[&[0; 936]]));
}

#[test]
fn a_connection_that_opens_many_streams_waits_until_js_has_seen_most_of_them() {
	let queue = queue();
	let [many, few] = [(); 2].map(|()| Outlet::new(queue.clone()));
	let woken = Arc::new(Counting(AtomicUsize::new(0)));
	let waker = Waker::from(woken.clone());
	let takes = |outlet: &Outlet| {
		let mut future = std::pin::pin!(outlet.takes_streams());
		future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
	};
	let mut opened = 0;
	while takes(&many) {
		many.event(Class::Control, record::STREAM_IN, opened, &[]);
		opened += 1;
	}
	assert_eq!((opened, takes(&few), woken.0.load(Ordering::Relaxed)), (64, true, 0));
	Reader::new(&queue).all(64);
	assert_eq!((takes(&many), woken.0.load(Ordering::Relaxed)), (true, 1));
}

const KIB: usize = 1024;

/// What gathers, of one long frame.
fn gather(outlet: &Outlet, payload: Bytes) -> bool {
	let len = payload.len();
	outlet.gather(Class::Data, |batch| {
		batch.large(0, 1, vec![payload], len);
		len
	})
}

#[test]
fn bulk_wakes_js_once_for_much_of_it_and_little_at_once() {
	let queue = queue();
	let outlet = Outlet::new(queue.clone());
	let long = || Bytes::from(vec![0; 64 * KIB]);
	let nothing = || outlet.gather(Class::Data, |_| 0);
	assert!(!nothing());
	assert!(gather(&outlet, long()), "somebody has to wake JS later");
	assert!(!gather(&outlet, long()), "and one does");
	assert!(!nothing(), "a part of a frame changes nothing");
	assert_eq!(queue.gathered(), Some(128 * KIB));
	assert!(!gather(&outlet, long()) && !gather(&outlet, long()));
	assert_eq!(queue.gathered(), None, "JS was woken: this was much");
	let mut reader = Reader::new(&queue);
	assert!(!gather(&outlet, long()), "it is awake");
	assert_eq!(reader.all(1_000).len(), 5);
	assert!(gather(&outlet, long()));
	outlet.event(Class::Data, record::FINISHED, 2, &[]);
	assert_eq!(queue.gathered(), None, "anything else wakes it at once");
	reader.more = true;
	reader.all(1_000);
	assert!(!outlet.gather(Class::Data, |batch| {
		batch.record(record::FRAME, 0, 1, &[&[7; 100]]);
		100
	}));
	assert_eq!(queue.gathered(), None, "little is no bulk");
}

#[test]
fn js_is_woken_for_what_is_gathered_when_nothing_more_comes() {
	let queue = queue();
	let outlet = Outlet::new(queue.clone());
	assert!(gather(&outlet, Bytes::from(vec![0; 64 * KIB])));
	queue.wake_for_gathered();
	assert_eq!(queue.gathered(), None);
	assert_eq!(Reader::new(&queue).all(1_000).len(), 1);
	assert!(gather(&outlet, Bytes::from(vec![0; 64 * KIB])), "the next one waits again");
}

/// A piece of a received packet that knows whether it still lives.
struct Piece(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Piece {
	fn as_ref(&self) -> &[u8] {
		&self.0
	}
}

impl Drop for Piece {
	fn drop(&mut self) {
		self.1.fetch_sub(1, Ordering::Relaxed);
	}
}

#[test]
fn what_js_has_taken_is_freed_by_the_next_that_brings_something_and_only_so_much_waits_for_that() {
	let queue = queue();
	let outlet = Outlet::new(queue.clone());
	let mut reader = Reader::new(&queue);
	let alive = Arc::new(AtomicUsize::new(0));
	let long = || {
		alive.fetch_add(1, Ordering::Relaxed);
		Bytes::from_owner(Piece(vec![0; 64 * KIB], alive.clone()))
	};
	for _ in 0..4 {
		gather(&outlet, long());
	}
	reader.all(1_000);
	assert_eq!(alive.load(Ordering::Relaxed), 4, "JS frees nothing");
	outlet.event(Class::Data, record::FINISHED, 1, &[]);
	assert_eq!(alive.load(Ordering::Relaxed), 0);
	for _ in 0..40 {
		gather(&outlet, long());
	}
	reader.more = true;
	reader.all(1_000);
	assert_eq!(alive.load(Ordering::Relaxed), 8, "512 KiB");
}

//! How tasks of the I/O thread let others go first.
//!
//! tokio runs tasks in the order in which they were woken. Connections with thousands of busy streams would so have thousands of
//! runs for one of everybody else. So of the tasks of one connection only a few run at once. The rest stand in line, and a few of
//! them go on whenever everybody else has run. Connections that do little save turns for when they do more.

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::lock::lock;

/// Tasks of a connection that run before others have their turn.
const AT_ONCE: u32 = 2;

/// As many a connection may have saved.
const SAVED: u32 = 32;

/// In place of a number: tasks wait.
const CROWDED: u32 = u32::MAX;

/// The connections of an I/O thread whose tasks wait.
#[derive(Default)]
pub struct Rounds(Mutex<Round>);

#[derive(Default)]
struct Round {
	crowded: Vec<Arc<Turns>>,
	/// A task calls those that wait.
	calling: bool,
}

/// Whose turn it is among the tasks of one connection. All of them run on the I/O thread.
pub struct Turns {
	rounds: Arc<Rounds>,
	/// How many may still run.
	left: AtomicU32,
	/// `None` while nobody waits, which is nearly always.
	waiting: Mutex<Option<Box<Waiting>>>,
}

#[derive(Default)]
struct Waiting {
	/// In order. Each is here once.
	line: VecDeque<Waker>,
	/// Those in `line`.
	known: HashSet<usize>,
	/// Those that were woken for their turn and have not run yet.
	called: Vec<Waker>,
}

impl Turns {
	pub fn new(rounds: Arc<Rounds>) -> Self {
		Self { rounds, left: AtomicU32::new(SAVED), waiting: Mutex::default() }
	}

	/// Whether the task may run now. If not, it is woken for its turn.
	pub fn take(self: &Arc<Self>, cx: &Context) -> bool {
		match self.left.load(Ordering::Relaxed) {
			0 | CROWDED => self.take_in_line(cx.waker()),
			left => {
				self.left.store(left - 1, Ordering::Relaxed);
				true
			}
		}
	}

	/// Resolves when it is the task's turn.
	pub async fn turn(self: &Arc<Self>) {
		poll_fn(|cx| if self.take(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
	}

	#[cold]
	fn take_in_line(self: &Arc<Self>, waker: &Waker) -> bool {
		let mut waiting = lock(&self.waiting);
		let is_first = waiting.is_none();
		let line = waiting.get_or_insert_default();
		if let Some(at) = line.called.iter().position(|called| called.will_wake(waker)) {
			line.called.swap_remove(at);
			return true;
		}
		if line.known.insert(name(waker)) {
			line.line.push_back(waker.clone());
		}
		drop(waiting);
		if is_first {
			self.left.store(CROWDED, Ordering::Relaxed);
			self.rounds.join(self.clone());
		}
		false
	}

	/// The I/O thread has been at everything else since.
	pub fn renew(&self) {
		match self.left.load(Ordering::Relaxed) {
			CROWDED => {}
			left => self.left.store(SAVED.min(left + AT_ONCE), Ordering::Relaxed),
		}
	}

	/// Calls the first of those that wait. Whoever was called before and has not come by now has ended. Returns whether anybody waited.
	fn call(&self) -> bool {
		let called = {
			let mut waiting = lock(&self.waiting);
			let Some(line) = waiting.as_mut().filter(|line| !line.line.is_empty()) else {
				*waiting = None;
				self.left.store(AT_ONCE, Ordering::Relaxed);
				return false;
			};
			let next = line.line.len().min(AT_ONCE as usize);
			line.called = line.line.drain(..next).collect();
			for waker in &line.called {
				line.known.remove(&name(waker));
			}
			line.called.clone()
		};
		called.iter().for_each(Waker::wake_by_ref);
		true
	}
}

impl Rounds {
	fn join(self: &Arc<Self>, turns: Arc<Turns>) {
		let mut round = lock(&self.0);
		round.crowded.push(turns);
		if !std::mem::replace(&mut round.calling, true) {
			let rounds = self.clone();
			tokio::spawn(async move { rounds.call().await });
		}
	}

	/// Calls a few of each connection whenever all others have run, until nobody waits.
	async fn call(&self) {
		loop {
			after_all_others().await;
			let mut crowded = std::mem::take(&mut lock(&self.0).crowded);
			crowded.retain(|turns| turns.call());
			let mut round = lock(&self.0);
			round.crowded.append(&mut crowded);
			if round.crowded.is_empty() {
				round.calling = false;
				return;
			}
		}
	}
}

/// Tells tasks apart: a waker that is kept keeps its task, so nothing else has its address meanwhile.
fn name(waker: &Waker) -> usize {
	waker.data().addr()
}

/// Resolves when all tasks have run that were woken before. Unlike tokio's `yield_now`, it does not wait for a look at the sockets.
pub async fn after_all_others() {
	let mut seen = false;
	poll_fn(|cx| {
		if std::mem::replace(&mut seen, true) {
			return Poll::Ready(());
		}
		cx.waker().wake_by_ref();
		Poll::Pending
	})
	.await;
}

/// Lets the tasks run that have something to do already, and those that they wake. It rests on tokio running tasks in the order in
/// which they were woken, so use it where being early does no harm.
pub async fn others_first() {
	for _ in 0..4 {
		tokio::task::yield_now().await;
	}
}

#[cfg(test)]
mod tests {
	use std::future::Future;

	use tokio::task::JoinHandle;

	use super::*;

	type Ran = Arc<Mutex<Vec<u32>>>;

	/// Runs `main` as a task on a runtime like that of the I/O thread.
	fn on_io_thread(main: impl Future<Output = ()> + Send + 'static) {
		let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
		runtime.block_on(async { tokio::spawn(main).await.unwrap() });
	}

	fn turns_of(rounds: &Arc<Rounds>) -> Arc<Turns> {
		Arc::new(Turns::new(rounds.clone()))
	}

	/// A task that runs `times`, each in a turn, and notes its name each time.
	async fn busy(turns: Arc<Turns>, name: u32, times: u32, ran: Ran) {
		for _ in 0..times {
			turns.turn().await;
			lock(&ran).push(name);
			after_all_others().await;
		}
	}

	/// The names of those that have run, in order, when all have ended.
	async fn finish(tasks: Vec<JoinHandle<()>>, ran: &Ran) -> Vec<u32> {
		for task in tasks {
			let _ = task.await;
		}
		for _ in 0..3 {
			after_all_others().await;
		}
		std::mem::take(&mut *lock(ran))
	}

	#[test]
	fn connections_with_many_tasks_do_not_hold_up_one_with_few() {
		on_io_thread(async {
			let (ran, rounds) = (Ran::default(), Arc::default());
			let crowds: Vec<_> = (0..10).map(|_| turns_of(&rounds)).collect();
			let mut tasks: Vec<_> = (0..10_000).map(|at| tokio::spawn(busy(crowds[at % 10].clone(), 1, 3, ran.clone()))).collect();
			let (quiet, quiet_ran) = (turns_of(&rounds), ran.clone());
			tasks.push(tokio::spawn(async move {
				for _ in 0..3 {
					busy(quiet.clone(), 2, AT_ONCE, quiet_ran.clone()).await;
					quiet.renew();
				}
			}));
			let ran = finish(tasks, &ran).await;
			assert_eq!(ran.iter().filter(|name| **name == 1).count(), 3 * 10_000);
			let places: Vec<usize> = ran.iter().enumerate().filter(|(_, name)| **name == 2).map(|(at, _)| at).collect();
			assert_eq!(places.len(), 3 * AT_ONCE as usize);
			for pair in places.windows(2).skip(1) {
				assert!(pair[1] - pair[0] <= 10 * AT_ONCE as usize + 1, "{places:?}");
			}
			for turns in &crowds {
				assert!(lock(&turns.waiting).is_none());
				assert_eq!(turns.left.load(Ordering::Relaxed), AT_ONCE);
			}
			assert!(lock(&rounds.0).crowded.is_empty() && !lock(&rounds.0).calling);
		});
	}

	#[test]
	fn connections_with_many_tasks_have_as_many_runs_as_each_other() {
		on_io_thread(async {
			let (ran, rounds) = (Ran::default(), Arc::default());
			let [many, more] = [turns_of(&rounds), turns_of(&rounds)];
			let mut tasks: Vec<_> = (0..1_000).map(|_| tokio::spawn(busy(more.clone(), 2, 1, ran.clone()))).collect();
			tasks.extend((0..100).map(|_| tokio::spawn(busy(many.clone(), 1, 1, ran.clone()))));
			let ran = finish(tasks, &ran).await;
			let last = ran.iter().rposition(|name| *name == 1).unwrap();
			assert!((100..=300).contains(&last), "{last}");
		});
	}

	#[test]
	fn tasks_of_one_connection_have_their_turns_in_order() {
		on_io_thread(async {
			let (ran, turns) = (Ran::default(), turns_of(&Arc::default()));
			let tasks = (0..100).map(|name| tokio::spawn(busy(turns.clone(), name, 1, ran.clone()))).collect();
			assert_eq!(finish(tasks, &ran).await, (0..100).collect::<Vec<u32>>());
		});
	}

	#[test]
	fn a_task_that_is_woken_while_it_waits_stands_in_line_once() {
		on_io_thread(async {
			let turns = turns_of(&Arc::default());
			turns.left.store(0, Ordering::Relaxed);
			poll_fn(|cx| {
				for _ in 0..5 {
					assert!(!turns.take(cx));
				}
				assert_eq!(lock(&turns.waiting).as_ref().unwrap().line.len(), 1);
				Poll::Ready(())
			})
			.await;
		});
	}

	#[test]
	fn tasks_that_end_while_they_wait_hold_up_nobody() {
		on_io_thread(async {
			let (ran, turns) = (Ran::default(), turns_of(&Arc::default()));
			let tasks: Vec<_> = (0..100).map(|name| tokio::spawn(busy(turns.clone(), name, 1, ran.clone()))).collect();
			after_all_others().await;
			for task in &tasks[50..60] {
				task.abort();
			}
			assert_eq!(finish(tasks, &ran).await, (0..50).chain(60..100).collect::<Vec<u32>>());
			assert!(lock(&turns.waiting).is_none());
		});
	}

	#[test]
	fn turns_are_renewed_when_the_thread_has_been_at_everything_else() {
		on_io_thread(async {
			let turns = turns_of(&Arc::default());
			poll_fn(|cx| {
				for _ in 0..3 * SAVED {
					assert!(turns.take(cx));
					turns.renew();
				}
				for _ in 0..SAVED {
					assert!(turns.take(cx));
				}
				turns.renew();
				for _ in 0..AT_ONCE {
					assert!(turns.take(cx));
				}
				assert!(!turns.take(cx));
				turns.renew();
				assert!(!turns.take(cx), "somebody waits");
				Poll::Ready(())
			})
			.await;
		});
	}
}

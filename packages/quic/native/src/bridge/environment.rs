//! What one Node environment (the main thread or a worker) owns: one I/O thread, one queue of events, one table of handles.
//!
//! The end is the delicate part. On `worker.terminate()` and `process.exit()` Node tears an environment down whatever is going on.
//! JS says goodbye to the peers in its last moment, if it gets one (`leave`). The cleanup hook first makes sure that nothing calls
//! into the environment any more. Then it gives the endpoints that are left a moment to say goodbye, and joins the thread.

use std::cell::RefCell;
use std::io;
use std::sync::{mpsc, Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::connection::{Connection, Registry};
use crate::endpoint::Endpoint;
use crate::error::{error, stale, Result, NOT_INITIALISED, THREAD_FAILED};
use crate::events::{Queue, Waker};
use crate::io::{others_first, Due, Rounds};
use crate::lock::lock;
use crate::stream::{Line, Port, Stream};
use crate::system::{calling, uv};

use super::table::Table;

/// See the module.
pub struct Environment {
	pub queue: Arc<Queue>,
	pub table: Table<Entry>,
	/// Of the I/O thread.
	pub io: Handle,
	/// Streams with a little to send at the end of this tick.
	pub due: Arc<Due<Stream>>,
	/// Where the tasks of its connections take turns.
	pub rounds: Arc<Rounds>,
}

/// What a handle stands for.
#[derive(Clone)]
pub enum Entry {
	Endpoint(Arc<Endpoint>),
	Connection(Arc<Connection>),
	Stream(Arc<Stream>),
}

impl Environment {
	/// JS thread, at the end of its tick: sends what is due.
	pub fn flush(&self) {
		for stream in self.due.take() {
			stream.flush();
		}
	}

	/// Throws `HANDLE_STALE` in JS if there is none.
	pub fn endpoint(&self, handle: u32) -> Result<Arc<Endpoint>> {
		match self.table.get(handle) {
			Some(Entry::Endpoint(found)) => Ok(found),
			_ => Err(stale("endpoint")),
		}
	}

	/// Throws `HANDLE_STALE` in JS if there is none.
	pub fn connection(&self, handle: u32) -> Result<Arc<Connection>> {
		match self.table.get(handle) {
			Some(Entry::Connection(found)) => Ok(found),
			_ => Err(stale("connection")),
		}
	}

	pub fn stream(&self, handle: u32) -> Option<Arc<Stream>> {
		match self.table.get(handle) {
			Some(Entry::Stream(found)) => Some(found),
			_ => None,
		}
	}

	/// All connections of an endpoint.
	pub fn connections_of(&self, endpoint: u32) -> Vec<Arc<Connection>> {
		self.table.choose(|entry| match entry {
			Entry::Connection(found) if found.endpoint.handle == endpoint => Some(found.clone()),
			_ => None,
		})
	}

	/// I/O thread: runs the drivers of all connections of an endpoint once.
	pub fn drive(&self, endpoint: u32) {
		self.connections_of(endpoint).iter().for_each(|connection| connection.line.drive());
	}

	/// I/O thread: sends the closes of all connections of an endpoint that is closed.
	pub fn send_closes(&self, endpoint: u32) {
		self.connections_of(endpoint).iter().for_each(|connection| connection.line.send_close());
	}
}

impl Registry for Arc<Environment> {
	fn add_stream(&self, line: &Arc<Line>) -> Option<Arc<Stream>> {
		let made = self.table.insert(|handle| Entry::Stream(Arc::new(Stream::new(handle, line.clone()))));
		made.ok().and_then(|handle| self.stream(handle))
	}

	fn streams_of(&self, line: &Arc<Line>) -> Vec<Arc<Stream>> {
		self.table.choose(|entry| match entry {
			Entry::Stream(found) if Arc::ptr_eq(&found.line, line) => Some(found.clone()),
			_ => None,
		})
	}
}

/// How long a dying environment may take to hand over what JS did before, and then to say goodbye.
const FAREWELL: Duration = Duration::from_millis(20);
/// More is about to come from a peer that was heard so short a time ago.
const LIVELY: Duration = Duration::from_millis(100);

thread_local! {
	static CURRENT: RefCell<Option<Arc<Environment>>> = const { RefCell::new(None) };
}

/// Runs `f` with the environment of this JS thread.
pub fn with<T>(f: impl FnOnce(&Arc<Environment>) -> Result<T>) -> Result<T> {
	CURRENT.with_borrow(|current| match current {
		Some(environment) => f(environment),
		None => Err(error(NOT_INITIALISED, "The QUIC addon is not initialised in this thread, or the thread is ending")),
	})
}

/// JS thread, which is about to end: says goodbye now. On `process.exit()` nothing calls the cleanup hook of a main thread.
pub fn leave() -> Result<()> {
	with(|environment| {
		environment.flush();
		let (done, waiting) = mpsc::channel();
		let leaving = environment.clone();
		environment.io.spawn(async move {
			farewell(&leaving).await;
			let _ = done.send(());
		});
		let _ = waiting.recv_timeout(3 * FAREWELL); // the I/O thread is busy if that does not do
		Ok(())
	})
}

/// Every second task that runs is one that another thread has woken, while there are such. tokio keeps them in a line of their own, and
/// takes one of 31 by default. A busy JS thread wakes more than that. Whatever it wakes, also somebody else's connection, then waits
/// for hundreds of milliseconds.
const WOKEN_ELSEWHERE: u32 = 2;

/// What the I/O thread runs.
fn io_runtime() -> io::Result<Runtime> {
	Builder::new_current_thread().global_queue_interval(WOKEN_ELSEWHERE).enable_io().enable_time().build()
}

/// Starts the I/O thread of this JS thread and hooks into the environment's end.
pub fn start(env: &napi::Env, waker: Waker, watch: bool) -> Result<()> {
	if CURRENT.with_borrow(Option::is_some) {
		return Err(error(THREAD_FAILED, "The QUIC addon is in use in this thread already, by another copy of its wrapper"));
	}
	let runtime = io_runtime().map_err(|e| error(THREAD_FAILED, format!("Cannot start the I/O runtime: {e}")))?;
	let environment = Arc::new(Environment {
		queue: Arc::new(Queue::new(waker)),
		table: Table::new(),
		io: runtime.handle().clone(),
		due: Arc::default(),
		rounds: Arc::default(),
	});
	let (stop, stopped) = oneshot::channel();
	let serving = environment.clone();
	let thread = std::thread::Builder::new()
		.name("conec-quic".into())
		.spawn(move || {
			runtime.block_on(async {
				let _ = stopped.await;
				farewell(&serving).await;
			});
			drop(runtime); // drops every task, and with them every socket
			serving.table.clear();
		})
		.map_err(|e| error(THREAD_FAILED, format!("Cannot start the I/O thread: {e}")))?;
	let ending = Ending { environment: environment.clone(), stop, thread };
	env.add_env_cleanup_hook(Mutex::new(Some(ending)), |ending| {
		if let Some(ending) = lock(&ending).take() {
			ending.run();
		}
	})
	.map_err(|e| error(THREAD_FAILED, format!("Cannot hook into the end of the environment: {e}")))?;
	environment.queue.set_referenced(env, false);
	if watch {
		uv::start::<Port>(env);
	}
	CURRENT.with_borrow_mut(|current| *current = Some(environment));
	Ok(())
}

struct Ending {
	environment: Arc<Environment>,
	stop: oneshot::Sender<()>,
	thread: JoinHandle<()>,
}

impl Ending {
	fn run(self) {
		CURRENT.with_borrow_mut(Option::take);
		uv::stop::<Port>();
		calling::forget();
		self.environment.queue.silence();
		let _ = self.stop.send(());
		let _ = self.thread.join();
	}
}

/// Tells the peers. They would otherwise wait for their idle limit.
async fn farewell(environment: &Environment) {
	let endpoints = environment.table.choose(|entry| match entry {
		Entry::Endpoint(found) if !found.has_left() => Some(found.clone()),
		_ => None,
	});
	let connections: Vec<_> = endpoints.iter().flat_map(|endpoint| environment.connections_of(endpoint.handle)).collect();
	let carried_out = async {
		for connection in &connections {
			connection.line.commands.carried_out().await;
		}
	};
	let _ = tokio::time::timeout(FAREWELL, carried_out).await;
	// What QUIC has is not sent yet, and closing drops it.
	connections.iter().for_each(|connection| connection.line.drive());
	endpoints.iter().for_each(|endpoint| endpoint.say_farewell());
	let told = async {
		for endpoint in &endpoints {
			endpoint.send_closes(|| environment.send_closes(endpoint.handle)).await;
			endpoint.set_left();
		}
		others_first().await; // connections that have no handle yet
						// A close can get lost where much is on its way. It is the answer to what still comes, too.
		if connections.iter().any(|connection| connection.line.silent_for() < LIVELY) {
			std::future::pending::<()>().await;
		}
	};
	let _ = tokio::time::timeout(FAREWELL, told).await;
}

#[cfg(test)]
mod tests {
	use std::future::poll_fn;
	use std::task::Poll;

	use super::*;

	type Ran = Arc<Mutex<Vec<&'static str>>>;

	/// Runs `times`, and notes its name each time. In between it is woken as by what it waits for, not as by `yield_now`.
	async fn busy(name: &'static str, times: usize, ran: Ran) {
		let mut left = times;
		poll_fn(|cx| {
			lock(&ran).push(name);
			left -= 1;
			cx.waker().wake_by_ref();
			if left == 0 {
				Poll::Ready(())
			} else {
				Poll::Pending
			}
		})
		.await;
	}

	#[test]
	fn what_the_js_thread_wakes_runs_beside_what_the_io_thread_wakes_itself() {
		const MANY: usize = 20;
		let runtime = io_runtime().unwrap();
		let ran = Ran::default();
		let handle = runtime.handle().clone();
		let (own, elsewhere) = (ran.clone(), ran.clone());
		runtime.block_on(async {
			let mut tasks: Vec<_> = (0..8).map(|_| tokio::spawn(busy("own", 100, own.clone()))).collect();
			// Another thread starts these while this one, whose tasks wait, does nothing.
			let started = move || (0..MANY).map(|_| handle.spawn(busy("elsewhere", 1, elsewhere.clone()))).collect::<Vec<_>>();
			tasks.extend(std::thread::spawn(started).join().unwrap());
			for task in tasks {
				task.await.unwrap();
			}
		});
		let ran = std::mem::take(&mut *lock(&ran));
		let last = ran.iter().rposition(|name| *name == "elsewhere").unwrap();
		assert_eq!(ran.iter().filter(|name| **name == "elsewhere").count(), MANY);
		assert!(last <= 2 * MANY + 2, "the last one is in place {last}");
	}
}

//! What one Node environment (the main thread or a worker) owns: one I/O thread, one queue of events, one table of handles.
//!
//! The end is the delicate part. Node tears an environment down on `worker.terminate()` and `process.exit()` whatever
//! is going on: the cleanup hook first makes sure that nothing calls into the environment any more, then lets the
//! endpoints say goodbye for a moment, then joins the thread.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use quinn::VarInt;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::error::{error, Result, NOT_INITIALISED, THREAD_FAILED};
use crate::lock::lock;
use crate::queue::{Queue, Waker};
use crate::stream::Stream;
use crate::table::Table;

pub struct Environment {
	pub queue: Queue,
	pub table: Table,
	pub io: Handle,
	/// Held by the JS thread while it receives by itself: what it delivers comes before the news that a connection is over.
	pub receiving: Mutex<()>,
	/// Streams with a little to send at the end of this tick.
	due: Mutex<Vec<Arc<Stream>>>,
}

impl Environment {
	pub fn due(&self, stream: Arc<Stream>) {
		lock(&self.due).push(stream);
	}

	/// JS thread, at the end of its tick.
	pub fn flush(&self) {
		let due = std::mem::take(&mut *lock(&self.due));
		for stream in due {
			stream.flush();
		}
	}
}

/// How long the goodbye packets of a dying environment may take.
const FAREWELL: Duration = Duration::from_millis(20);

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

/// Starts the I/O thread of this JS thread and hooks into the environment's end.
pub fn start(env: &napi::Env, waker: Waker, watch: bool) -> Result<()> {
	if CURRENT.with_borrow(Option::is_some) {
		return Err(error(THREAD_FAILED, "The QUIC addon is in use in this thread already, by another copy of its wrapper"));
	}
	let runtime = Builder::new_current_thread()
		.enable_io()
		.enable_time()
		.build()
		.map_err(|e| error(THREAD_FAILED, format!("Cannot start the I/O runtime: {e}")))?;
	let environment = Arc::new(Environment {
		queue: Queue::new(waker),
		table: Table::new(),
		io: runtime.handle().clone(),
		receiving: Mutex::new(()),
		due: Mutex::default(),
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
		crate::system::uv::start(env);
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
		crate::system::uv::stop();
		self.environment.queue.silence();
		let _ = self.stop.send(());
		let _ = self.thread.join();
	}
}

/// Tells the peers, who would otherwise wait for their idle limit.
async fn farewell(environment: &Environment) {
	let mut endpoints = environment.table.endpoints();
	endpoints.retain(|endpoint| !endpoint.has_left());
	for endpoint in &endpoints {
		endpoint.quinn.close(VarInt::from_u32(0), b"");
	}
	let idle = async {
		for endpoint in &endpoints {
			endpoint.send_closes().await;
			endpoint.quinn.wait_idle().await;
		}
	};
	let _ = tokio::time::timeout(FAREWELL, idle).await;
}

//! quinn's drivers of connections and endpoints, arranged so that the JS thread may run one itself.
//!
//! A small write on an idle connection would otherwise wake the I/O thread just to have one packet sent. On an idle machine
//! that costs more than the packet. So the JS thread, at the end of its tick, polls the connection's driver in place: the same
//! future, with the same wakers, under the same mutex. It never waits for that mutex. When the I/O thread is at work on the
//! connection already, an ordinary wake-up does as well.

use std::cell::RefCell;
use std::future::{poll_fn, Future};
use std::io;
use std::net::UdpSocket;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::{pin, Pin};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::lock::lock;

use super::gate::Gate;
use super::inlet::{Open, Reader};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who looks after a driver has run: the connection.
pub trait Follower: Send + Sync {
	fn driven(&self);
	/// It has run in its turn on the I/O thread, where everything else has run since the last time.
	fn had_its_turn(&self);
}

/// A driver that has more to do runs so often before anything else does, where many send to its socket. Each time it reads for
/// some 50 microseconds. What it has read waits with its own connection. What it has not read waits in the one line of all.
const CROWDED_RUNS: u32 = 64;

/// One driver: a task of the I/O thread that another thread may poll too.
pub struct Driver {
	/// `None` once it has ended.
	future: Mutex<Option<Task>>,
	gate: Arc<Gate>,
	/// 0, or how it ended. There is a driver for each idle connection: a channel would hold 360 bytes more.
	ended: AtomicU8,
	/// Whoever waits for that is woken.
	over: Notify,
	panicked: AtomicBool,
	follower: OnceLock<Weak<dyn Follower>>,
	/// Of an endpoint's driver.
	reader: OnceLock<Weak<dyn Reader>>,
}

/// How a driver ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverEnd {
	/// It ended by itself: its connection is over, or should be.
	Returned = 1,
	/// It panicked inside quinn, which held its mutex: using or dropping anything of the connection would panic too.
	Panicked = 2,
}

impl Driver {
	fn new(future: Task) -> Self {
		Self {
			future: Mutex::new(Some(future)),
			gate: Arc::default(),
			ended: AtomicU8::new(0),
			over: Notify::new(),
			panicked: AtomicBool::new(false),
			follower: OnceLock::new(),
			reader: OnceLock::new(),
		}
	}

	/// Sets who looks after it has run. Once.
	pub fn set_follower(&self, follower: Weak<dyn Follower>) {
		let _ = self.follower.set(follower);
	}

	/// Sets who knows what it reads. Once.
	pub fn set_reader(&self, reader: Weak<dyn Reader>) {
		let _ = self.reader.set(reader);
	}

	/// Whether it is the driver of an endpoint to which many send.
	pub fn is_crowded(&self) -> bool {
		self.crowded_reader().is_some()
	}

	fn crowded_reader(&self) -> Option<Arc<dyn Reader>> {
		self.reader.get().and_then(Weak::upgrade).filter(|reader| reader.is_crowded())
	}

	fn poll_task(&self, cx: &mut Context) -> Poll<()> {
		self.gate.set_task(cx.waker());
		if let Some(reader) = self.crowded_reader() {
			return self.poll_repeatedly(&reader.inlet().turn());
		}
		let polled = self.poll_future(&mut lock(&self.future));
		if let Some(follower) = self.follower.get().and_then(Weak::upgrade) {
			follower.had_its_turn();
		}
		polled
	}

	fn poll_repeatedly(&self, _turn: &Open) -> Poll<()> {
		let mut future = lock(&self.future);
		let held = self.gate.hold();
		for _ in 0..CROWDED_RUNS {
			let _ = self.gate.woken();
			if self.poll_future(&mut future).is_ready() {
				return Poll::Ready(());
			}
			if !held.is_woken() {
				break;
			}
		}
		Poll::Pending
	}

	fn poll_future(&self, future: &mut Option<Task>) -> Poll<()> {
		let waker = Waker::from(self.gate.clone());
		let Some(running) = future else { return Poll::Ready(()) };
		let end = match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(&mut Context::from_waker(&waker)))) {
			Ok(Poll::Pending) => {
				if let Some(follower) = self.follower.get().and_then(Weak::upgrade) {
					follower.driven();
				}
				return Poll::Pending;
			}
			Ok(Poll::Ready(())) => DriverEnd::Returned,
			Err(_) => {
				self.panicked.store(true, Ordering::Release);
				DriverEnd::Panicked
			}
		};
		if catch_unwind(AssertUnwindSafe(|| *future = None)).is_err() {
			*future = None; // emptied already: the panic came from what was in it
		}
		self.ended.store(end as u8, Ordering::SeqCst);
		self.over.notify_waiters();
		Poll::Ready(())
	}

	/// Resolves when nothing drives the connection any more. quinn does not tell that: without its timers, the connection would
	/// never be over.
	pub async fn ended(&self) -> DriverEnd {
		let mut over = pin!(self.over.notified());
		over.as_mut().enable();
		if self.end().is_none() {
			over.await;
		}
		self.end().unwrap_or(DriverEnd::Returned)
	}

	pub fn has_panicked(&self) -> bool {
		self.panicked.load(Ordering::Acquire)
	}

	fn end(&self) -> Option<DriverEnd> {
		match self.ended.load(Ordering::SeqCst) {
			0 => None,
			1 => Some(DriverEnd::Returned),
			_ => Some(DriverEnd::Panicked),
		}
	}

	/// I/O thread: polls the driver now.
	pub fn run(&self) {
		if self.poll_future(&mut lock(&self.future)).is_ready() {
			self.gate.pass_on(); // the task has to notice
		}
	}

	/// JS thread: runs `write`, which gives the connection something to send, and sends it in place. Returns `false` if nothing was
	/// run, because the I/O thread is at work on the connection.
	pub fn run_inline(&self, write: impl FnOnce()) -> bool {
		let Ok(mut future) = self.future.try_lock() else { return false };
		let _held = self.gate.hold();
		write();
		let _ = self.gate.woken(); // what `write` asked for is about to be done
		let ended = self.poll_future(&mut future).is_ready();
		drop(future);
		if ended {
			self.gate.pass_on(); // the task has to notice
		}
		true
	}
}

thread_local! {
	/// The driver that was spawned last on this thread, for `capture`.
	static SPAWNED: RefCell<Option<Arc<Driver>>> = const { RefCell::new(None) };
}

/// Runs `make`, which starts one connection, and returns that connection's driver with its result.
pub fn capture<T>(make: impl FnOnce() -> T) -> (T, Option<Arc<Driver>>) {
	SPAWNED.take();
	let made = make();
	(made, SPAWNED.take())
}

/// Tokio, with drivers that can be captured. Any thread may use it: the JS thread, which has no runtime of its own, drives too.
#[derive(Debug)]
pub struct SharedRuntime {
	pub io: Handle,
}

impl Runtime for SharedRuntime {
	fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
		let _context = self.io.enter();
		TokioRuntime.new_timer(at)
	}

	fn spawn(&self, future: Task) {
		let driver = Arc::new(Driver::new(future));
		SPAWNED.set(Some(driver.clone()));
		self.io.spawn(poll_fn(move |cx| driver.poll_task(cx)));
	}

	fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
		let _context = self.io.enter();
		TokioRuntime.wrap_udp_socket(socket)
	}
}

/// Lets every clone of a connection be dropped whose driver has panicked. The last clone would lock quinn's mutex, so two more
/// clones are never dropped: quinn does not count the first.
pub fn leak(connection: &quinn::Connection) {
	std::mem::forget([connection.clone(), connection.clone()]);
}

#[cfg(test)]
mod tests {
	use std::sync::atomic::AtomicUsize;
	use std::task::Wake;

	use super::super::inlet::Inlet;
	use super::*;

	struct Counting(AtomicUsize);

	impl Wake for Counting {
		fn wake(self: Arc<Self>) {
			self.0.fetch_add(1, Ordering::Relaxed);
		}
	}

	/// A driver whose future counts its polls and keeps its waker, as quinn's does.
	fn driver(polls: &Arc<AtomicUsize>, kept: &Arc<Mutex<Option<Waker>>>) -> (Driver, Arc<Counting>) {
		let (polls, kept) = (polls.clone(), kept.clone());
		let driver = Driver::new(Box::pin(poll_fn(move |cx| {
			polls.fetch_add(1, Ordering::Relaxed);
			*lock(&kept) = Some(cx.waker().clone());
			Poll::Pending
		})));
		let task = Arc::new(Counting(AtomicUsize::new(0)));
		assert!(driver.poll_task(&mut Context::from_waker(&Waker::from(task.clone()))).is_pending());
		(driver, task)
	}

	#[test]
	fn inline_work_is_done_in_place_and_wakes_nobody() {
		let (polls, kept) = (Arc::default(), Arc::default());
		let (driver, task) = driver(&polls, &kept);
		assert!(driver.run_inline(|| lock(&kept).take().unwrap().wake()));
		assert_eq!((polls.load(Ordering::Relaxed), task.0.load(Ordering::Relaxed)), (2, 0));
		lock(&kept).take().unwrap().wake();
		assert_eq!(task.0.load(Ordering::Relaxed), 1);
	}

	struct Socket {
		crowded: bool,
		inlet: Inlet,
	}

	impl Reader for Socket {
		fn is_crowded(&self) -> bool {
			self.crowded
		}

		fn inlet(&self) -> &Inlet {
			&self.inlet
		}
	}

	/// How often a driver of an endpoint runs in its turn that has something to do `times`, and how often it is woken for a further turn.
	fn runs_of_endpoint(crowded: bool, times: usize) -> (usize, usize) {
		let polls = Arc::new(AtomicUsize::new(0));
		let counting = polls.clone();
		let driver = Driver::new(Box::pin(poll_fn(move |cx| {
			if counting.fetch_add(1, Ordering::Relaxed) + 1 < times {
				cx.waker().wake_by_ref();
			}
			Poll::Pending
		})));
		let socket: Arc<dyn Reader> = Arc::new(Socket { crowded, inlet: Inlet::new(0) });
		driver.set_reader(Arc::downgrade(&socket));
		let task = Arc::new(Counting(AtomicUsize::new(0)));
		assert!(driver.poll_task(&mut Context::from_waker(&Waker::from(task.clone()))).is_pending());
		(polls.load(Ordering::Relaxed), task.0.load(Ordering::Relaxed))
	}

	#[test]
	fn an_endpoint_to_which_many_send_reads_several_times_in_its_turn() {
		assert_eq!(runs_of_endpoint(false, 5), (1, 1));
		assert_eq!(runs_of_endpoint(true, 1), (1, 0));
		assert_eq!(runs_of_endpoint(true, 5), (5, 0));
		assert_eq!(runs_of_endpoint(true, 100), (CROWDED_RUNS as usize, 1));
	}

	#[test]
	fn a_busy_driver_is_left_alone() {
		let (polls, kept) = (Arc::default(), Arc::default());
		let (driver, task) = driver(&polls, &kept);
		let busy = driver.future.lock().unwrap();
		assert!(!driver.run_inline(|| panic!("nothing may be written")));
		drop(busy);
		lock(&kept).take().unwrap().wake();
		assert_eq!((polls.load(Ordering::Relaxed), task.0.load(Ordering::Relaxed)), (1, 1));
	}

	#[test]
	fn a_driver_that_ends_inline_lets_its_task_end() {
		let driver = Driver::new(Box::pin(async {}));
		let task = Arc::new(Counting(AtomicUsize::new(0)));
		driver.gate.set_task(&Waker::from(task.clone()));
		assert!(driver.run_inline(|| {}));
		assert_eq!(task.0.load(Ordering::Relaxed), 1);
		assert!(driver.poll_task(&mut Context::from_waker(&Waker::from(task))).is_ready());
	}

	/// Panics when it is dropped.
	struct Grudge;

	impl Drop for Grudge {
		fn drop(&mut self) {
			if !std::thread::panicking() {
				panic!("dropped");
			}
		}
	}

	#[test]
	fn every_end_of_a_driver_is_told() {
		let ends: [(Task, DriverEnd); 4] = [
			(Box::pin(async {}), DriverEnd::Returned),
			(Box::pin(async { panic!("as quinn might") }), DriverEnd::Panicked),
			(Box::pin(poll_fn(|_| panic!("as quinn might"))), DriverEnd::Panicked),
			(
				{
					let grudge = Grudge;
					Box::pin(poll_fn(move |_| {
						let _kept = &grudge;
						Poll::Ready(())
					}))
				},
				DriverEnd::Returned,
			),
		];
		for (future, end) in ends {
			let driver = Driver::new(future);
			assert_eq!(driver.end(), None);
			driver.run();
			assert_eq!(driver.end(), Some(end));
			assert!(driver.poll_task(&mut Context::from_waker(Waker::noop())).is_ready());
		}
	}

	#[test]
	fn a_panic_on_the_js_thread_ends_the_driver_and_lets_its_task_end() {
		let driver = Driver::new(Box::pin(async { panic!("as quinn might") }));
		let task = Arc::new(Counting(AtomicUsize::new(0)));
		driver.gate.set_task(&Waker::from(task.clone()));
		assert!(driver.run_inline(|| {}));
		assert_eq!((driver.end(), task.0.load(Ordering::Relaxed)), (Some(DriverEnd::Panicked), 1));
	}

	/// A socket that panics when it is used, once it is armed: quinn holds the connection's mutex then.
	#[derive(Debug)]
	struct Mine {
		inner: Arc<dyn AsyncUdpSocket>,
		armed: AtomicBool,
	}

	impl AsyncUdpSocket for Mine {
		fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn quinn::UdpPoller>> {
			self.inner.clone().create_io_poller()
		}

		fn try_send(&self, transmit: &quinn::udp::Transmit) -> io::Result<()> {
			assert!(!self.armed.swap(false, Ordering::Relaxed), "as quinn might");
			self.inner.try_send(transmit)
		}

		fn poll_recv(
			&self,
			cx: &mut Context,
			bufs: &mut [io::IoSliceMut<'_>],
			meta: &mut [quinn::udp::RecvMeta],
		) -> Poll<io::Result<usize>> {
			self.inner.poll_recv(cx, bufs, meta)
		}

		fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
			self.inner.local_addr()
		}
	}

	#[test]
	fn a_panic_in_one_connection_of_an_endpoint_is_told_and_leaves_the_others_alone() {
		let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
		tokio.block_on(async {
			let runtime = Arc::new(SharedRuntime { io: Handle::current() });
			let (client_config, server_config) = crate::tls::tests::configs();
			let endpoint = |server, socket| {
				quinn::Endpoint::new_with_abstract_socket(quinn::EndpointConfig::default(), server, socket, runtime.clone()).unwrap()
			};
			let bind = || runtime.wrap_udp_socket(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
			let server = endpoint(Some(server_config), bind());
			let mine = Arc::new(Mine { inner: bind(), armed: AtomicBool::new(false) });
			let client = endpoint(None, mine.clone());
			let dial = async || {
				let (connecting, driver) =
					capture(|| client.connect_with(client_config.clone(), server.local_addr().unwrap(), "localhost").unwrap());
				let (dialled, accepted) = tokio::join!(connecting, async { server.accept().await.unwrap().await });
				(dialled.unwrap(), accepted.unwrap(), driver.unwrap())
			};
			let (first, _first, first_driver) = dial().await;
			let (second, second_accepted, second_driver) = dial().await;
			let kept = first.clone(); // as `Connection` does
			mine.armed.store(true, Ordering::Relaxed);
			first.send_datagram(bytes::Bytes::from_static(b"x")).unwrap();
			assert_eq!(first_driver.ended().await, DriverEnd::Panicked);
			assert!(first_driver.has_panicked());
			leak(&kept);
			drop((first, kept));

			second.send_datagram(bytes::Bytes::from_static(b"y")).unwrap();
			assert_eq!(&second_accepted.read_datagram().await.unwrap()[..], b"y");
			assert_eq!(second_driver.end(), None);
			let (third, _third, third_driver) = dial().await;
			third.close(quinn::VarInt::from_u32(7), b"");
			assert_eq!(third_driver.ended().await, DriverEnd::Returned);
		});
	}
}

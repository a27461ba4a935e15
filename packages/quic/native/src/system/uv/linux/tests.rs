//! The event loop is played here. What is read is not looked at: only who reads.

use std::ptr::null_mut;

use super::*;
use crate::system::socket;

thread_local! {
	static WATCHES: RefCell<Option<Watches<Socket>>> = const { RefCell::new(None) };
	/// How often watching was begun, and ended.
	static WATCHED: RefCell<(u32, u32)> = const { RefCell::new((0, 0)) };
}

struct Socket {
	crowded: bool,
}

impl Watched for Socket {
	fn handle(&self) -> u32 {
		7
	}

	fn socket(&self) -> Option<(UdpSocket, Mute)> {
		let bind = || UdpSocket::bind("127.0.0.1:0").ok();
		let (_, mute) = socket::wrap(bind()?).ok()?;
		Some((bind()?, mute))
	}

	fn receive_inline(&self) {}

	fn is_crowded(&self) -> bool {
		self.crowded
	}

	fn watches() -> &'static LocalKey<RefCell<Option<Watches<Self>>>> {
		&WATCHES
	}
}

unsafe extern "C" fn handle_size(_: c_int) -> usize {
	64
}
unsafe extern "C" fn poll_init(_: Loop, _: Handle, _: c_int) -> c_int {
	0
}
unsafe extern "C" fn poll_start(_: Handle, _: c_int, _: OnPoll) -> c_int {
	WATCHED.with_borrow_mut(|(begun, _)| *begun += 1);
	0
}
unsafe extern "C" fn poll_stop(_: Handle) -> c_int {
	WATCHED.with_borrow_mut(|(_, ended)| *ended += 1);
	0
}
unsafe extern "C" fn init(_: Loop, _: Handle) -> c_int {
	0
}
unsafe extern "C" fn start_rounds(_: Handle, _: OnRound) -> c_int {
	0
}
unsafe extern "C" fn stop_rounds(_: Handle) -> c_int {
	0
}
unsafe extern "C" fn unref(_: Handle) {}
unsafe extern "C" fn close(handle: Handle, closed: OnRound) {
	closed(handle);
}
unsafe extern "C" fn version() -> c_uint {
	1 << 16
}

fn event_loop() -> Watches<Socket> {
	let uv = Uv {
		handle_size,
		poll_init,
		poll_start,
		poll_stop,
		prepare_init: init,
		prepare_start: start_rounds,
		prepare_stop: stop_rounds,
		check_init: init,
		check_start: start_rounds,
		check_stop: stop_rounds,
		unref,
		close,
		version,
	};
	let (prepare, check) = (uv.allocate(UV_PREPARE).unwrap(), uv.allocate(UV_CHECK).unwrap());
	Watches { uv, event_loop: null_mut(), prepare, check, active: Few::default(), watched: HashMap::new() }
}

/// The JS thread has sent something at that time. Returns whether it watches the socket now.
fn sends(endpoint: &Arc<Socket>, now: Instant) -> bool {
	with::<Socket>(|watches| watches.watch(endpoint, now));
	is_watched(endpoint)
}

fn is_watched(endpoint: &Arc<Socket>) -> bool {
	WATCHES.with_borrow(|watches| watches.as_ref().unwrap().watched[&endpoint.handle()].active)
}

/// So many packets come that nobody expected.
fn packets_come(endpoint: &Arc<Socket>, count: u32) {
	let handle = WATCHES.with_borrow(|watches| watches.as_ref().unwrap().watched[&endpoint.handle()].handle);
	for _ in 0..count {
		on_readable::<Socket>(handle, 0, UV_READABLE);
	}
}

/// Runs `act` with an endpoint whose socket the event loop may watch.
fn with_endpoint(crowded: bool, act: impl FnOnce(&Arc<Socket>)) {
	let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
	let _context = runtime.enter();
	WATCHES.set(Some(event_loop()));
	WATCHED.set((0, 0));
	act(&Arc::new(Socket { crowded }));
	stop::<Socket>();
	let (begun, ended) = WATCHED.take();
	assert!(begun - ended <= 1, "{begun} {ended}");
}

#[test]
fn a_crowded_socket_is_left_to_the_io_thread_once_packets_come_that_nobody_expected() {
	with_endpoint(true, |endpoint| {
		let before = Instant::now();
		assert!(sends(endpoint, before));
		packets_come(endpoint, UNEXPECTED);
		assert!(is_watched(endpoint), "these may be answers");
		packets_come(endpoint, 1);
		assert!(!is_watched(endpoint));
		for _ in 0..100 {
			assert!(!sends(endpoint, before), "however much it sends");
		}
		let later = Instant::now() + LEFT_ALONE;
		assert!(sends(endpoint, later), "and only for a while");
		assert!(sends(endpoint, before), "it is not left alone any more");
	});
}

#[test]
fn a_socket_with_few_who_send_is_taken_back_with_the_next_message() {
	with_endpoint(false, |endpoint| {
		let now = Instant::now();
		for _ in 0..3 {
			assert!(sends(endpoint, now));
			packets_come(endpoint, UNEXPECTED + 1);
			assert!(!is_watched(endpoint));
		}
	});
}

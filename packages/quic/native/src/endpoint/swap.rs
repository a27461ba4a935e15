//! How an endpoint gets another socket.

use std::sync::Arc;

use crate::io::{Driver, Tap};

use super::endpoint::Endpoint;

impl Endpoint {
	/// See [`swap_socket`]. `drive` runs the drivers of all connections of this endpoint once.
	pub fn swap_socket<T>(&self, drive: impl FnOnce(), swap: impl FnOnce() -> T) -> T {
		swap_socket(self.port.tap(), self.port.driver(), drive, swap)
	}
}

/// Runs `swap`, which gives quinn another socket, while nothing is read from the present one and every connection has taken in
/// what was read before. `drive` runs the drivers of those connections.
///
/// A connection that gets its new socket together with the packet that ends it tells the endpoint first that it is gone, and then
/// of a new reset token. quinn-proto 0.11 panics at the second, and the panic ends the process.
fn swap_socket<T>(tap: Option<Arc<Tap>>, endpoint: Option<&Driver>, drive: impl FnOnce(), swap: impl FnOnce() -> T) -> T {
	let run = || endpoint.map(Driver::run);
	if let Some(tap) = &tap {
		tap.set_deaf(true);
	}
	run(); // waits for a read that another thread has begun
	drive();
	let swapped = swap();
	if let Some(tap) = &tap {
		tap.set_deaf(false); // quinn reads what still comes there
	}
	run();
	swapped
}

#[cfg(test)]
mod tests {
	use std::net::{SocketAddr, UdpSocket};
	use std::sync::mpsc;
	use std::time::Duration;

	use quinn::AsyncUdpSocket;
	use tokio::runtime::{Builder, Handle, Runtime as Tokio};

	use super::super::restart::restartable;
	use super::*;
	use crate::io::{capture, Inlet, SharedRuntime, Unplugged};
	use crate::system::socket::eagerly;
	use crate::tls::tests::configs;

	fn tokio() -> Tokio {
		Builder::new_current_thread().enable_all().build().unwrap()
	}

	/// Answers stateless resets like an endpoint that has forgotten all its connections: it has the keys of one before it.
	fn endpoint_config() -> quinn::EndpointConfig {
		restartable(&[7; 32]).unwrap()
	}

	/// A server in a thread of its own, which is replaced by one that knows nothing when told to.
	fn server() -> (SocketAddr, mpsc::Sender<()>, mpsc::Receiver<()>) {
		let (address_to, address) = mpsc::channel();
		let (forget, forgotten) = mpsc::channel::<()>();
		let (done_to, done) = mpsc::channel();
		std::thread::spawn(move || {
			let first = tokio();
			let (_, config) = configs();
			let at = first.block_on(async {
				let endpoint = quinn::Endpoint::new(
					endpoint_config(),
					Some(config),
					UdpSocket::bind("127.0.0.1:0").unwrap(),
					Arc::new(quinn::TokioRuntime),
				)
				.unwrap();
				let at = endpoint.local_addr().unwrap();
				address_to.send(at).unwrap();
				let connection = endpoint.accept().await.unwrap().await.unwrap();
				connection.read_datagram().await.unwrap();
				at
			});
			forgotten.recv().unwrap();
			drop(first); // without a word to anybody
			tokio().block_on(async {
				let (_, config) = configs();
				let socket = UdpSocket::bind(at).unwrap();
				let _endpoint = quinn::Endpoint::new(endpoint_config(), Some(config), socket, Arc::new(quinn::TokioRuntime)).unwrap();
				done_to.send(()).unwrap();
				tokio::time::sleep(Duration::from_secs(2)).await;
			});
		});
		(address.recv().unwrap(), forget, done)
	}

	/// A client whose connection is ended by a stateless reset that waits in the socket while `swap` is given another one. Returns
	/// whether the endpoint lives on.
	fn lives_after(swap: impl FnOnce(&quinn::Endpoint, &Arc<Tap>, &Driver, &Driver)) -> bool {
		let (at, forget, done) = server();
		let runtime = tokio();
		runtime.block_on(async {
			let shared = Arc::new(SharedRuntime { io: Handle::current() });
			let (tap, _released) =
				Tap::new(UdpSocket::bind("127.0.0.1:0").unwrap(), Arc::new(Box::new(|_, _: &[u8]| ())), Arc::new(Inlet::new(0))).unwrap();
			let made = || quinn::Endpoint::new_with_abstract_socket(quinn::EndpointConfig::default(), None, tap.clone(), shared.clone());
			let (client, endpoint_driver) = capture(made);
			let (client, endpoint_driver) = (client.unwrap(), endpoint_driver.unwrap());
			let (client_config, _) = configs();
			let (connecting, driver) = capture(|| client.connect_with(client_config, at, "localhost").unwrap());
			let connection = connecting.await.unwrap();
			let driver = driver.unwrap();
			// Until the peer's further connection ids are here.
			tokio::time::sleep(Duration::from_millis(100)).await;
			connection.send_datagram(vec![1; 500].into()).unwrap();
			tokio::time::sleep(Duration::from_millis(100)).await;
			forget.send(()).unwrap();
			done.recv().unwrap();
			connection.send_datagram(vec![1; 500].into()).unwrap();
			driver.run();
			std::thread::sleep(Duration::from_millis(200)); // the reset has come, and nobody has read it
			swap(&client, &tap, &endpoint_driver, &driver);
			driver.run();
			endpoint_driver.run();
			assert_eq!(connection.close_reason(), Some(quinn::ConnectionError::Reset), "the packet came");
			!endpoint_driver.has_panicked()
		})
	}

	fn unplug(client: &quinn::Endpoint) {
		let local_addr = client.local_addr().unwrap();
		client.rebind_abstract(Arc::new(Unplugged { local_addr })).unwrap();
	}

	/// With `swap` alone, quinn panics, and again while it drops what it has: that ends the process of this test.
	#[test]
	fn an_endpoint_that_gets_another_socket_outlives_a_connection_that_ends_at_that_moment() {
		assert!(lives_after(|client, tap, endpoint, driver| {
			eagerly(|| endpoint.run());
			swap_socket(Some(tap.clone()), Some(endpoint), || driver.run(), || unplug(client));
		}));
	}

	#[test]
	fn a_socket_is_read_again_after_the_swap_and_not_meanwhile() {
		let runtime = tokio();
		let _context = runtime.enter();
		let (tap, _released) =
			Tap::new(UdpSocket::bind("127.0.0.1:0").unwrap(), Arc::new(Box::new(|_, _: &[u8]| ())), Arc::new(Inlet::new(0))).unwrap();
		let reads = |tap: &Tap| {
			let mut bytes = [0; 64];
			let mut meta = [quinn::udp::RecvMeta::default()];
			let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
			eagerly(|| tap.poll_recv(&mut cx, &mut [std::io::IoSliceMut::new(&mut bytes)], &mut meta)).is_ready()
		};
		UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[0x40; 9], tap.local_addr().unwrap()).unwrap();
		std::thread::sleep(Duration::from_millis(20));
		swap_socket(Some(tap.clone()), None, || assert!(!reads(&tap)), || assert!(!reads(&tap)));
		assert!(reads(&tap));
	}
}

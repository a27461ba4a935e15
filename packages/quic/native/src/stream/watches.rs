//! What the event loop of this JS thread watches.

use crate::io;
#[cfg(not(target_os = "linux"))]
use crate::system::uv;

use super::stream::Stream;

/// An endpoint's socket as the JS thread uses it.
pub type Port = io::Port<Stream>;

#[cfg(not(target_os = "linux"))]
impl uv::Watched for Port {}

#[cfg(target_os = "linux")]
mod linux {
	use std::cell::RefCell;
	use std::net::UdpSocket;
	use std::thread::LocalKey;

	use crate::system::socket::Mute;
	use crate::system::uv::{Watched, Watches};

	use super::Port;

	thread_local! {
		static WATCHES: RefCell<Option<Watches<Port>>> = const { RefCell::new(None) };
	}

	impl Watched for Port {
		fn handle(&self) -> u32 {
			self.handle()
		}

		fn socket(&self) -> Option<(UdpSocket, Mute)> {
			self.socket()
		}

		fn is_crowded(&self) -> bool {
			self.is_crowded()
		}

		fn receive_inline(&self) {
			self.receive_inline();
		}

		fn watches() -> &'static LocalKey<RefCell<Option<Watches<Self>>>> {
			&WATCHES
		}
	}
}

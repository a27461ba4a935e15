//! How a publisher hears how far its members are, as in `bench/roles/acks.ts`: a TCP connection that carries nothing else.

use std::net::SocketAddr;
use std::time::Duration;

use futures::channel::mpsc;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::Outcome;

/// Silence after which members count as dead.
const SILENCE: Duration = Duration::from_secs(15);

/// The members' end: the port, and where to put how many messages all of them have. Each publisher that dials takes the place of the one before.
pub async fn listen() -> Outcome<(u16, mpsc::UnboundedSender<u32>)> {
	let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
	let port = listener.local_addr()?.port();
	let (tell, mut told) = mpsc::unbounded::<u32>();
	tokio::spawn(async move {
		let mut socket: Option<TcpStream> = None;
		loop {
			tokio::select! {
				accepted = listener.accept() => if let Ok((fresh, _)) = accepted {
					let _ = fresh.set_nodelay(true);
					socket = Some(fresh);
				},
				messages = told.next() => match (messages, &mut socket) {
					(Some(messages), Some(socket)) => { let _ = socket.write_all(&messages.to_be_bytes()).await; }
					(Some(_), None) => {}
					(None, _) => return,
				},
			}
		}
	});
	Ok((port, tell))
}

/// The publisher's end, for one round.
pub struct Watch(watch::Receiver<u32>);

impl Watch {
	pub async fn connect(port: u16) -> Outcome<Self> {
		let mut socket = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
		let (tell, told) = watch::channel(0);
		tokio::spawn(async move {
			let mut bytes = [0; 4];
			while socket.read_exact(&mut bytes).await.is_ok() && tell.broadcast(u32::from_be_bytes(bytes)).is_ok() {}
		});
		Ok(Self(told))
	}

	/// Waits until all members have that many.
	pub async fn up_to(&mut self, messages: u64) -> Outcome<()> {
		while u64::from(*self.0.borrow()) < messages {
			let news = tokio::time::timeout(SILENCE, self.0.recv()).await;
			if !matches!(news, Ok(Some(_))) {
				return Err(format!("no acknowledgement: all members have {} of {messages} messages", *self.0.borrow()).into());
			}
		}
		Ok(())
	}
}

//! The server: it serves until its standard input ends.

use std::io::Read;
use std::process::exit;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use quinn::{RecvStream, SendStream};

use crate::frames::{size_of_message, Deframer, ECHO, SINK, STALL};
use crate::settings::{Outcome, Settings};

pub async fn serve(settings: &Settings) -> Outcome<()> {
	let endpoint = settings.listening()?;
	println!("{{\"port\":{}}}", endpoint.local_addr()?.port());
	// The parent holds our standard input open; its end is the order to leave, however the parent ended.
	std::thread::spawn(|| {
		let _ = std::io::stdin().read_to_end(&mut Vec::new());
		exit(0);
	});
	while let Some(incoming) = endpoint.accept().await {
		tokio::spawn(async move {
			if let Ok(connection) = incoming.await {
				while let Ok((send, receive)) = connection.accept_bi().await {
					tokio::spawn(async move {
						let _ = answer(send, receive).await;
					});
				}
			}
		});
	}
	Ok(())
}

async fn answer(mut send: SendStream, mut receive: RecvStream) -> Outcome<()> {
	let mut head = [0; 5];
	receive.read_exact(&mut head).await?;
	match head[0] {
		SINK => {
			let (figures, elapsed) = drain(&mut receive).await?;
			let mut reply = BytesMut::with_capacity(24);
			reply.put_u64(figures.bytes);
			reply.put_u64(figures.messages);
			reply.put_u64(elapsed.as_nanos() as u64);
			send.write_all(&reply).await?;
			send.finish()?;
			send.stopped().await?;
		}
		ECHO => {
			let mut chunk = vec![0; 4 + size_of_message(&head)];
			while receive.read_exact(&mut chunk).await.is_ok() {
				send.write_all(&chunk).await?;
			}
			send.finish()?;
		}
		STALL => {
			// Never reads: dropping `receive` would stop the sender instead of stalling it.
			send.stopped().await?;
			drop(receive);
		}
		_ => return Err("unknown mode".into()),
	}
	Ok(())
}

/// Reads to FIN, walking the frames; the clock starts with the first byte.
async fn drain(receive: &mut RecvStream) -> Outcome<(Deframer, Duration)> {
	let mut chunks: [Bytes; 64] = std::array::from_fn(|_| Bytes::new());
	let mut figures = Deframer::default();
	let mut started = None;
	while let Some(count) = receive.read_chunks(&mut chunks).await? {
		started.get_or_insert_with(Instant::now);
		for chunk in &chunks[..count] {
			figures.feed(chunk);
		}
	}
	Ok((figures, started.map_or(Duration::ZERO, |at| at.elapsed())))
}

//! The publisher of a broadcast, as `publish` in `bench/roles/broadcasting.ts`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use conec::OutStream;
use futures::SinkExt;
use serde_json::{json, Value};

use crate::acks::Watch;
use crate::members::ACK_EVERY;
use crate::{duration, number, Outcome};

/// How long the coordinator may refuse messages: with this library a member that stops holds up all others, for good.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends for that long, as fast as the window lets it, then waits until all have all. Gives the number of messages.
pub async fn publish(outlet: &mut OutStream, argument: &Value) -> Outcome<Value> {
	let size = number(argument, "size")? as usize;
	let window = number(argument, "window")?;
	let mut acks = Watch::connect(number(argument, "port")? as u16).await?;
	let deadline = Instant::now() + duration(argument, "seconds")?;
	let mut sent = 0u64;
	while Instant::now() < deadline {
		acks.up_to((sent + u64::from(ACK_EVERY)).saturating_sub(window)).await?;
		for _ in 0..ACK_EVERY {
			let mut message = vec![0; size];
			message[..4].copy_from_slice(&(sent as u32).to_le_bytes());
			tokio::time::timeout(PATIENCE, outlet.feed(Bytes::from(message)))
				.await
				.map_err(|_| "the coordinator takes no more messages")??;
			sent += 1;
		}
		tokio::time::timeout(PATIENCE, SinkExt::<Bytes>::flush(outlet)).await.map_err(|_| "the coordinator takes no more messages")??;
	}
	acks.up_to(sent).await?;
	Ok(json!(sent))
}

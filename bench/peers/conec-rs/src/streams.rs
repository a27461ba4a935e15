//! The loads on a stream, both ends. A message says by its first byte what it is, and a payload by its second where it is in the ring.

use std::time::Instant;

use bytes::Bytes;
use conec::{InStream, OutStream};
use futures::prelude::*;
use serde_json::{json, Value};

use crate::{duration, number, percentile, Outcome};

// As in roles/streams.ts.
const PAYLOAD: u8 = 1;
const ECHO: u8 = 2;
const ASK: u8 = 3;
const ANSWER: u8 = 4;

/// Messages are made before they are sent, so many of them, and each says which it is.
fn ring_of(size: usize) -> usize {
	if size > 4_096 {
		16
	} else {
		256
	}
}

fn message(kind: u8, index: usize, size: usize) -> Bytes {
	let mut bytes = vec![0x61; size];
	bytes[0] = kind;
	bytes[1] = index as u8;
	Bytes::from(bytes)
}

/// Counts what comes until it is asked for the count, and sends echoes back.
pub async fn play(mut send: OutStream, mut receive: InStream) {
	let (mut messages, mut bytes, mut wrong, mut started) = (0, 0, 0, Instant::now());
	while let Ok(Some(message)) = receive.try_next().await {
		let reply = match message[0] {
			PAYLOAD => {
				if messages == 0 {
					started = Instant::now();
				}
				wrong += usize::from(message[1] as usize != messages % ring_of(message.len()));
				messages += 1;
				bytes += message.len();
				continue;
			}
			ECHO => message.freeze(),
			_ => {
				let counted = json!({ "messages": messages, "bytes": bytes, "wrong": wrong, "seconds": started.elapsed().as_secs_f64() });
				(messages, bytes, wrong) = (0, 0, 0);
				let mut answer = vec![ANSWER];
				answer.extend_from_slice(counted.to_string().as_bytes());
				Bytes::from(answer)
			}
		};
		if send.send(reply).await.is_err() {
			return;
		}
	}
}

/// Sends for that long, then asks what has come.
pub async fn bulk((send, receive): &mut (OutStream, InStream), argument: &Value) -> Outcome<Value> {
	let size = number(argument, "size")? as usize;
	let ring: Vec<Bytes> = (0..ring_of(size)).map(|index| message(PAYLOAD, index, size)).collect();
	let burst = (16_384 / size).max(1);
	let deadline = Instant::now() + duration(argument, "seconds")?;
	let mut sent = 0;
	while Instant::now() < deadline {
		for _ in 0..burst {
			send.feed(ring[sent % ring.len()].clone()).await?;
			sent += 1;
		}
	}
	send.send(Bytes::from_static(&[ASK])).await?;
	let reply = receive.try_next().await?.ok_or("the stream ended without a count")?;
	let mut counted: Value = serde_json::from_slice(&reply[1..])?;
	counted["sent"] = json!(sent);
	Ok(counted)
}

/// One message there and back at a time. Microseconds.
pub async fn round_trips((send, receive): &mut (OutStream, InStream), argument: &Value) -> Outcome<Value> {
	let message = message(ECHO, 0, number(argument, "size")? as usize);
	let deadline = Instant::now() + duration(argument, "seconds")?;
	let mut micros = Vec::new();
	while Instant::now() < deadline {
		let started = Instant::now();
		send.send(message.clone()).await?;
		receive.try_next().await?.ok_or("the stream ended without an echo")?;
		micros.push(started.elapsed().as_secs_f64() * 1e6);
	}
	Ok(json!({ "count": micros.len(), "p50": percentile(&mut micros, 0.5), "p99": percentile(&mut micros, 0.99) }))
}

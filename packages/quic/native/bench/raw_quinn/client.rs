//! The client, and what it measures in each mode.

use std::io::Read;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use quinn::{Connection, RecvStream, SendStream, VarInt};

use crate::frames::{frame_of, ECHO, SINK, STALL};
use crate::settings::{Outcome, Settings};

/// Small messages are packed up to this size before quinn sees them, as the addon does.
const PACK_BYTES: usize = 64 * 1024;

pub async fn bulk(settings: &Settings) -> Outcome<()> {
	let connection = settings.dial().await?;
	let (mut send, mut receive) = open(&connection, SINK, settings.size).await?;
	let frame = frame_of(settings.size);
	let packed: Bytes = frame.repeat((PACK_BYTES / frame.len()).max(1)).into();
	let mut sent = 0;
	let deadline = Instant::now() + settings.duration;
	while Instant::now() < deadline {
		if frame.len() < PACK_BYTES / 2 {
			// One copy per message, as any program pays that makes its messages one by one.
			let mut batch = BytesMut::with_capacity(packed.len());
			while batch.len() + frame.len() <= packed.len() {
				batch.extend_from_slice(&frame);
			}
			send.write_chunk(batch.freeze()).await?;
		} else {
			send.write_chunk(packed.clone()).await?;
		}
		sent += packed.len() / frame.len();
	}
	send.finish()?;
	let mut reply = [0; 24];
	receive.read_exact(&mut reply).await?;
	let word = |at: usize| u64::from_be_bytes(reply[at..at + 8].try_into().expect("eight bytes"));
	let (bytes, messages, nanos) = (word(0), word(8), word(16));
	let (seconds, cpu) = (nanos as f64 / 1e9, cpu_seconds());
	println!("{{\"sent\":{sent},\"bytes\":{bytes},\"messages\":{messages},\"seconds\":{seconds},\"cpuSeconds\":{cpu}}}");
	leave(connection).await;
	Ok(())
}

pub async fn rtt(settings: &Settings) -> Outcome<()> {
	let connection = settings.dial().await?;
	let (mut send, mut receive) = open(&connection, ECHO, settings.size).await?;
	let frame = frame_of(settings.size);
	let mut echo = vec![0; frame.len()];
	let mut micros = Vec::new();
	let deadline = Instant::now() + settings.duration;
	while Instant::now() < deadline {
		let started = Instant::now();
		send.write_all(&frame).await?;
		receive.read_exact(&mut echo).await?;
		micros.push(started.elapsed().as_nanos() as f64 / 1e3);
	}
	print_percentiles(&mut micros, "Us", settings.duration.as_secs_f64());
	leave(connection).await;
	Ok(())
}

/// A new socket, a handshake, and one message each way: what a `hello` and its `welcome` cost at the least.
pub async fn connect(settings: &Settings) -> Outcome<()> {
	let mut millis = Vec::new();
	let all = Instant::now();
	for _ in 0..settings.count {
		let started = Instant::now();
		let connection = settings.dial().await?;
		let (mut send, mut receive) = open(&connection, ECHO, settings.size).await?;
		let frame = frame_of(settings.size);
		send.write_all(&frame).await?;
		receive.read_exact(&mut vec![0; frame.len()]).await?;
		millis.push(started.elapsed().as_nanos() as f64 / 1e6);
		leave(connection).await;
	}
	print_percentiles(&mut millis, "Ms", all.elapsed().as_secs_f64());
	Ok(())
}

/// Many connections from one socket, each with one stream that has had one message each way. They stay until standard input ends. The keep-alive is theirs.
pub async fn idle(settings: &Settings) -> Outcome<()> {
	let endpoint = settings.endpoint()?;
	let frame = frame_of(settings.size);
	let mut held = Vec::new();
	for _ in 0..settings.count {
		let connection = settings.dial_on(&endpoint).await?;
		let (mut send, mut receive) = open(&connection, ECHO, settings.size).await?;
		send.write_all(&frame).await?;
		receive.read_exact(&mut vec![0; frame.len()]).await?;
		held.push((connection, send, receive));
	}
	println!("{{\"idle\":{}}}", held.len());
	tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
	Ok(())
}

/// Writes to a peer that never reads, until nothing has been taken for half a second.
pub async fn paused(settings: &Settings) -> Outcome<()> {
	let connection = settings.dial().await?;
	let (mut send, _receive) = open(&connection, STALL, settings.size).await?;
	let frame = frame_of(settings.size);
	let mut bytes = 0;
	while let Ok(written) = tokio::time::timeout(Duration::from_millis(500), send.write(&frame)).await {
		bytes += written?;
	}
	println!("{{\"bytes\":{bytes}}}");
	leave(connection).await;
	Ok(())
}

async fn open(connection: &Connection, mode: u8, size: usize) -> Outcome<(SendStream, RecvStream)> {
	let (mut send, receive) = connection.open_bi().await?;
	let mut head = [0; 5];
	head[0] = mode;
	head[1..].copy_from_slice(&(size as u32).to_be_bytes());
	send.write_all(&head).await?;
	Ok((send, receive))
}

async fn leave(connection: Connection) {
	connection.close(VarInt::from_u32(0), b"done");
	// One pass of the driver, so that the close frame leaves before the endpoint is dropped.
	tokio::time::sleep(Duration::from_millis(1)).await;
}

fn print_percentiles(samples: &mut [f64], unit: &str, seconds: f64) {
	samples.sort_by(f64::total_cmp);
	let at = |share: f64| samples[((samples.len() - 1) as f64 * share).round() as usize];
	let (count, p50, p99, cpu) = (samples.len(), at(0.5), at(0.99), cpu_seconds());
	println!("{{\"count\":{count},\"p50{unit}\":{p50},\"p99{unit}\":{p99},\"seconds\":{seconds},\"cpuSeconds\":{cpu}}}");
}

/// CPU seconds of this process so far, user and system; 0 where there is no /proc.
fn cpu_seconds() -> f64 {
	let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
	// Fields 14 and 15 of proc(5), in ticks of 10 ms. The name, the second, may hold spaces and brackets.
	let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
	fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

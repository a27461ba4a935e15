//! The reference of the benchmark: what quinn alone does on this machine, with no addon and no JavaScript. No installation builds
//! it, and nothing of the addon uses it.
//!
//! `raw_quinn server --cert F --key F [--host A] [windows]` prints `{"port":N}` and serves until its standard input ends.
//! `raw_quinn client MODE --port N --cert F --key F [--host A] [--seconds S] [--size N] [--count N] [windows]` prints one JSON line.
//! The host is the server's IPv4 address; 127.0.0.1 unless it is given.
//!
//! The client names its mode in the first five bytes of a stream (mode, then message size). Frames are those of
//! `@conec/quic`: four bytes `kind << 24 | length`, big endian, then the payload. Rates are taken at the receiver,
//! from the first byte to FIN. Mutual TLS with a proof of possession on both sides and no further check, as with a pin.

// The result on standard output is what this program is for.
#![allow(clippy::print_stdout)]

mod client;
mod frames;
mod server;
mod settings;
mod verifier;

use std::process::exit;

use settings::{Outcome, Settings};

fn main() {
	let arguments: Vec<String> = std::env::args().skip(1).collect();
	let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
	if let Err(error) = runtime.block_on(run(&arguments)) {
		eprintln!("raw_quinn: {error}");
		exit(1);
	}
}

async fn run(arguments: &[String]) -> Outcome<()> {
	let settings = Settings::parse(arguments)?;
	match arguments.first().map(String::as_str) {
		Some("server") => server::serve(&settings).await,
		Some("client") => match arguments.get(1).map(String::as_str) {
			Some("bulk") => client::bulk(&settings).await,
			Some("rtt") => client::rtt(&settings).await,
			Some("connect") => client::connect(&settings).await,
			Some("paused") => client::paused(&settings).await,
			Some("idle") => client::idle(&settings).await,
			_ => Err("expected a mode: bulk, rtt, connect, paused or idle".into()),
		},
		_ => Err("expected a role: server or client".into()),
	}
}

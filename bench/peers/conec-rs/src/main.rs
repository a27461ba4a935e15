//! The original `conec` 0.2.0 as a peer of the benchmark: a coordinator, a sender, a receiver, or members of a broadcast.
//!
//! A call is one line of JSON on standard input, its answer one line on standard output, before and after a measurement only.
//! Standard input that ends is the order to leave.

// The answers on standard output are what this program is for.
#![allow(clippy::print_stdout)]

mod acks;
mod members;
mod publish;
mod role;
mod streams;

use std::io::{BufRead, Write};
use std::sync::Arc;

use futures::lock::Mutex;
use futures::StreamExt;
use serde_json::{json, Value};

/// Anything that goes wrong is an answer, too.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() {
	let mut runtime = tokio::runtime::Builder::new().threaded_scheduler().enable_all().build().expect("a runtime");
	let (lines, mut calls) = futures::channel::mpsc::unbounded::<String>();
	std::thread::spawn(move || {
		for line in std::io::stdin().lock().lines().map_while(Result::ok) {
			let _ = lines.unbounded_send(line);
		}
		std::process::exit(0);
	});
	runtime.block_on(async move {
		let role = Arc::new(Mutex::new(role::Role::default()));
		while let Some(line) = calls.next().await {
			let role = role.clone();
			// A task of its own: what it awaits runs on the threads of the scheduler, as a program's would.
			tokio::spawn(async move { answer(&role, &line).await });
		}
	});
}

async fn answer(role: &Mutex<role::Role>, line: &str) {
	let call: Value = serde_json::from_str(line).expect("a call");
	let outcome = role.lock().await.call(call["method"].as_str().unwrap_or_default(), &call["argument"]).await;
	let reply = match outcome {
		Ok(result) => json!({ "id": call["id"], "result": result }),
		Err(error) => json!({ "id": call["id"], "error": error.to_string() }),
	};
	let mut out = std::io::stdout();
	let _ = writeln!(out, "{reply}").and_then(|()| out.flush());
}

/// A text of the argument.
pub fn text<'a>(argument: &'a Value, name: &str) -> Outcome<&'a str> {
	argument[name].as_str().ok_or_else(|| format!("{name} is missing").into())
}

/// A whole number of the argument.
pub fn number(argument: &Value, name: &str) -> Outcome<u64> {
	argument[name].as_u64().ok_or_else(|| format!("{name} is missing").into())
}

/// A duration of the argument, which is in seconds.
pub fn duration(argument: &Value, name: &str) -> Outcome<std::time::Duration> {
	let seconds = argument[name].as_f64().ok_or_else(|| format!("{name} is missing"))?;
	Ok(std::time::Duration::from_secs_f64(seconds))
}

/// The sample at that share of all, nearest rank.
pub fn percentile(samples: &mut [f64], share: f64) -> f64 {
	samples.sort_by(f64::total_cmp);
	samples.get(((samples.len().max(1) - 1) as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

//! The numbers and names that Rust and TypeScript share. `packages/quic/src/constants.test.ts` compares them.

use std::collections::HashMap;

use napi_derive::napi;

use crate::connection::{DialRefusal, Layer};
use crate::endpoint::{Retry, ADDRESS_BYTES};
use crate::error;
use crate::events::{record, BATCH_BYTES, MORE, RECORD_BYTES};
use crate::numbered::Numbers;
use crate::stream::{Lost, PipeEnd, FRAME_COST, HEADER_BYTES, INLINE_BYTES, MAX_PAYLOAD_BYTES};
use crate::tls::Refusal;

use super::connections::{DatagramResult, CONNECTION_STATS};
use super::endpoints::{ENDPOINT_STATS, HELD};
use super::options::{CONGESTION, MAX_HEADER_BYTES};
use super::table::SLOT_BITS;

/// By list. The names are in upper case, as TypeScript writes them.
const NUMBERS: &[(&str, Numbers)] = &[
	("RECORD", record::ALL),
	("LAYER", Layer::ALL),
	("REFUSAL", Refusal::ALL),
	("DIAL_REFUSAL", DialRefusal::ALL),
	("LOST", Lost::ALL),
	("PIPE_END", PipeEnd::ALL),
	("RETRY", Retry::ALL),
	("DATAGRAM_RESULT", DatagramResult::ALL),
	("SIZE", SIZES),
];

const SIZES: Numbers = &[
	("FRAME_COST_BYTES", FRAME_COST as u32),
	("FRAME_HEADER_BYTES", HEADER_BYTES as u32),
	("MAX_FRAME_BYTES", MAX_PAYLOAD_BYTES),
	("MAX_HEADER_BYTES", MAX_HEADER_BYTES),
	("INLINE_BYTES", INLINE_BYTES as u32),
	("BATCH_BYTES", BATCH_BYTES as u32),
	("RECORD_BYTES", RECORD_BYTES as u32),
	("ADDRESS_BYTES", ADDRESS_BYTES as u32),
	("SLOT_BITS", SLOT_BITS),
	("MORE", MORE),
];

/// By list, in an order that matters for the figures.
const NAMES: &[(&str, &[&str])] = &[
	("ERROR_CODES", error::ALL),
	("CONGESTION", &CONGESTION),
	("CONNECTION_STATS", &CONNECTION_STATS),
	("ENDPOINT_STATS", &ENDPOINT_STATS),
	("HELD", &HELD),
];

#[napi(object, object_from_js = false)]
pub struct Constants {
	pub numbers: HashMap<String, HashMap<String, u32>>,
	pub names: HashMap<String, Vec<String>>,
}

/// Everything in this file. Only a test calls it.
#[napi(catch_unwind)]
pub fn constants() -> Constants {
	let list = |numbers: &Numbers| numbers.iter().map(|(name, number)| (upper_case(name), *number)).collect();
	let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
	Constants {
		numbers: NUMBERS.iter().map(|(name, numbers)| (name.to_string(), list(numbers))).collect(),
		names: NAMES.iter().map(|(name, all)| (name.to_string(), names(all))).collect(),
	}
}

/// `NotYetValid` becomes `NOT_YET_VALID`; what is in upper case stays as it is.
fn upper_case(name: &str) -> String {
	let mut out = String::new();
	let mut after_lower = false;
	for letter in name.chars() {
		if letter.is_ascii_uppercase() && after_lower {
			out.push('_');
		}
		after_lower = letter.is_ascii_lowercase();
		out.push(letter.to_ascii_uppercase());
	}
	out
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn names_are_turned_into_upper_case() {
		for (name, upper) in [("Pin", "PIN"), ("NotYetValid", "NOT_YET_VALID"), ("STREAM_IN", "STREAM_IN")] {
			assert_eq!(upper_case(name), upper);
		}
	}
}

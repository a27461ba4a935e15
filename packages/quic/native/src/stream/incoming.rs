//! What comes in on a stream: how it is read, what it may cost, and how it reaches JS.

use bytes::Bytes;
use quinn::VarInt;

use crate::events::{record, Batch, LARGE_BYTES};
use crate::numbered::numbered;

use super::frame::{Limits, Sink, HEADER_BYTES};

/// What a frame costs besides its payload, so that empty ones are bounded too. The wrapper returns the same amount.
pub const FRAME_COST: i64 = 64;

numbered! {
	/// Why a stream broke, as JS reads it.
	#[derive(Clone, Copy)]
	pub enum Lost {
		Connection = 1,
		TooLong = 2,
		Truncated = 3,
	}
}

/// How frames of a stream are read.
#[derive(Clone, Copy)]
pub struct Reading {
	/// `None`: bytes as they come.
	pub limits: Option<Limits>,
	pub credit: i64,
	/// JS is told of the stream ahead of the connection's other streams.
	pub control: bool,
	/// What the peer is told when its framing is wrong.
	pub too_long_code: VarInt,
	pub truncated_code: VarInt,
}

/// What JS allows and asks. A plain value: its stream holds the lock.
#[derive(Default)]
pub struct Incoming {
	/// What may still be delivered.
	pub credit: i64,
	/// The code to stop with, if JS wants no more.
	pub stop: Option<VarInt>,
	/// The reader waits for credit.
	pub waiting: bool,
}

impl Incoming {
	/// Returns whether the reader waits for it.
	pub fn add_credit(&mut self, amount: i64) -> bool {
		self.credit += amount;
		self.credit > 0 && std::mem::replace(&mut self.waiting, false)
	}

	/// The bytes that there is credit for. If JS wants no more, the code to stop with.
	pub fn next_read(&mut self) -> Result<usize, VarInt> {
		self.waiting = self.credit <= 0;
		self.stop.map_or(Ok(self.credit.max(0) as usize), Err)
	}
}

/// Writes frames as records and adds up what they cost.
pub struct Delivery<'a, 'b> {
	pub handle: u32,
	pub batch: &'a mut Batch<'b>,
	pub cost: i64,
	pub frames: usize,
}

impl Delivery<'_, '_> {
	fn count(&mut self, frames: usize, len: usize) {
		self.cost += len as i64 + FRAME_COST * frames as i64;
		self.frames += frames;
	}
}

impl Sink for Delivery<'_, '_> {
	fn whole(&mut self, kind: u8, payload: &[u8]) {
		self.count(1, payload.len());
		self.batch.record(record::FRAME, kind, self.handle, &[payload]);
	}

	fn run(&mut self, frames: &[u8], count: usize) {
		self.count(count, frames.len() - HEADER_BYTES * count);
		self.batch.frames(self.handle, frames, count);
	}

	fn pieces(&mut self, kind: u8, pieces: Vec<Bytes>, len: usize) {
		self.count(1, len);
		if len >= LARGE_BYTES {
			self.batch.large(kind, self.handle, pieces, len);
			return;
		}
		let slices: Vec<&[u8]> = pieces.iter().map(|piece| &piece[..]).collect();
		self.batch.record(record::FRAME, kind, self.handle, &slices);
	}

	fn shared(&mut self, kind: u8, payload: Bytes) {
		let len = payload.len();
		self.count(1, len);
		self.batch.large(kind, self.handle, vec![payload], len);
	}
}

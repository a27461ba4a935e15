//! How many bytes may go now, if so many may go a second and so many at once. Pure.

use std::time::{Duration, Instant};

const MICROS: u64 = 1_000_000;

/// See the module. What is taken beyond it is made up for by waiting.
pub struct Tokens {
	per_second: u64,
	burst: i64,
	level: i64,
	/// Until when tokens have been counted.
	at: Instant,
}

impl Tokens {
	pub fn new(per_second: u64, burst: u64, now: Instant) -> Self {
		let burst = i64::try_from(burst).unwrap_or(i64::MAX).max(1);
		Self { per_second: per_second.max(1), burst, level: burst, at: now }
	}

	/// Counts the tokens that have come.
	pub fn refill(&mut self, now: Instant) {
		let micros = now.saturating_duration_since(self.at).as_micros();
		let come = micros * u128::from(self.per_second) / u128::from(MICROS);
		if come == 0 {
			return;
		}
		let room = self.burst.saturating_sub(self.level).max(0);
		if come >= room as u128 {
			self.level = self.burst;
			self.at = now;
			return;
		}
		self.level += come as i64;
		// What is less than one token counts later.
		self.at += Duration::from_micros((come * u128::from(MICROS)).div_ceil(u128::from(self.per_second)) as u64);
	}

	/// So many bytes go.
	pub fn spend(&mut self, bytes: u64, now: Instant) {
		self.refill(now);
		self.level = self.level.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
	}

	/// How long nothing more may go. `None`: something may go now.
	pub fn lacks(&self) -> Option<Duration> {
		if self.level > 0 {
			return None;
		}
		let bytes = self.level.unsigned_abs() + 1;
		Some(Duration::from_micros((u128::from(bytes) * u128::from(MICROS)).div_ceil(u128::from(self.per_second)) as u64))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn over_time_as_many_bytes_go_as_may_whatever_the_steps() {
		for (per_second, step, pause) in [(1_000_u64, 7_u64, 1_u64), (125_000, 46_000, 900), (10_000_000, 1_400, 13), (3, 1, 5_000_000)] {
			let start = Instant::now();
			let mut tokens = Tokens::new(per_second, per_second, start);
			tokens.spend(per_second, start);
			let mut now = start;
			let mut gone = 0;
			let end = start + Duration::from_secs(20);
			while now < end {
				tokens.refill(now);
				match tokens.lacks() {
					None => {
						tokens.spend(step, now);
						gone += step;
						now += Duration::from_micros(pause.min(step * MICROS / per_second));
					}
					Some(lacks) => now += lacks,
				}
			}
			let wanted = 20 * per_second;
			assert!(gone + per_second / 20 + step >= wanted && gone <= wanted + step + 1, "{gone} of {wanted}");
		}
	}

	#[test]
	fn what_is_not_used_counts_up_to_the_burst() {
		let start = Instant::now();
		let mut tokens = Tokens::new(1_000, 500, start);
		tokens.refill(start + Duration::from_secs(100));
		tokens.spend(500, start + Duration::from_secs(100));
		assert!(tokens.lacks().is_some());
		tokens.spend(500, start + Duration::from_secs(100));
		assert_eq!(tokens.lacks(), Some(Duration::from_millis(501)));
		tokens.refill(start + Duration::from_millis(100_501));
		assert_eq!(tokens.lacks(), None);
	}
}

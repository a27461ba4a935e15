//! What JS is told: kinds of records, and the queue in which they wait to be fetched.

mod lane;
mod lanes;
mod queue;
pub mod record;
#[cfg(test)]
mod tests;

pub use lane::{Batch, Class, RECORD_BYTES};
pub use queue::{u64_halves, Outlet, Queue, Waker, BATCH_BYTES, LARGE_BYTES, MORE};

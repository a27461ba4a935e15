//! What JS is told: kinds of records, and the queue in which they wait to be fetched.

mod queue;
pub mod record;

pub use queue::{u64_halves, Batch, Queue, Waker, BATCH_BYTES, LARGE_BYTES, MORE, RECORD_BYTES};

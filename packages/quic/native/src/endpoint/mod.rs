//! Endpoints: one UDP socket each, and what they let in.

mod admission;
mod connection_ids;
mod endpoint;
mod kept_tokens;
mod raw;
mod reach;
mod restart;
mod swap;
mod terms;
mod used_tokens;

pub use admission::{Admission, Retry, Undecided};
pub use connection_ids::set_connection_ids;
pub use endpoint::{Accepted, Counters, Endpoint, Farewell};
pub use kept_tokens::DialTokens;
pub use raw::{raw_sink, ADDRESS_BYTES};
pub use reach::{Reach, Wide};
pub use restart::{restartable, RESET_INTERVAL};
pub use terms::{Heads, Terms, Windows};
pub use used_tokens::give_tokens;

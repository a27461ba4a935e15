//! TLS 1.3 with certificates on both sides: who may be spoken to, and why somebody may not. JS is not asked during a handshake.

mod config;
mod policy;
mod refusal;
#[cfg(test)]
pub mod tests;

pub use config::{client_config, server_config, Identity};
pub use policy::Trust;
pub use refusal::{Refusal, RefusalSlot, Refused};

//! QUIC connections, from the handshake to the last event.

mod appetite;
mod connection;
mod end;
mod head;

pub use connection::{Connection, Dial, Registry};
pub use end::{DialRefusal, Layer};

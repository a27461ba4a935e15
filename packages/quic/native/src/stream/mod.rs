//! Streams: the two halves, the framing, and the native pipe between two of them.

mod chunk_size;
mod direction;
mod frame;
mod in_hand;
mod incoming;
mod outgoing;
mod parked;
mod pipe;
mod places;
mod reader;
mod stream;
mod tasks;
mod watches;
mod writer;

pub use direction::PipeEnd;
pub use frame::{Limits, HEADER_BYTES, MAX_PAYLOAD_BYTES};
pub use incoming::{Lost, Reading, FRAME_COST};
pub use outgoing::INLINE_BYTES;
pub use parked::Parked;
pub use pipe::pipe;
pub use places::{Place, Places};
pub use stream::{Line, Stream};
pub use watches::Port;

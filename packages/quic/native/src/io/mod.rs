//! How quinn's drivers and sockets are run by two threads: the I/O thread, and the JS thread where that spares a wake-up.

mod clog;
mod commands;
mod driver;
mod fair;
mod flight;
mod gate;
mod gather;
mod inlet;
mod knocks;
mod line;
mod port;
mod reports;
mod room;
mod source;
mod tap;
mod tokens;
mod turns;
mod unsent;
mod window;

pub use commands::{Due, Orders};
pub use driver::{capture, leak, Driver, DriverEnd, SharedRuntime};
pub use flight::{Counting, CountingFactory};
pub use gate::Gate;
pub use gather::wake_when_all_has_come;
pub use inlet::{Inlet, Reader};
pub use knocks::Knocking;
pub use line::Line;
pub use port::{Expecting, Port};
pub use reports::{Loss, Report};
pub use room::{unique, Room, Ticket};
pub use source::{PacedReader, Source};
pub use tap::{bind, RawSink, SocketSizes, Tap, Unplugged, LARGEST_PAYLOAD};
pub use turns::{others_first, Rounds, Turns};
pub use window::SendWindow;

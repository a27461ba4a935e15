//! What the operating system and libuv offer and no safe library does. This is the only room of the crate with `unsafe`, which
//! `lib.rs` denies elsewhere. Each use says why it is sound.

pub mod allocator;
#[cfg(unix)]
mod bell;
pub mod calling;
pub mod error_queue;
#[cfg(target_os = "linux")]
mod few;
pub mod first_hop;
pub mod memory;
#[cfg(unix)]
mod room;
pub mod socket;
pub mod uv;
mod work;

pub use work::worked;

//! What the operating system and libuv offer and no safe library does. The only room of this crate with `unsafe`
//! (`lib.rs` denies it elsewhere); each use says why it is sound.

pub mod allocator;
#[cfg(unix)]
mod bell;
#[cfg(unix)]
mod room;
pub mod socket;
pub mod uv;

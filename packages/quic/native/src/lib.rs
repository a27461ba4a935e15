//! The native half of `@conec/quic`: quinn and rustls behind a small synchronous Node-API surface.
//!
//! Rust holds no policy. Every function returns at once; everything that happens later arrives through `poll`, in
//! order. Bytes are copied on the JS thread in both directions, so nothing that JS owns crosses threads.
//!
//! The rooms, from the top. Each knows only those below it (`scripts/rust-rooms.test.ts` at the root of the repository):
//!
//! - `bridge`: the functions that JS calls, their options, and the table of handles
//! - `connection`: one QUIC connection, from the handshake to its last event
//! - `endpoint`: one UDP socket that dials and listens, and what it lets in
//! - `stream`: one stream with its two halves, the framing, and the native pipe
//! - `io`: how quinn's drivers and sockets are run by two threads
//! - `tls`: whose certificates are trusted
//! - `events`: the queue of what JS is told
//! - `system`: the operating system and libuv, the only room with `unsafe`

#![deny(unsafe_code)]

pub mod bridge;
mod connection;
mod endpoint;
mod error;
mod events;
mod io;
mod lock;
mod numbered;
mod stream;
#[allow(unsafe_code)]
mod system;
mod tls;

#[global_allocator]
static ALLOCATOR: system::allocator::Allocator = system::allocator::Allocator;

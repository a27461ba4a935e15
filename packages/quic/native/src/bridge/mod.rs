//! What JS sees: the functions of the addon, their options, and the table of handles.

pub mod addon;
pub mod connections;
pub mod constants;
pub mod endpoints;
mod environment;
mod options;
pub mod streams;
mod table;

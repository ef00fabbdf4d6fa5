//! Scripts against a fake host.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod arguments;
mod bundled;
mod calls;
mod fan_out;
mod limits;
mod listening;
mod mistakes;
mod people;
mod sandbox;
mod support;
mod tutorial;

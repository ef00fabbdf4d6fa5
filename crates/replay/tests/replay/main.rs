//! Tutorials replayed against a server and a feed that answer as they are told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feeds;
mod requests;
mod support;

//! The sandbox as a client meets it, over plain TCP.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

mod client;
mod faults;
mod hotdesk;
mod nodes;
mod notify;
mod own;
mod rest;
mod states;
mod uiza;
mod world;
mod zap;

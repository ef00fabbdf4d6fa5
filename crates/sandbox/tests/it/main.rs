//! The sandbox as a client meets it, over plain TCP.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod client;
mod faults;
mod hotdesk;
mod nodes;
mod own;
mod rest;
mod states;
mod uiza;
mod world;
mod zap;

//! The binary as a person or a timer starts it, against simulated services that keep their own ledger: what is
//! claimed is compared with what the vendor saw, never with signoff's own counters.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answers;
mod c_plugin;
mod canaries;
mod commands;
mod credentials;
mod failover;
mod feed;
mod first_steps;
mod hostile;
mod main_job;
mod mistakes;
mod people;
mod plugins;
mod replay;
mod resume;
mod scale;
mod scripts;
mod secrets;
mod support;
mod uiza;
mod vendor_scripts;
mod zap;

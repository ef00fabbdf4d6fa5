//! The engine: everything between a workflow and a vendor. It owns all I/O (plugins, HTTP, secrets, limits, the
//! journal) and keeps the promises that a run makes.
//!
//! *Architecture invariants.* It never prints, never exits, and never reads the environment by itself: what it
//! needs from there it is handed. Every effect of a run goes through the journal. A plan is enforced where
//! requests leave, not by each command. `unsafe` lives in the plugin loader alone.

pub mod call;
pub mod checkup;
pub mod clock;
pub mod config;
pub mod credential;
pub mod dispatch;
pub mod engine;
pub mod event;
pub mod feed;
pub mod hexadecimal;
pub mod journal;
pub mod json;
mod operation;
pub mod parameters;
pub mod people;
mod platform;
pub mod plugin;
mod random;
pub mod redact;
pub mod run;
pub mod secret;
pub mod transport;

pub use platform::keep_memory_to_itself;

//! Runs against a scripted Finesse, and now and then a Uiza, and with providers that misbehave: what is promised of intents, outcomes, stopping
//! and reports.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is to fail"
)]

mod endings;
mod feed;
mod misuse;
mod owners;
mod providers;
mod rows;
mod stopping;
mod vendor;
mod world;

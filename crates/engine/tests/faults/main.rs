//! What becomes of each operation when the network or the server fails, at each point where it can: through a run, the
//! linked Finesse provider and a proxy that spoils single requests, against the simulated Finesse and its ledger.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod bytes;
mod matrix;
mod nodes;
mod proxy;
mod reach;
mod uiza;
mod world;
mod zap;

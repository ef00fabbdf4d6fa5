//! Tutorials: steps with requests and expected results, replayed one by one.
//!
//! A front end reads what a person would follow by hand (a lab text) into one model, [`tutorial`]; one runner replays it;
//! reporters read its events. Reading sends nothing and knows no network: a text is first understood as a whole, and what
//! was not understood is never guessed at.
//!
//! A replay is not a run. It goes wherever its tutorial says, follows redirects, repeats and shares nothing, and keeps no
//! journal: it shows what happens, and what happens is the tutorial's doing. What the engine promises about secrets holds.

pub mod aim;
mod check;
pub mod declared;
pub mod event;
pub mod feed;
pub mod lab;
pub mod readiness;
pub mod runner;
pub mod template;
pub mod tutorial;
pub mod variables;
pub mod xmpp;

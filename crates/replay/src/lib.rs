//! Tutorials: steps with requests and expected results, replayed one by one.
//!
//! A front end reads what a person would follow by hand (a lab text) into one model, [`tutorial`]. Reading sends nothing
//! and knows no network: a text is first understood as a whole, and what was not understood is never guessed at.

pub mod lab;
pub mod template;
pub mod tutorial;

//! Runs workflows: Luau scripts that drive connections through the engine.
//!
//! A script is loaded and checked ([`Workflow::load`]), its arguments are read ([`Workflow::check_arguments`]), and it
//! runs against a [`Host`], which is the engine's run or a test's fake ([`Workflow::run`]). What a script asks for is
//! yielded by its coroutine, carried out by the host, and resumed with the answer; each such call has a place, the
//! same on every execution.
//!
//! *Architecture invariants.* A script reaches the world through [`Host`] alone: it has no files, no clock, no chance
//! and no address that a second execution could see otherwise. It names connections and credentials, never URLs or
//! secrets. What it may use of memory and time is bounded, what the host keeps or does for it included, and it cannot
//! catch that. Nothing of ours shows in its errors. Nothing here knows a vendor.
//!
//! Two things stay with the author of a script. A table that has tables or functions as keys is traversed in the order
//! of their addresses; and items of one `signoff.each` that share a variable see it change in the order in which
//! answers come. An execution that takes another path for either is stopped by its places.

mod argument;
mod bridge;
mod connections;
mod driver;
mod error;
mod fanout;
mod functions;
mod host;
mod limits;
mod machine;
mod people;
mod request;
mod slots;
mod source;
mod time;
mod tutorial;
mod value;
mod workflow;

pub use argument::{Argument, ArgumentError, ArgumentKind, ArgumentValue, Arguments, ConnectionsOf};
pub use error::{Frame, Position, ScriptError};
pub use functions::{Entry, FUNCTIONS, editor_types};
pub use host::{ConnectionInfo, Host, Skip};
pub use limits::Limits;
pub use source::Source;
pub use tutorial::Declared;
pub use workflow::{Ending, RunError, Workflow};

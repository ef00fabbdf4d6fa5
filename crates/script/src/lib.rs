//! Runs workflows: Luau scripts that drive connections through the engine.
//!
//! A script is loaded and checked ([`Workflow::load`]), its arguments are read ([`Workflow::check_arguments`]), and it
//! runs against a [`Host`], which is the engine's run or a test's fake ([`Workflow::run`]). What a script asks for is
//! yielded by its coroutine, carried out by the host, and resumed with the answer; each such call has a place, the
//! same on every execution.
//!
//! *Architecture invariants.* A script reaches the world through [`Host`] alone: it has no files, no clock, no chance
//! and no address that a second execution could see otherwise. It names connections and credentials, never URLs or
//! secrets. (Two things stay to the author of a script. Tables with tables or functions as keys are traversed in the
//! order of addresses. Items of one `signoff.each` that share variables see each other's changes in the order in which
//! answers come. A run that takes another path for it is stopped by its places.) What it may use of memory and time is bounded, and it cannot catch that. Nothing of ours shows in its
//! errors. Nothing here knows a vendor.

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
mod request;
mod slots;
mod source;
mod value;
mod workflow;

pub use argument::{Argument, ArgumentError, ArgumentKind, ArgumentValue, Arguments, ConnectionsOf};
pub use error::{Frame, Position, ScriptError};
pub use functions::{Entry, FUNCTIONS, editor_types};
pub use host::{ConnectionInfo, Host, Skip};
pub use limits::Limits;
pub use source::Source;
pub use workflow::{Ending, RunError, Workflow};

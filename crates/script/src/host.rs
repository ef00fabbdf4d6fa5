//! What a workflow asks of the run it is part of. The engine's run implements it; tests put a fake in its place.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use signoff_core::{Descriptor, Field, User};
use signoff_engine::call::{Answer, Call, CallError, OutcomeRow, Place};
use signoff_engine::event::Level;
use signoff_engine::people::People;
use signoff_engine::run::PeopleRequest;

use crate::source::Source;

/// The run behind a workflow.
///
/// The methods are called on the thread that awaits [`Workflow::run`](crate::Workflow::run), in the order in which
/// the script asked; their futures run side by side. None of them may block.
///
/// [`CallError::Misuse`] is raised in the script where it made the call, and a `pcall` there may catch it.
/// [`CallError::Stopped`] unwinds the script without a word; [`CallError::Fault`] and [`CallError::Journal`] end it with
/// their message. After each of these, what is under way is awaited, and the script is not resumed. So when a run is
/// stopped its futures have to come to an end, those of [`Host::sleep`] too; and what a script must not get past is a
/// fault.
pub trait Host: Send + Sync + 'static {
    /// One provider operation. Its user comes into scope, if the operation writes.
    fn call(&self, call: Call) -> impl Future<Output = Result<Answer, CallError>> + Send;

    /// A user is left out by the script: his outcome is `skipped`, with the reason as its message.
    fn skip(&self, skip: Skip) -> impl Future<Output = Result<Arc<OutcomeRow>, CallError>> + Send;

    /// The script's clock, in Unix milliseconds; recorded, so that a re-execution reads the same. `source` is
    /// `FILE:LINE` of the call.
    fn now(&self, place: Place, source: String) -> impl Future<Output = Result<i64, CallError>> + Send;

    /// Waits. In a plan the script's clock moves on at once instead. `source` is `FILE:LINE` of the call.
    fn sleep(
        &self,
        place: Place,
        source: String,
        duration: Duration,
    ) -> impl Future<Output = Result<(), CallError>> + Send;

    /// A `signoff.each` begins. `source` is `FILE:LINE` of the call, `items` tells whether a re-execution has the same
    /// ones.
    fn each(
        &self,
        place: Place,
        source: String,
        items: String,
    ) -> impl Future<Output = Result<(), CallError>> + Send;

    /// The script came to require a text that was not read when it was loaded.
    fn source(&self, source: Source);

    /// What a script may know of a connection.
    fn connection(
        &self,
        name: &str,
        credential: Option<&str>,
    ) -> impl Future<Output = Result<ConnectionInfo, CallError>> + Send;

    /// Reads a list of users through; not journaled, since its hash fixes what it gives.
    fn people(&self, request: PeopleRequest) -> impl Future<Output = Result<Arc<People>, CallError>> + Send;

    /// The connections on which a logout ends the sessions of whoever owns a key, each with the secret attributes that
    /// hold such keys: no two users may share one.
    fn keys(&self) -> Vec<(String, &'static [&'static str])>;

    /// A user is given to `signoff.each`. Without a connection all that is known is a text that may be an id: the
    /// first operation on that id tells which connection it belongs to, and [`Host::leave`] takes it back.
    fn enter(&self, connection: Option<&str>, user: &User);

    /// The item that brought this id without a connection has come to its end. If neither an operation nor
    /// [`Host::skip`] was about it, it was no user.
    fn leave(&self, user: &User);

    /// The script has something to say.
    fn log(&self, level: Level, text: String, fields: Vec<Field>);

    /// Whether every effect is held back.
    fn planning(&self) -> bool;

    /// Of `math.random`; the same on re-execution.
    fn seed(&self) -> u64;
}

/// A user whom the script leaves out.
#[derive(Debug, Clone)]
pub struct Skip {
    /// Where it stands.
    pub place: Place,
    /// `FILE:LINE` of the call.
    pub source: String,
    /// The connection, if the user was a row of a roster.
    pub connection: Option<String>,
    /// Who is left out.
    pub user: User,
    /// Why, in the script's words.
    pub reason: String,
}

/// What a script may know of a connection.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// What its provider says of itself: the operations are the methods of the connection.
    pub descriptor: &'static Descriptor,
    /// The public name that operations run as; `None` where the credential has none.
    pub actor: Option<String>,
}

//! Between the script's thread and the engine's: batches of orders one way, batches of completions the other.
//!
//! The script has a thread of its own, so that one that computes starves neither network nor progress display. A
//! wake-up costs more than a call, so both sides take everything that is there at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use signoff_core::{Field, User};
use signoff_engine::call::{Answer, Call, CallError, OutcomeRow, Place};
use signoff_engine::event::Level;
use signoff_engine::people::People;
use signoff_engine::run::PeopleRequest;
use tokio::sync::mpsc::Receiver;

use crate::host::{ConnectionInfo, Host, Skip};
use crate::source::Source;
use crate::value;

/// Names a task: where it is kept, and which of those that were ever kept there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) index: usize,
    pub(crate) serial: u64,
}

/// What the script's side wants.
pub(crate) enum Order {
    Call(TaskId, Call),
    Connect(TaskId, String, Option<String>),
    Skip(TaskId, Skip),
    /// With `FILE:LINE` of the call, as the next.
    Sleep(TaskId, Place, String, Duration),
    Now(TaskId, Place, String),
    People(TaskId, PeopleRequest),
    /// With `FILE:LINE` of the call, and which items it has.
    Each(TaskId, Place, String, String),
    Enter(Option<String>, User),
    Leave(User),
    Source(Source),
    Log(Level, String, Vec<Field>),
}

impl Order {
    /// Whether it is answered.
    pub(crate) fn is_answered(&self) -> bool {
        !matches!(
            self,
            Self::Enter(..) | Self::Leave(_) | Self::Source(_) | Self::Log(..)
        )
    }

    /// What it needs outside the machine, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        ORDER
            + match self {
                Self::Call(_, call) => {
                    call.place.0.len()
                        + call.source.len()
                        + call.user.as_ref().map_or(0, value::weight_of_user)
                        + value::weight(&call.arguments)
                }
                Self::Connect(_, name, credential) => name.len() + optional(credential),
                Self::Skip(_, skip) => {
                    skip.place.0.len() + value::weight_of_user(&skip.user) + skip.reason.len()
                }
                Self::People(_, request) => {
                    let settings = &request.settings;
                    let names = settings.map.iter().flat_map(|(one, other)| [one, other]);
                    let names = names.chain(&settings.secret_columns);
                    names.map(|name| WEIGHT_OF_NAME + name.len()).sum()
                }
                Self::Sleep(_, place, source, _) | Self::Now(_, place, source) => {
                    place.0.len() + source.len()
                }
                Self::Each(_, place, source, items) => place.0.len() + source.len() + items.len(),
                Self::Source(source) => source.text.len(),
                Self::Enter(_, user) | Self::Leave(user) => value::weight_of_user(user),
                Self::Log(_, text, fields) => text.len() + value::weight(fields),
            }
    }
}

/// What came of an order.
pub(crate) type Completion = (TaskId, Result<Reply, CallError>);

/// What an order gives.
pub(crate) enum Reply {
    Answer(Answer),
    Row(Arc<OutcomeRow>),
    Connection(ConnectionInfo),
    Now(i64),
    Slept,
    People(Arc<People>, Option<String>),
    Begun,
}

/// What an order weighs beside its texts, with the future that carries it out.
const ORDER: usize = 512;
/// What a name weighs beside its text.
const WEIGHT_OF_NAME: usize = 24;
/// As many batches of orders may lie between the two threads; then the script waits until they are taken up.
pub(crate) const BATCHES: usize = 16;
/// At most so many completions go over at once, so that the script begins while others still end.
const BATCH: usize = 1_024;

type Running = Pin<Box<dyn Future<Output = Completion> + Send>>;

/// Carries out orders until the script's side is gone, and everything has ended that it began.
pub(crate) async fn serve<H: Host>(
    host: Arc<H>,
    mut orders: Receiver<Vec<Order>>,
    completions: mpsc::Sender<Vec<Completion>>,
) {
    let mut running: FuturesUnordered<Running> = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            batch = orders.recv() => match batch {
                Some(batch) => {
                    for order in batch {
                        running.extend(start(&host, order));
                    }
                }
                None => break,
            },
            Some(first) = running.next(), if !running.is_empty() => {
                let mut batch = vec![first];
                while batch.len() < BATCH && let Some(Some(next)) = running.next().now_or_never() {
                    batch.push(next);
                }
                // A script that is gone wants nothing more, yet what it began is carried to its end.
                let _ = completions.send(batch);
            }
        }
    }
    while running.next().await.is_some() {}
}

/// Carries out an order, or begins to.
fn start<H: Host>(host: &Arc<H>, order: Order) -> Option<Running> {
    let host = Arc::clone(host);
    Some(match order {
        Order::Call(task, call) => Box::pin(async move { (task, host.call(call).await.map(Reply::Answer)) }),
        Order::Connect(task, name, credential) => Box::pin(async move {
            let info = host.connection(&name, credential.as_deref()).await;
            (task, info.map(Reply::Connection))
        }),
        Order::Skip(task, skip) => Box::pin(async move { (task, host.skip(skip).await.map(Reply::Row)) }),
        Order::Sleep(task, place, source, duration) => Box::pin(async move {
            let slept = host.sleep(place, source, duration).await;
            (task, slept.map(|()| Reply::Slept))
        }),
        Order::Now(task, place, source) => {
            Box::pin(async move { (task, host.now(place, source).await.map(Reply::Now)) })
        }
        Order::Each(task, place, source, items) => Box::pin(async move {
            let begun = host.each(place, source, items).await;
            (task, begun.map(|()| Reply::Begun))
        }),
        Order::People(task, request) => Box::pin(async move {
            let connection = request.connection.clone();
            let people = host.people(request).await;
            (task, people.map(|people| Reply::People(people, connection)))
        }),
        Order::Enter(connection, user) => {
            host.enter(connection.as_deref(), &user);
            return None;
        }
        Order::Leave(user) => {
            host.leave(&user);
            return None;
        }
        Order::Source(source) => {
            host.source(source);
            return None;
        }
        Order::Log(level, text, fields) => {
            host.log(level, text, fields);
            return None;
        }
    })
}

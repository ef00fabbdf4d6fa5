//! Work that acts on people: planned first when it is large, agreed to by somebody, stoppable, and reported.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use signoff_core::Outcome;
use signoff_engine::event::{Event, Observer, Status, Summary};
use signoff_engine::journal::RunHeader;
use signoff_engine::run::{Run, RunSettings};

use crate::arguments::{General, Guard};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{self, Progress};
use crate::setup::Setup;
use crate::text::column;

/// Something that can be performed within a run: first as a plan, then for real.
pub(crate) trait Work {
    /// What the journal says of it.
    fn header(&self) -> RunHeader;

    /// Does it. A failure ends the run; what happens to users does not.
    fn perform(&self, run: Arc<Run>) -> BoxFuture<'_, Result<Performed, Failure>>;
}

/// How far work got, if nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Performed {
    /// To its end.
    Whole,
    /// A limit that the workflow set itself stopped it.
    Limited,
}

/// Performs it as the command line asks, and gives the exit code.
pub(crate) async fn perform(
    work: &dyn Work,
    setup: &Setup,
    general: &General,
    guard: &Guard,
) -> Result<Exit, Failure> {
    let mut approved = None;
    if !guard.plan && !guard.yes {
        approved = agree(work, setup, general, guard).await?;
    }
    let progress = Progress::new(!general.quiet);
    let observer = report::reporter(general, &progress);
    let (summary, result) = execute(work, setup, guard, guard.plan, approved, observer, progress).await?;
    for name in setup.engine.redactor.too_short() {
        report::diagnostic(&format!(
            "warning: the secret of `{name}` is too short to be recognised in output"
        ));
    }
    result?;
    Ok(exit(&summary))
}

/// Finds out how many users it concerns; above the threshold shows them and asks. Gives those who were agreed to.
async fn agree(
    work: &dyn Work,
    setup: &Setup,
    general: &General,
    guard: &Guard,
) -> Result<Option<HashSet<(String, String)>>, Failure> {
    let planned = Arc::new(Planned::default());
    let observer = Arc::clone(&planned) as Arc<dyn Observer>;
    // What fails in the plan fails again, and is reported, in the run itself.
    let progress = Progress::new(false);
    let (summary, result) = execute(work, setup, guard, true, None, observer, progress).await?;
    if summary.status == Status::Interrupted {
        return Err(Failure::new(
            Exit::Interrupted,
            "interrupted before anything was sent",
            "",
        ));
    }
    let users = std::mem::take(&mut *planned.0.lock().unwrap_or_else(PoisonError::into_inner));
    let threshold = setup.engine.config.limits.confirm_above;
    if result.is_err() || users.len() as u64 <= threshold {
        return Ok(None);
    }
    if !report::can_ask() {
        return Err(Failure::usage(
            format!(
                "{} users would be logged out, more than `confirm_above` = {threshold}",
                users.len()
            ),
            "look at it with --plan, then say --yes; nothing was sent",
        ));
    }
    if !general.quiet {
        for user in users.iter().take(SHOWN) {
            let name = user.name.as_deref().unwrap_or_default();
            report::diagnostic(&format!(
                "  {} {}",
                column(&user.id, 12),
                column(name, 24).trim_end()
            ));
        }
        if let Some(more) = users.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            report::diagnostic(&format!("  and {more} more; all of them with --plan"));
        }
    }
    let question = format!("log out these {} users?", users.len());
    let agreed =
        tokio::task::spawn_blocking(move || inquire::Confirm::new(&question).with_default(false).prompt());
    match agreed.await {
        Ok(Ok(true)) => Ok(Some(
            users
                .into_iter()
                .map(|user| (user.connection.unwrap_or_default(), user.id))
                .collect(),
        )),
        _ => Err(Failure::usage("not agreed to; nothing was sent", "")),
    }
}

/// How many users of a plan are shown before the question.
const SHOWN: usize = 40;

#[derive(Default)]
struct Planned(Mutex<Vec<PlannedUser>>);

struct PlannedUser {
    connection: Option<String>,
    id: String,
    name: Option<String>,
}

impl Observer for Planned {
    fn event(&self, event: &Event) {
        if let Event::Outcome(row) = event
            && row.outcome == Outcome::Planned
        {
            let user = PlannedUser {
                connection: row.connection.clone(),
                id: row.user.clone(),
                name: row.name.clone(),
            };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(user);
        }
    }
}

async fn execute(
    work: &dyn Work,
    setup: &Setup,
    guard: &Guard,
    plan: bool,
    approved: Option<HashSet<(String, String)>>,
    observer: Arc<dyn Observer>,
    progress: Progress,
) -> Result<(Summary, Result<Performed, Failure>), Failure> {
    let header = RunHeader {
        plan,
        reason: guard.reason.clone(),
        command_line: std::env::args().collect(),
        versions: setup.versions(),
        ..work.header()
    };
    let settings = RunSettings { header, approved };
    let run = Run::begin(Arc::clone(&setup.engine), settings, &setup.state, observer)?;
    let interrupted = Arc::new(Mutex::new(false));
    let watcher = tokio::spawn(interrupt(
        Arc::clone(&run),
        Arc::clone(&interrupted),
        progress.clone(),
    ));
    let display = tokio::spawn(progress.follow(Arc::clone(&run)));
    let result = work.perform(Arc::clone(&run)).await;
    watcher.abort();
    display.abort();
    let interrupted = *interrupted.lock().unwrap_or_else(PoisonError::into_inner);
    let status = match &result {
        _ if interrupted => Status::Interrupted,
        Ok(Performed::Whole) => Status::Completed,
        Ok(Performed::Limited) => Status::Stopped,
        Err(_) => Status::Failed,
    };
    let summary = run.finish(status).await?;
    Ok((summary, if interrupted { Ok(Performed::Whole) } else { result }))
}

/// The first signal stops the run, the second the process.
async fn interrupt(run: Arc<Run>, interrupted: Arc<Mutex<bool>>, progress: Progress) {
    signal().await;
    *interrupted.lock().unwrap_or_else(PoisonError::into_inner) = true;
    progress.line("stopping: waiting for what is on its way; once more to leave at once");
    run.stop();
    signal().await;
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

async fn signal() {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// What the process ends with; the gravest cause wins.
fn exit(summary: &Summary) -> Exit {
    match summary.status {
        Status::Interrupted => Exit::Interrupted,
        Status::Stopped => Exit::Stopped,
        _ if summary.untried.is_some() => Exit::Untried,
        _ if summary.cancelled > 0 => Exit::Unfinished,
        _ if summary.unsatisfied > 0 || summary.unread => Exit::NotOut,
        _ => Exit::Success,
    }
}

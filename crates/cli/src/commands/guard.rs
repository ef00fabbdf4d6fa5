//! Work that acts on people: planned first when it may be large, agreed to by somebody, stoppable, and reported.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use signoff_core::{InDoubtPolicy, Outcome};
use signoff_engine::call::OutcomeRow;
use signoff_engine::event::{Event, Observer, Status, Summary};
use signoff_engine::journal::{self, RunHeader};
use signoff_engine::run::{ResumeSettings, Run, RunSettings};
use tokio::sync::watch;

use super::{history, question, signal};
use crate::arguments::{General, Guard};
use crate::environment::command_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{self, Progress};
use crate::setup::Setup;

/// Something that can be performed within a run: first as a plan, then for real.
pub(crate) trait Work {
    /// What the journal says of it.
    fn header(&self) -> RunHeader;

    /// How many users it can concern at most, if that is known before anything is read.
    fn at_most(&self) -> Option<u64>;

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
    let task = Task {
        work,
        setup,
        general,
        guard,
    };
    if let Some(run) = task.offer_to_resume().await? {
        return resume(work, setup, general, run, None, false).await;
    }
    let few = work
        .at_most()
        .is_some_and(|most| most <= setup.engine.config.limits.confirm_above);
    let approved = if guard.plan || guard.yes || few {
        None
    } else {
        match task.plan_first().await? {
            Consent::NotNeeded => None,
            Consent::Given(users) => Some(users),
            Consent::Pointless(exit) => return Ok(exit),
        }
    };
    let progress = Progress::new(general);
    let observer = report::reporter(general, &progress, setup.config.is_some());
    let (summary, result) = task.execute(guard.plan, approved, observer, progress).await?;
    task.finish(&summary, result, !guard.plan)
}

/// Goes on with a run of this work, and gives the exit code.
pub(crate) async fn resume(
    work: &dyn Work,
    setup: &Setup,
    general: &General,
    run: String,
    in_doubt: Option<InDoubtPolicy>,
    force: bool,
) -> Result<Exit, Failure> {
    let progress = Progress::new(general);
    let observer = report::reporter(general, &progress, setup.config.is_some());
    let settings = ResumeSettings {
        run,
        today: header(work, setup),
        in_doubt,
        force,
    };
    let run = Run::resume(Arc::clone(&setup.engine), settings, &setup.state, observer)?;
    let is_plan = run.planning();
    let task = Task {
        work,
        setup,
        general,
        guard: &Guard::default(),
    };
    let (summary, result) = task.carry_out(run, progress).await?;
    task.finish(&summary, result, !is_plan)
}

/// What came of asking.
enum Consent {
    /// It concerns few.
    NotNeeded,
    /// To these, by (connection, id).
    Given(HashSet<(String, String)>),
    /// Even the plan could not be made. That has been reported, and the run would only fail again: a password that
    /// is refused twice is one step closer to a locked account.
    Pointless(Exit),
}

struct Task<'a> {
    work: &'a dyn Work,
    setup: &'a Setup,
    general: &'a General,
    guard: &'a Guard,
}

impl Task<'_> {
    /// The run to go on with, if one of the same work is not finished, and somebody is there who wants that.
    async fn offer_to_resume(&self) -> Result<Option<String>, Failure> {
        if self.guard.plan || self.setup.config.is_none() || !report::can_ask() {
            return Ok(None);
        }
        let today = header(self.work, self.setup);
        let Some(found) = history::unfinished_like(&self.setup.state, &today) else {
            return Ok(None);
        };
        let run = &found.run;
        let changes = found.changes(&self.setup.engine, &today)?;
        if !changes.is_empty() {
            report::diagnostic(&format!(
                "run {run} of the same work is not finished, and cannot go on as it began ({}): a new one begins",
                changes.join("; ")
            ));
            return Ok(None);
        }
        let progress = history::progress(&self.setup.state, run)
            .map(|(finished, total)| format!("; {finished} of {total} users finished"));
        let text = format!(
            "run {run} of the same work is not finished (begun {}{}): go on with it?",
            found.began(),
            progress.unwrap_or_default()
        );
        Ok(answer(&text).await?.then_some(found.run))
    }

    /// What is to be said when the work is over, and the exit code.
    fn finish(
        &self,
        summary: &Summary,
        result: Result<Performed, Failure>,
        can_resume: bool,
    ) -> Result<Exit, Failure> {
        for name in self.setup.engine.redactor.too_short() {
            report::diagnostic(&format!(
                "warning: the secret of `{name}` is too short to be recognised in output"
            ));
        }
        let exit = exit(summary, result?);
        if can_resume && matches!(exit, Exit::Interrupted | Exit::Unfinished) {
            self.say_how_to_go_on(&summary.run);
        }
        Ok(exit)
    }

    fn say_how_to_go_on(&self, run: &str) {
        if let Some(command) = self.goes_on(run) {
            report::diagnostic(&format!("to go on: {command}"));
        }
    }

    /// How a run is taken up again; not at all if its sandbox ends with this process.
    fn goes_on(&self, run: &str) -> Option<String> {
        self.setup.config.as_ref()?;
        let mut command = format!("signoff resume {run}");
        if let Some(state) = &self.general.state {
            let _ = write!(command, " --state {}", quoted(state));
        }
        Some(command)
    }

    /// Finds out how many users it concerns; above the threshold shows them and asks.
    async fn plan_first(&self) -> Result<Consent, Failure> {
        let planning = Progress::new(self.general);
        let plan = Arc::new(Recorded {
            events: Mutex::default(),
            progress: planning.clone(),
        });
        let observer = Arc::clone(&plan) as Arc<dyn Observer>;
        let (summary, result) = self.execute(true, None, observer, planning).await?;
        let events = std::mem::take(&mut *plan.events.lock().unwrap_or_else(PoisonError::into_inner));
        if summary.status == Status::Interrupted {
            return Err(question::interrupted(NOBODY));
        }
        if result.is_err() || summary.untried.is_some() {
            let reporter = report::reporter(self.general, &Progress::new(self.general), false);
            for event in &events {
                reporter.event(event);
            }
            return Ok(Consent::Pointless(exit(&summary, result?)));
        }
        let users = planned(&events);
        let threshold = self.setup.engine.config.limits.confirm_above;
        if users.len() as u64 <= threshold {
            self.forget(&summary.run);
            return Ok(Consent::NotNeeded);
        }
        if !report::can_ask() {
            return Err(Failure::usage(
                format!(
                    "{}, more than `confirm_above` = {threshold}, and there is no terminal to ask at",
                    would_be(&users)
                ),
                "look at them with --plan, then say --yes; nothing was sent that changes anything",
            ));
        }
        self.show(&users);
        let text = format!("log out {}?", counted(&users));
        if !answer(&text).await? {
            return Err(Failure::usage("not agreed to; nobody was logged out", ""));
        }
        let identity = |row: &OutcomeRow| (row.connection.clone().unwrap_or_default(), row.user.clone());
        Ok(Consent::Given(users.iter().map(|row| identity(row)).collect()))
    }

    fn show(&self, users: &[Arc<OutcomeRow>]) {
        if self.general.quiet {
            return;
        }
        for row in users.iter().take(SHOWN) {
            report::diagnostic(&report::planned_line(row));
        }
        if let Some(more) = users.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            report::diagnostic(&format!("  and {more} more; --plan shows all of them"));
        }
    }

    /// A plan that was shown to nobody is no evidence of anything: it would only hide the run that follows it.
    fn forget(&self, run: &str) {
        // What cannot be removed does no harm.
        let _ = journal::forget(&self.setup.state, run);
    }

    async fn execute(
        &self,
        plan: bool,
        approved: Option<HashSet<(String, String)>>,
        observer: Arc<dyn Observer>,
        progress: Progress,
    ) -> Result<(Summary, Result<Performed, Failure>), Failure> {
        let header = RunHeader {
            plan,
            reason: self.guard.reason.clone(),
            ..header(self.work, self.setup)
        };
        let settings = RunSettings { header, approved };
        let run = self.setup.begin(settings, observer)?;
        self.carry_out(run, progress).await
    }

    /// Does the work within a run, to its end or until a signal stops it.
    async fn carry_out(
        &self,
        run: Arc<Run>,
        progress: Progress,
    ) -> Result<(Summary, Result<Performed, Failure>), Failure> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let (works, working) = watch::channel(true);
        let watcher = tokio::spawn(interrupt(
            Arc::clone(&run),
            Arc::clone(&interrupted),
            working,
            progress.clone(),
            self.goes_on(run.id()),
        ));
        let display = tokio::spawn(progress.follow(Arc::clone(&run)));
        let result = self.work.perform(Arc::clone(&run)).await;
        display.abort();
        works.send_replace(false);
        let interrupted = interrupted.load(Ordering::Relaxed);
        let status = match &result {
            _ if interrupted => Status::Interrupted,
            Ok(Performed::Whole) => Status::Completed,
            Ok(Performed::Limited) => Status::Stopped,
            Err(_) => Status::Failed,
        };
        let finished = run.finish(status).await;
        watcher.abort();
        let summary = finished.map_err(|error| {
            let failure = Failure::from(error);
            if failure.exit == Exit::Unfinished && !run.planning() {
                self.say_how_to_go_on(run.id());
            }
            failure
        })?;
        Ok((summary, if interrupted { Ok(Performed::Whole) } else { result }))
    }
}

/// A path as it is typed at a shell.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    // No path holds what cannot be quoted, a NUL.
    shlex::try_quote(&text).map_or_else(|_| text.to_string(), Cow::into_owned)
}

/// What this process writes of work that it begins.
fn header(work: &dyn Work, setup: &Setup) -> RunHeader {
    RunHeader {
        command_line: command_line(),
        versions: setup.versions(),
        folder: std::env::current_dir()
            .ok()
            .map(|folder| folder.display().to_string()),
        config: setup.config.as_ref().map(|path| path.display().to_string()),
        sandbox: setup.config.is_none(),
        act_as: setup.engine.act_as.clone(),
        plugin_path: setup
            .plugin_path
            .iter()
            .map(|folder| folder.display().to_string())
            .collect(),
        ..work.header()
    }
}

/// How many users of a plan are shown before the question.
const SHOWN: usize = 40;

/// Keeps what happened in a plan, in case it has to be told after all.
struct Recorded {
    events: Mutex<Vec<Event>>,
    progress: Progress,
}

impl Observer for Recorded {
    fn event(&self, event: &Event) {
        self.progress.event(event);
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event.clone());
    }
}

/// Those who would be acted on, each once.
fn planned(events: &[Event]) -> Vec<Arc<OutcomeRow>> {
    let mut seen = HashSet::new();
    let rows = events.iter().filter_map(|event| match event {
        Event::Outcome(row) if row.outcome == Outcome::Planned => Some(row),
        _ => None,
    });
    rows.filter(|row| seen.insert((&row.connection, &row.user)))
        .map(Arc::clone)
        .collect()
}

/// `30 users of `site`, 2 users of `other``
fn counted(users: &[Arc<OutcomeRow>]) -> String {
    let mut connections: BTreeMap<&str, u64> = BTreeMap::new();
    for row in users {
        *connections
            .entry(row.connection.as_deref().unwrap_or_default())
            .or_default() += 1;
    }
    let mut text = String::new();
    for (connection, count) in connections {
        let separator = if text.is_empty() { "" } else { " and " };
        let users = if count == 1 { "user" } else { "users" };
        let _ = write!(text, "{separator}{count} {users} of `{connection}`");
    }
    text
}

fn would_be(users: &[Arc<OutcomeRow>]) -> String {
    format!("{} would be logged out", counted(users))
}

/// Asks; everything but a clear yes is a no.
async fn answer(question: &str) -> Result<bool, Failure> {
    let line = question::ask(&format!("{question} [y/N] "), NOBODY).await?;
    Ok(matches!(line.to_lowercase().as_str(), "y" | "yes"))
}

/// What an interruption means before anything was sent that changes anything.
const NOBODY: &str = "nobody was logged out";

/// How long what is on its way is waited for after the first signal.
const DRAIN: Duration = Duration::from_secs(30);

/// The first signal stops the run, the second the process. Once the work is over (`working` is false) there is nothing to
/// stop, and what is left to do (good-byes, the last of the report) takes the time that it takes, or until a second signal.
async fn interrupt(
    run: Arc<Run>,
    interrupted: Arc<AtomicBool>,
    mut working: watch::Receiver<bool>,
    progress: Progress,
    goes_on: Option<String>,
) {
    signal::received().await;
    interrupted.store(true, Ordering::Relaxed);
    progress.line(&if *working.borrow() {
        format!(
            "stopping: what is on its way is waited for, up to {} s; Ctrl-C once more leaves at once",
            DRAIN.as_secs()
        )
    } else {
        "the run is ending; Ctrl-C once more leaves at once".to_owned()
    });
    run.stop();
    let why = tokio::select! {
        () = signal::received() => "left at once",
        () = drained(&mut working) => "no longer waited for",
    };
    let run = run.id();
    progress.line(&if *working.borrow() {
        format!("{why}: what was on its way is in doubt, and is recorded so in run {run}")
    } else {
        format!("{why}: the end of run {run} is not recorded")
    });
    if let Some(command) = goes_on {
        progress.line(&format!("to go on: {command}"));
    }
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

/// Comes when work takes longer to end than it is waited for; never once it is over.
async fn drained(working: &mut watch::Receiver<bool>) {
    let over = working.wait_for(|working| !*working);
    if tokio::time::timeout(DRAIN, over).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

/// What the process ends with; the gravest cause wins.
pub(crate) fn exit(summary: &Summary, performed: Performed) -> Exit {
    match summary.status {
        Status::Interrupted => Exit::Interrupted,
        _ if performed == Performed::Limited => Exit::Stopped,
        // By `run_time`, which leaves the rest for another time.
        Status::Stopped => Exit::Unfinished,
        _ if summary.untried.is_some() => Exit::Untried,
        _ if summary.cancelled > 0 => Exit::Unfinished,
        _ if summary.unsatisfied > 0 || summary.unread => Exit::NotOut,
        _ => Exit::Success,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell_whatever_is_in_it() {
        assert_eq!(quoted(Path::new("/var/lib/signoff")), "/var/lib/signoff");
        assert_eq!(quoted(Path::new("/home/ann o'neil")), r#""/home/ann o'neil""#);
        assert_eq!(quoted(Path::new("/tmp/$(id)'s")), r#"'/tmp/$(id)'"'s""#);
    }
}

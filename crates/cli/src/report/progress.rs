//! How far a run is, on standard error: a live line on a terminal, a plain one now and then elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signoff_core::Outcome;
use signoff_engine::event::Event;
use signoff_engine::run::Run;

use super::diagnostic;
use super::words::{happened, would};
use crate::arguments::General;
use crate::environment;
use crate::text::safe;

/// Shown while a run works; knows how to print above itself.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Inner>);

struct Inner {
    bar: ProgressBar,
    live: bool,
    quiet: bool,
    tally: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    plan: bool,
    total: u64,
    ended: u64,
    outcomes: BTreeMap<Outcome, u64>,
    /// How many requests had been sent when, over the last moments.
    sent: VecDeque<(Instant, u64)>,
}

/// What the rate is measured over.
const WINDOW: Duration = Duration::from_secs(2);

impl Progress {
    /// Nothing is drawn if quiet is asked for.
    pub(crate) fn new(general: &General) -> Self {
        let live = !general.quiet && std::io::stderr().is_terminal();
        let target = if live {
            ProgressDrawTarget::stderr_with_hz(8)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        // `wide_msg` is cut at the terminal's edge, so the line never becomes two.
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self(Arc::new(Inner {
            bar,
            live,
            quiet: general.quiet,
            tally: Mutex::default(),
        }))
    }

    /// Counts.
    pub(crate) fn event(&self, event: &Event) {
        let mut tally = self.0.tally.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { plan, .. } => tally.plan = *plan,
            Event::Entered { total } => tally.total = *total,
            Event::Outcome(row) => {
                tally.ended += 1;
                *tally.outcomes.entry(row.outcome).or_default() += 1;
            }
            Event::Finished(_) => {
                drop(tally);
                self.0.bar.finish_and_clear();
            }
            Event::Log { .. } => {}
        }
    }

    /// Prints something else without tearing the live line.
    pub(crate) fn above(&self, print: impl FnOnce()) {
        self.0.bar.suspend(print);
    }

    /// Prints a diagnostic line.
    pub(crate) fn line(&self, line: &str) {
        self.above(|| diagnostic(line));
    }

    /// Keeps the display current until it is dropped.
    pub(crate) async fn follow(self, run: Arc<Run>) {
        let period = if self.0.live {
            Duration::from_millis(200)
        } else {
            Duration::from_secs(10)
        };
        if self.0.quiet {
            return;
        }
        let mut ticks = tokio::time::interval(period);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let message = self.message(&run);
            if environment::is_asking() {
                // The line would be drawn over the question.
                continue;
            }
            if self.0.live {
                self.0.bar.set_message(message);
                self.0.bar.tick();
            } else {
                diagnostic(&message);
            }
        }
    }

    /// Who is through, how fast it goes, and why no faster.
    fn message(&self, run: &Run) -> String {
        let connections = run.connections();
        let sent = connections.iter().map(|(_, status)| status.sent).sum();
        let mut tally = self.0.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts = vec![tally.users()];
        parts.extend(tally.rate(Instant::now(), sent));
        drop(tally);
        for (reason, count) in run.waits() {
            parts.push(format!("{count} waiting {}", safe(&reason)).trim_end().to_owned());
        }
        for (connection, status) in connections {
            if let Some(reason) = status.reason {
                parts.push(format!("{}: {reason}", safe(&connection)));
            }
            for elsewhere in &status.failed_over {
                parts.push(format!("{}: {}", safe(&connection), safe(&elsewhere.to_string())));
            }
        }
        parts.join(" · ")
    }
}

impl Tally {
    fn users(&self) -> String {
        if self.total == 0 {
            return "looking up who is there".to_owned();
        }
        let words = if self.plan { would } else { happened };
        let counts: Vec<String> = self
            .outcomes
            .iter()
            .map(|(outcome, count)| format!("{count} {}", words(*outcome)))
            .collect();
        let colon = if counts.is_empty() { "" } else { ": " };
        format!("{}/{} users{colon}{}", self.ended, self.total, counts.join(", "))
    }

    /// Requests a second, once enough time has gone by to tell.
    fn rate(&mut self, now: Instant, sent: u64) -> Option<String> {
        self.sent.push_back((now, sent));
        while self
            .sent
            .get(1)
            .is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW)
        {
            self.sent.pop_front();
        }
        let &(since, before) = self.sent.front()?;
        let time = now.duration_since(since);
        if time < WINDOW {
            return None;
        }
        let tenths = u128::from(sent.saturating_sub(before)) * 10_000 / time.as_millis().max(1);
        Some(format!("{}.{} requests/s", tenths / 10, tenths % 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_moments() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut tally = Tally::default();
        assert_eq!(tally.rate(at(0), 0), None);
        assert_eq!(tally.rate(at(1_000), 50), None);
        assert_eq!(tally.rate(at(2_000), 60).as_deref(), Some("30.0 requests/s"));
        assert_eq!(tally.rate(at(3_000), 61).as_deref(), Some("5.5 requests/s"));
    }

    #[test]
    fn counts_are_by_outcome() {
        let mut tally = Tally::default();
        assert_eq!(tally.users(), "looking up who is there");
        tally.total = 5;
        assert_eq!(tally.users(), "0/5 users");
        tally.ended = 3;
        tally.outcomes = BTreeMap::from([(Outcome::Done, 2), (Outcome::Refused, 1)]);
        assert_eq!(tally.users(), "3/5 users: 2 logged out, 1 refused");
    }
}

//! How far a run is, on standard error: a live line on a terminal, a plain one now and then elsewhere.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signoff_core::Outcome;
use signoff_engine::event::Event;
use signoff_engine::run::Run;

use super::diagnostic;
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
    total: u64,
    ended: u64,
    out: u64,
    not_out: u64,
}

impl Progress {
    /// Nothing is drawn if it is not wanted.
    pub(crate) fn new(wanted: bool) -> Self {
        let live = wanted && std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            None,
            if live {
                ProgressDrawTarget::stderr_with_hz(8)
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        bar.set_style(ProgressStyle::default_spinner());
        Self(Arc::new(Inner {
            bar,
            live,
            quiet: !wanted,
            tally: Mutex::default(),
        }))
    }

    /// Counts.
    pub(crate) fn event(&self, event: &Event) {
        let mut tally = self.0.tally.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Entered { total } => tally.total = *total,
            Event::Outcome(row) => {
                tally.ended += 1;
                match row.outcome {
                    outcome if outcome.is_out() => tally.out += 1,
                    Outcome::Skipped | Outcome::Planned => {}
                    _ => tally.not_out += 1,
                }
            }
            Event::Finished(_) => {
                drop(tally);
                self.0.bar.finish_and_clear();
            }
            Event::Started { .. } | Event::Log { .. } => {}
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
            if self.0.live {
                self.0.bar.set_message(message);
                self.0.bar.tick();
            } else {
                diagnostic(&message);
            }
        }
    }

    fn message(&self, run: &Run) -> String {
        let tally = self.0.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts = vec![format!("{}/{} users", tally.ended, tally.total)];
        if tally.out > 0 {
            parts.push(format!("{} out", tally.out));
        }
        if tally.not_out > 0 {
            parts.push(format!("{} not out", tally.not_out));
        }
        drop(tally);
        for (reason, count) in run.waits() {
            parts.push(format!("{count} {}", safe(&reason)));
        }
        for (connection, status) in run.connections() {
            if let Some(reason) = status.reason {
                parts.push(format!("{connection}: {reason}"));
            }
        }
        parts.join(", ")
    }
}

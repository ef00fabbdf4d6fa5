//! The sandbox's time: how long it has been running, and what its wall clock shows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Time follows tokio's clock, so a test that pauses it holds the simulated world still too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_ms: i64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: Instant::now(),
            started_unix_ms: millis(since_epoch),
        }
    }

    /// Since the start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The moment that is so long after the start.
    pub(crate) fn instant(&self, at: Duration) -> Instant {
        self.started + at
    }

    /// What the wall clock shows at this time since the start, in Unix milliseconds.
    pub(crate) fn unix_ms(&self, at: Duration) -> i64 {
        self.started_unix_ms.saturating_add(millis(at))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

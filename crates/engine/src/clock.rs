//! The engine's clock: the one place where time is read, so that tests may hold it still.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signoff_core::{Monotonic, Now};
use tokio::time::{Instant, sleep_until};

/// Reads both clocks. Monotonic time follows tokio's, which tests can pause.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    origin_unix_ms: i64,
}

impl Clock {
    /// A clock whose monotonic time counts from now. Must be called within a tokio runtime if time is paused.
    #[must_use]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            origin: Instant::now(),
            origin_unix_ms: i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Both clocks. Wall time is the wall clock at the start plus what has passed since: it never jumps within a
    /// process.
    #[must_use]
    pub fn now(&self) -> Now {
        // A second lies between the origin and zero, so that "just before the start" can be told apart.
        let monotonic = Monotonic::ZERO + BASE + self.origin.elapsed();
        Now {
            monotonic,
            unix_ms: self.unix_ms(monotonic),
        }
    }

    /// The wall time of a moment, in Unix milliseconds.
    #[must_use]
    pub fn unix_ms(&self, at: Monotonic) -> i64 {
        let passed = at.since(Monotonic::ZERO + BASE).as_millis();
        let passed_ms = i64::try_from(passed).unwrap_or(i64::MAX);
        self.origin_unix_ms.saturating_add(passed_ms)
    }

    /// The moment for tokio's timers; `None` for [`Monotonic::NEVER`].
    #[must_use]
    pub fn instant(&self, at: Monotonic) -> Option<Instant> {
        (at != Monotonic::NEVER).then(|| self.origin + at.since(Monotonic::ZERO + BASE))
    }
}

const BASE: Duration = Duration::from_secs(1);

/// Returns once that moment has come; without one, never.
pub(crate) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

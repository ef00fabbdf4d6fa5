//! Time as a provider sees it: an argument of every call, never a clock of its own.

use std::ops::{Add, Sub};
use std::time::Duration;

/// The two clocks of the host at the moment of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Only ever moves forward; for waiting, deadlines and ages.
    pub monotonic: Monotonic,
    /// Milliseconds since 1970-01-01T00:00:00Z by the host's wall clock; for comparing with the vendor's times.
    pub unix_ms: i64,
}

/// Nanoseconds since a moment that the host chose; comparable within one process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// Before everything: as `not_before` it asks nothing.
    pub const ZERO: Self = Self(0);
    /// After everything: as a deadline it never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;

    /// Saturates at [`Monotonic::NEVER`].
    fn add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

impl Sub<Duration> for Monotonic {
    type Output = Self;

    /// Saturates at [`Monotonic::ZERO`].
    fn sub(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

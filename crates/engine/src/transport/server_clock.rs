//! How far a vendor's clock is from ours, as its `Date` headers tell.

/// An estimate of a vendor's clock, kept by dispatch for each connection. Its bounds only narrow, until they
/// prove to be wrong or grow stale.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerClock {
    bounds: Option<Bounds>,
}

/// The vendor's clock minus ours lies between the two, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    low: i64,
    high: i64,
    /// When they were found, by our clock.
    at_unix_ms: i64,
}

/// `Date` counts whole seconds, rounded down. Where a server makes the header only once a second (Tomcat) the
/// clock seems to be set back now and then, by less than that.
const RESOLUTION_MS: i64 = 1000;

/// Two undisciplined clocks part by less than a ten-thousandth.
const DRIFT: i64 = 10_000;

impl ServerClock {
    /// Takes in the `Date` header of a reply, with our times when the request left and when the reply had
    /// come. A header that is no HTTP date is passed over.
    pub fn observe(&mut self, date_header: &str, sent_unix_ms: i64, received_unix_ms: i64) {
        let Some(date_ms) = unix_ms(date_header) else {
            return;
        };
        // The vendor looked at its clock at some moment between sending and receiving, and dropped the
        // fraction.
        let seen = Bounds {
            low: date_ms - received_unix_ms,
            high: date_ms + RESOLUTION_MS - sent_unix_ms,
            at_unix_ms: received_unix_ms,
        };
        let narrowed = self
            .bounds
            .map(|known| known.drifted(received_unix_ms).narrowed(seen));
        // Without a common ground one of the clocks was set: what is new holds.
        self.bounds = Some(narrowed.filter(Bounds::are_possible).unwrap_or(seen));
    }

    /// The vendor's clock minus ours, in milliseconds; 0 until something is known.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        self.bounds
            .map_or(0, |bounds| bounds.low + (bounds.high - bounds.low) / 2)
    }

    /// The same; `None` until something is known.
    #[must_use]
    pub fn known_offset_ms(&self) -> Option<i64> {
        self.bounds.map(|_| self.offset_ms())
    }

    /// By how much [`offset_ms`](Self::offset_ms) may be wrong, either way; `None` until something is known.
    #[must_use]
    pub fn uncertainty_ms(&self) -> Option<i64> {
        self.bounds.map(|bounds| (bounds.high - bounds.low + 1) / 2)
    }
}

impl Bounds {
    const fn drifted(self, now_unix_ms: i64) -> Self {
        let drift = (now_unix_ms - self.at_unix_ms).abs() / DRIFT;
        Self {
            low: self.low - drift,
            high: self.high + drift,
            at_unix_ms: now_unix_ms,
        }
    }

    fn narrowed(self, seen: Self) -> Self {
        Self {
            low: self.low.max(seen.low),
            high: self.high.min(seen.high),
            at_unix_ms: seen.at_unix_ms,
        }
    }

    const fn are_possible(&self) -> bool {
        self.low <= self.high
    }
}

fn unix_ms(date_header: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(date_header).ok()?;
    let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since_epoch.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-20 12:00:00 UTC.
    const NOON: i64 = 1_795_176_000_000;

    fn date(unix_ms: i64) -> String {
        let since_epoch = std::time::Duration::from_millis(u64::try_from(unix_ms).unwrap_or_default());
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + since_epoch)
    }

    #[test]
    fn one_reply_bounds_the_offset_by_a_second_and_its_way() {
        let mut clock = ServerClock::default();
        assert_eq!((clock.offset_ms(), clock.uncertainty_ms()), (0, None));
        clock.observe("Fri, 20 Nov 2026 12:00:10 GMT", NOON, NOON + 100);
        // Between 9,900 and 11,000.
        assert_eq!((clock.offset_ms(), clock.uncertainty_ms()), (10_450, Some(550)));
    }

    #[test]
    fn what_is_no_date_is_passed_over() {
        let mut clock = ServerClock::default();
        clock.observe("soon", NOON, NOON);
        clock.observe("", NOON, NOON);
        assert_eq!(clock.uncertainty_ms(), None);
    }

    #[test]
    fn a_clock_that_was_set_is_learnt_anew() {
        let mut clock = ServerClock::default();
        clock.observe(&date(NOON), NOON, NOON);
        clock.observe(&date(NOON + 3_600_000), NOON + 1000, NOON + 1000);
        assert_eq!(clock.offset_ms(), 3_599_500);
    }

    proptest! {
        #[test]
        fn the_truth_lies_within_the_bounds_and_they_narrow(
            offset in -10_000_000_i64..10_000_000,
            replies in prop::collection::vec((0_i64..5000, 0_i64..300, 0_i64..300), 1..40),
        ) {
            let mut clock = ServerClock::default();
            let mut now = NOON;
            let mut widest = i64::MAX;
            for (pause, there, back) in replies {
                let sent = now + pause;
                now = sent + there + back;
                clock.observe(&date(sent + there + offset), sent, now);
                let uncertainty = clock.uncertainty_ms().unwrap_or(i64::MAX);
                prop_assert!((clock.offset_ms() - offset).abs() <= uncertainty);
                prop_assert!(uncertainty <= widest.saturating_add(2));
                widest = uncertainty;
            }
            prop_assert!(widest <= 800);
        }
    }
}

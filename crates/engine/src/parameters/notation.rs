//! How durations, sizes and rates are written, in scripts, configurations and on the command line alike; and what
//! a mistyped name was probably meant to be.

use std::time::Duration;

use jiff::fmt::friendly::{Designator, Spacing, SpanParser, SpanPrinter};

/// A text that is no duration, size or rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotationError {
    /// It is no duration.
    #[error("`{0}` is no duration")]
    Duration(String),
    /// It is no size.
    #[error("`{0}` is no size")]
    Size(String),
    /// It is no rate.
    #[error("`{0}` is no rate")]
    Rate(String),
}

impl NotationError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Duration(text) if is_number(text) => {
                format!("a duration has a unit: `{text}s` for seconds, `{text}m` for minutes")
            }
            Self::Duration(_) => "write it like `500ms`, `30s`, `15m`, `2h` or `1h30m`".to_owned(),
            Self::Size(_) => "write it like `512KiB`, `64MiB` or `1GiB`".to_owned(),
            Self::Rate(text) if is_number(text) => {
                format!("a rate has a unit: `{text}/s` for a second, `{text}/min` for a minute")
            }
            Self::Rate(_) => "write it like `20/s` or `5/min`, or `none` to switch the limit off".to_owned(),
        }
    }
}

/// A length of time: `500ms`, `30s`, `15m`, `2h`, `1h30m`; to the millisecond.
///
/// # Errors
/// If it is anything else; a bare number is not taken for seconds.
pub fn parse_duration(text: &str) -> Result<Duration, NotationError> {
    let wrong = || NotationError::Duration(text.to_owned());
    let duration = SpanParser::new()
        .parse_unsigned_duration(text.trim())
        .map_err(|_| wrong())?;
    // The journal and the plugin interface count milliseconds: what is finer would silently become nothing.
    if duration.subsec_nanos() % 1_000_000 != 0 || duration > LONGEST {
        return Err(wrong());
    }
    Ok(duration)
}

/// The longest duration that can be written: a hundred years, so that sums with a clock never overflow.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// A length of time as [`parse_duration`] reads it: `1h30m`, `500ms`, `0s`. What is finer than a millisecond is
/// dropped.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    const PRINTER: SpanPrinter = SpanPrinter::new()
        .spacing(Spacing::None)
        .designator(Designator::Compact);
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    PRINTER.unsigned_duration_to_string(&Duration::from_millis(millis))
}

/// A number of bytes: `64MiB`, `512KiB`, `1GiB`, `1000B`.
///
/// # Errors
/// If it is anything else; a bare number has no unit, and `MB` could mean two things.
pub fn parse_size(text: &str) -> Result<u64, NotationError> {
    let wrong = || NotationError::Size(text.to_owned());
    let trimmed = text.trim();
    let digits = trimmed.trim_end_matches(|character: char| !character.is_ascii_digit());
    let unit = trimmed[digits.len()..].trim_start();
    let factor = SIZES
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor)
        .ok_or_else(wrong)?;
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count.checked_mul(factor).ok_or_else(wrong)
}

const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A number of bytes as [`parse_size`] reads it, in the greatest unit that holds it exactly.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    SIZES
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .map_or_else(
            || format!("{bytes}B"),
            |(name, factor)| format!("{}{name}", bytes / factor),
        )
}

/// A number of requests a second: `20/s`, `0.5/s`, `5/min`, `1000/h`; `None` for `none`, which is no limit.
///
/// # Errors
/// If it is anything else, or zero.
pub fn parse_rate(text: &str) -> Result<Option<f64>, NotationError> {
    let wrong = || NotationError::Rate(text.to_owned());
    let trimmed = text.trim();
    if trimmed == "none" {
        return Ok(None);
    }
    let (count, unit) = trimmed.split_once('/').ok_or_else(wrong)?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "min" | "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let count = count.trim();
    if !is_number(count) {
        return Err(wrong());
    }
    let rate = count.parse::<f64>().map_err(|_| wrong())? / seconds;
    (rate.is_finite() && rate > 0.0)
        .then_some(Some(rate))
        .ok_or_else(wrong)
}

/// A rate as [`parse_rate`] reads it: `20/s`, `5/min`, `none`.
#[must_use]
pub fn format_rate(rate: Option<f64>) -> String {
    let Some(rate) = rate else {
        return "none".to_owned();
    };
    [("s", 1.0), ("min", 60.0), ("h", 3600.0)]
        .into_iter()
        .map(|(unit, seconds)| (unit, rate * seconds))
        .find(|(_, count)| (count - count.round()).abs() < 1e-6 && count.round() > 0.0)
        .map_or_else(
            || format!("{rate}/s"),
            |(unit, count)| format!("{}/{unit}", count.round()),
        )
}

/// The name that a mistyped one was probably meant to be, if any is near.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (similarity(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

fn similarity(one: &str, other: &str) -> f64 {
    let similarity = strsim::jaro_winkler(one, other);
    // Of short names too little is left by two letters that changed places: `vai` for `via`.
    if similarity < NEAR && one.chars().count() > 2 && strsim::osa_distance(one, other) == 1 {
        return NEAR;
    }
    similarity
}

/// Found by trial: `usernam` and `user_name` are near to `username`, `password` is not near to `passport_office`.
const NEAR: f64 = 0.8;

fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_ascii_digit() || character == '.')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("15m", 900_000),
            ("2h", 7_200_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("0s", 0),
            (" 10s ", 10_000),
            ("1.5s", 1500),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "10",
            "-5s",
            "5s ago",
            "1us",
            "soon",
            "5 parsecs",
            "900000h",
            "1y",
            "s",
        ] {
            assert_eq!(
                parse_duration(text),
                Err(NotationError::Duration(text.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("1 GiB"), Ok(1 << 30));
        assert_eq!(parse_size("100B"), Ok(100));
        for text in ["", "64", "64MB", "MiB", "-1B", "1.5GiB", "99999999999999GiB"] {
            assert_eq!(
                parse_size(text),
                Err(NotationError::Size(text.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn rates_are_for_a_second() {
        assert_eq!(parse_rate("20/s"), Ok(Some(20.0)));
        assert_eq!(parse_rate("30/min"), Ok(Some(0.5)));
        assert_eq!(parse_rate("7200/h"), Ok(Some(2.0)));
        assert_eq!(parse_rate("0.5 / s"), Ok(Some(0.5)));
        assert_eq!(parse_rate("none"), Ok(None));
        for text in [
            "", "20", "/s", "0/s", "-1/s", "inf/s", "1e3/s", "20/day", "1.2.3/s",
        ] {
            assert_eq!(
                parse_rate(text),
                Err(NotationError::Rate(text.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn rates_are_written_as_people_write_them() {
        for text in ["20/s", "5/min", "100/h", "none", "0.1234567/s"] {
            assert_eq!(format_rate(parse_rate(text).unwrap()), text);
        }
    }

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["finesse", "zap", "uiza"];
        assert_eq!(nearest("finess", known), Some("finesse"));
        assert_eq!(nearest("FINESSE", known), Some("finesse"));
        assert_eq!(nearest("uzia", known), Some("uiza"));
        assert_eq!(nearest("acme", known), None);
        assert_eq!(nearest("vai", ["web", "via"]), Some("via"));
        assert_eq!(nearest("no", ["on", "off"]), None);
    }

    proptest! {
        #[test]
        fn a_duration_that_is_written_is_read_again(millis in 0_u64..3_000_000_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)).unwrap(), duration);
        }

        #[test]
        fn a_size_that_is_written_is_read_again(bytes: u64) {
            prop_assert_eq!(parse_size(&format_size(bytes)).unwrap(), bytes);
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,12}") {
            let _ = (parse_duration(&text), parse_size(&text), parse_rate(&text), nearest(&text, ["a", ""]));
        }
    }
}

//! The table of faults: one line gives the name, the help and the parser of each.

use std::time::Duration;

use super::{FaultError, Kind};

mod feed;
mod finesse;
mod uiza;
mod zap;

/// What a fault is called, takes and does, for help texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Whose it is: `any vendor`, or the vendor whose requests alone it concerns.
    pub of: &'static str,
    /// As written before `=`.
    pub name: &'static str,
    /// The name and what it takes, such as `delay=DURATION`; in brackets what may be left out.
    pub usage: &'static str,
    /// One line.
    pub help: &'static str,
}

/// Every fault there is, group by group.
pub fn known() -> impl Iterator<Item = Description> {
    TABLE.iter().flat_map(|(of, rows)| {
        rows.iter().map(|row| Description {
            of,
            name: row.name(),
            usage: row.usage,
            help: row.help,
        })
    })
}

/// The fault with this name and value.
pub(super) fn kind(name: &str, value: Option<&str>) -> Result<Kind, FaultError> {
    let row = rows()
        .find(|row| row.name() == name)
        .ok_or_else(|| FaultError::Unknown {
            name: name.to_owned(),
            known: known().map(|known| known.name).collect::<Vec<_>>().join(", "),
        })?;
    if let Some(kind) = (row.parse)(value) {
        return Ok(kind);
    }
    let usage = row.usage;
    let hint = HINTS
        .iter()
        .find(|(placeholder, _)| usage.contains(placeholder))
        .map_or("", |(_, hint)| hint);
    Err(match value {
        Some(value) => FaultError::Value {
            usage,
            value: value.to_owned(),
            hint,
        },
        None => FaultError::NoValue { usage, hint },
    })
}

/// What placeholders stand for.
const HINTS: [(&str, &str); 4] = [
    ("RATE", "; a rate is `0.05` or `5%`"),
    ("DURATION", "; a duration is `50ms`, `3s` or `5m`"),
    ("SIZE", "; a size is `200MB`"),
    ("NUMBER", "; a number is whole"),
];

struct Row {
    usage: &'static str,
    help: &'static str,
    parse: fn(Option<&str>) -> Option<Kind>,
}

impl Row {
    fn name(&self) -> &'static str {
        self.usage.split(['[', '=']).next().unwrap_or_default()
    }
}

const fn row(usage: &'static str, help: &'static str, parse: fn(Option<&str>) -> Option<Kind>) -> Row {
    Row { usage, help, parse }
}

/// A group of faults: whose they are, and its rows.
type Group = (&'static str, &'static [Row]);

static TABLE: [Group; 5] = [
    ("any vendor", ANY),
    ("Finesse", finesse::ROWS),
    ("Finesse's notifications", feed::ROWS),
    ("ZAP", zap::ROWS),
    ("Uiza", uiza::ROWS),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().flat_map(|(_, rows)| *rows)
}

static ANY: &[Row] = &[
    row("delay=DURATION", "every request waits so long", |v| {
        Some(Kind::Delay(duration(v?)?))
    }),
    row(
        "lag=DURATION",
        "accepted changes are applied so much later",
        |v| Some(Kind::Lag(duration(v?)?)),
    ),
    row(
        "reset_before[=RATE]",
        "connection reset before the request takes effect",
        |v| rate(v).map(Kind::ResetBefore),
    ),
    row(
        "reset_after[=RATE]",
        "connection reset after the effect, before the answer",
        |v| rate(v).map(Kind::ResetAfter),
    ),
    row("hang_before[=RATE]", "no answer ever, no effect", |v| {
        rate(v).map(Kind::HangBefore)
    }),
    row("hang_after[=RATE]", "no answer ever, but the effect", |v| {
        rate(v).map(Kind::HangAfter)
    }),
    row(
        "truncate[=RATE]",
        "half of the answer, then the connection closes",
        |v| rate(v).map(Kind::Truncate),
    ),
    row(
        "close[=RATE]",
        "the connection closes after the answer, unannounced",
        |v| rate(v).map(Kind::Close),
    ),
    row("unavailable[=RATE]", "503 Service Unavailable", |v| {
        rate(v).map(Kind::Unavailable)
    }),
    row(
        "unavailable_for=DURATION[/DURATION]",
        "503 for so long from the first request on, and again every so often",
        spells,
    ),
    row("throttle[=RATE]", "429 with Retry-After", |v| {
        rate(v).map(Kind::Throttle)
    }),
    row(
        "rate_limit=NUMBER",
        "429 for what exceeds so many requests a second",
        |v| Some(Kind::RateLimit(v?.parse().ok()?)),
    ),
    row(
        "retry_after=NUMBER",
        "the seconds that 429 and 503 say in Retry-After",
        |v| Some(Kind::RetryAfter(v?.parse().ok()?)),
    ),
    row(
        "retry_after_as=seconds|date",
        "how Retry-After says it, the date by the service's clock",
        |v| one_of(v, &[("seconds", false), ("date", true)]).map(Kind::RetryAfterDate),
    ),
    row("error_500[=RATE]", "500 before the effect", |v| {
        rate(v).map(Kind::Error500)
    }),
    row("error_500_after[=RATE]", "500 after the effect", |v| {
        rate(v).map(Kind::Error500After)
    }),
    row("plain_401[=RATE]", "401 without a body", |v| {
        rate(v).map(Kind::Plain401)
    }),
    row(
        "redirect[=RATE]",
        "301 to port 8445, as Finesse 12.6 does on plain HTTP",
        |v| rate(v).map(Kind::Redirect),
    ),
    row(
        "redirect_to=ORIGIN",
        "302 to the same path at another origin",
        |v| {
            let origin = v?.trim_end_matches('/');
            let is_origin = origin.starts_with("http://") || origin.starts_with("https://");
            is_origin.then(|| Kind::RedirectTo(origin.to_owned()))
        },
    ),
    row("huge_body[=SIZE]", "endless answers", |v| {
        v.map_or(Some(200_000_000), size).map(Kind::HugeBody)
    }),
    row(
        "billion_laughs[=RATE]",
        "answers that expand entities to gigabytes, in JSON nest without end",
        |v| rate(v).map(Kind::BillionLaughs),
    ),
    row("malformed[=RATE]", "answers that stop in the middle", |v| {
        rate(v).map(Kind::Malformed)
    }),
    row(
        "page[=RATE]",
        "a page for browsers instead of XML or JSON, with status 200",
        |v| rate(v).map(Kind::Page),
    ),
    row(
        "never_apply[=RATE]",
        "changes are accepted and never applied",
        |v| rate(v).map(Kind::NeverApply),
    ),
];

impl Kind {
    /// Its name in the table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Lag(_) => "lag",
            Self::ResetBefore(_) => "reset_before",
            Self::ResetAfter(_) => "reset_after",
            Self::HangBefore(_) => "hang_before",
            Self::HangAfter(_) => "hang_after",
            Self::Truncate(_) => "truncate",
            Self::Close(_) => "close",
            Self::Unavailable(_) => "unavailable",
            Self::UnavailableFor { .. } => "unavailable_for",
            Self::Throttle(_) => "throttle",
            Self::RateLimit(_) => "rate_limit",
            Self::RetryAfter(_) => "retry_after",
            Self::RetryAfterDate(_) => "retry_after_as",
            Self::Error500(_) => "error_500",
            Self::Error500After(_) => "error_500_after",
            Self::Plain401(_) => "plain_401",
            Self::Redirect(_) => "redirect",
            Self::RedirectTo(_) => "redirect_to",
            Self::HugeBody(_) => "huge_body",
            Self::BillionLaughs(_) => "billion_laughs",
            Self::Malformed(_) => "malformed",
            Self::Page(_) => "page",
            Self::NeverApply(_) => "never_apply",
            Self::CtiError(_) => "cti_error",
            Self::Finesse(setting) => setting.name(),
            Self::Zap(setting) => setting.name(),
            Self::ZapTrouble(trouble, _) => trouble.name(),
            Self::Uiza(setting) => setting.name(),
            Self::UizaTrouble(_) => "uiza_error",
            Self::Feed(trouble, _) => trouble.name(),
        }
    }
}

fn rate(value: Option<&str>) -> Option<f64> {
    let rate = match value {
        None => 1.0,
        Some(value) => match value.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
            None => value.parse().ok()?,
        },
    };
    (0.0..=1.0).contains(&rate).then_some(rate)
}

fn spells(value: Option<&str>) -> Option<Kind> {
    let (spell, every) = match value?.split_once('/') {
        Some((spell, every)) => (spell, Some(duration(every.trim())?)),
        None => (value?, None),
    };
    Some(Kind::UnavailableFor {
        spell: duration(spell.trim())?,
        every,
    })
}

fn duration(value: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(value)?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" | "" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

fn size(value: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(value)?;
    let bytes = match unit {
        "" | "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        _ => return None,
    };
    // Positive and far below 2^53, so nothing is lost that matters.
    Some((number * bytes) as u64)
}

/// A number that is neither negative nor infinite, and what follows it.
fn number_and_unit(value: &str) -> Option<(f64, &str)> {
    let end = value
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

/// What one of the names stands for, whatever its letter case.
fn one_of<T: Clone>(value: Option<&str>, choices: &[(&str, T)]) -> Option<T> {
    let value = value?;
    let (_, chosen) = choices
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(value))?;
    Some(chosen.clone())
}

fn on_or_off(value: Option<&str>) -> Option<bool> {
    match value {
        None | Some("yes" | "true" | "on") => Some(true),
        Some("no" | "false" | "off") => Some(false),
        Some(_) => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use expect_test::{Expect, expect};

    use super::super::{Fault, Faults};
    use super::{known, rows};

    fn check(text: &str, expected: &Expect) {
        let shown = match Fault::parse(text) {
            Ok(fault) => format!("{:?} at {fault}", fault.kind),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn reads_faults_and_says_what_is_wrong_with_others() {
        check("delay=50ms", &expect!["Delay(50ms) at delay"]);
        check("lag = 1.5s @put", &expect!["Lag(1.5s) at lag@PUT"]);
        check(
            "reset_after=5%@PUT/finesse/api/User#3",
            &expect!["ResetAfter(0.05) at reset_after@PUT/finesse/api/User#3"],
        );
        check(
            "unavailable@/finesse/api/Team",
            &expect!["Unavailable(1.0) at unavailable@/finesse/api/Team"],
        );
        check("huge_body=200MB", &expect!["HugeBody(200000000) at huge_body"]);
        check(
            "clock_skew=-1h",
            &expect!["Finesse(ClockSkewMillis(-3600000)) at clock_skew"],
        );
        check(
            "deployment=uccx",
            &expect!["Finesse(Deployment(Uccx)) at deployment"],
        );
        check(
            "cti_error=265",
            &expect![[
                r#"CtiError(AsyncError { data: "265", message: "CF_INVALID_AGENT_WORKMODE", error_type: "Invalid State" }) at cti_error"#
            ]],
        );
        check(
            "omit=teamName,roles",
            &expect![[r#"Finesse(Omit(["teamName", "roles"])) at omit"#]],
        );
        check(
            "unavailable=2",
            &expect!["a fault is written `unavailable[=RATE]`, not with `2`; a rate is `0.05` or `5%`"],
        );
        check(
            "delay",
            &expect![
                "a fault is written `delay=DURATION`, not without a value; a duration is `50ms`, `3s` or `5m`"
            ],
        );
        check(
            "talking=later",
            &expect!["a fault is written `talking=immediate|pending`, not with `later`"],
        );
        check(
            "delay=1s@",
            &expect![
                "`` is no place or number of times: write `@PUT`, `@/finesse/api/Team`, `@GET/finesse/api/User`, `#3`"
            ],
        );
        check(
            "delay=1s#often",
            &expect![
                "`often` is no place or number of times: write `@PUT`, `@/finesse/api/Team`, `@GET/finesse/api/User`, `#3`"
            ],
        );
    }

    #[test]
    fn an_unknown_name_lists_those_that_exist() {
        let message = Fault::parse("dealy=1s").unwrap_err().to_string();
        assert!(
            message.starts_with("no fault is named `dealy`; known: delay, lag,"),
            "{message}"
        );
    }

    #[test]
    fn every_row_makes_the_fault_of_its_name() {
        let names: HashSet<_> = known().map(|known| known.name).collect();
        assert_eq!(names.len(), rows().count());
        for row in rows() {
            let made = [
                "1",
                "50ms",
                "1MB",
                "22",
                "yes",
                "UCCE",
                "pending",
                "IN_SERVICE",
                "sync",
                "200",
                "captured",
                "none",
                "cdata",
                "pair",
                "push",
                "date",
                "http://127.0.0.1:1",
                "flat",
                "email",
                "object",
                "A",
                "404",
            ]
            .iter()
            .find_map(|value| (row.parse)(Some(value)))
            .unwrap();
            assert_eq!(made.name(), row.name());
        }
    }

    #[test]
    fn dice_are_repeatable_and_scopes_and_times_are_kept() {
        let strikes = |text: &str, method: &http::Method, path: &str| {
            let mut faults = Faults::new(1);
            faults.set(text.parse().unwrap());
            // A request every millisecond.
            (10..110)
                .filter(|&ms| {
                    let now = Duration::from_millis(ms);
                    faults.decide(method, path, now).name.is_some()
                })
                .count()
        };
        let (get, put) = (http::Method::GET, http::Method::PUT);
        assert_eq!(
            strikes("unavailable=0.1", &get, "/a"),
            strikes("unavailable=0.1", &get, "/a")
        );
        assert!((3..20).contains(&strikes("unavailable=0.1", &get, "/a")));
        assert_eq!(strikes("unavailable@PUT", &get, "/a"), 0);
        assert_eq!(strikes("unavailable@PUT/a#7", &put, "/a/b"), 7);
        assert_eq!(strikes("unavailable@PUT/a#7", &put, "/b"), 0);
        assert_eq!(strikes("unavailable_for=11ms", &get, "/"), 11);
        assert_eq!(strikes("unavailable_for=2ms/10ms", &get, "/"), 20);
        assert_eq!(strikes("rate_limit=20", &get, "/"), 80);
    }
}

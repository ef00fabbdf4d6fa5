//! The table of faults: one line gives the name, the help and the parser of each.

use std::time::Duration;

use super::{FaultError, Kind};
use crate::finesse::{
    AsyncError, Deployment, Empty, NameSpace, Order, RootCase, ServiceStatus, Setting, TalkingLogout,
    TextForm, WhenChecked,
};
use crate::zap::{Already, ErrorShape, LoginBody, LoginShape};
use crate::{uiza, zap};

/// What a fault is called, takes and does, for help texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// As written before `=`.
    pub name: &'static str,
    /// The name and what it takes, such as `delay=DURATION`; in brackets what may be left out.
    pub usage: &'static str,
    /// One line.
    pub help: &'static str,
}

/// Every fault there is.
pub fn known() -> impl Iterator<Item = Description> {
    TABLE.iter().map(|row| Description {
        name: row.name(),
        usage: row.usage,
        help: row.help,
    })
}

/// The fault with this name and value.
pub(super) fn kind(name: &str, value: Option<&str>) -> Result<Kind, FaultError> {
    let row = TABLE
        .iter()
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

static TABLE: &[Row] = &[
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
    row(
        "cti_error[=22|33|257|260|265|1010|internal]",
        "changes are accepted and fail with this error on the feed",
        |v| AsyncError::by_code(v.unwrap_or("22")).map(Kind::CtiError),
    ),
    row("deployment=UCCE|UCCX", "which rules hold", |v| {
        choice(
            v,
            &[("UCCE", Deployment::Ucce), ("UCCX", Deployment::Uccx)],
            Setting::Deployment,
        )
    }),
    row(
        "talking=immediate|pending",
        "what a logout does to an agent on a call",
        |v| {
            let choices = [
                ("immediate", TalkingLogout::Immediate),
                ("pending", TalkingLogout::Pending),
            ];
            choice(v, &choices, Setting::Talking)
        },
    ),
    row(
        "status=IN_SERVICE|PARTIAL_SERVICE|OUT_OF_SERVICE",
        "what SystemInfo says; 503 unless in service",
        |v| {
            let choices = [
                ("IN_SERVICE", ServiceStatus::InService),
                ("PARTIAL_SERVICE", ServiceStatus::PartialService),
                ("OUT_OF_SERVICE", ServiceStatus::OutOfService),
            ];
            choice(v, &choices, Setting::Status)
        },
    ),
    row(
        "state_check=sync|async",
        "whether a change that the state forbids fails at once or on the feed",
        |v| {
            choice(
                v,
                &[("sync", WhenChecked::Sync), ("async", WhenChecked::Async)],
                Setting::StateCheck,
            )
        },
    ),
    row("accept_status=200|202", "the status of an accepted change", |v| {
        choice(v, &[("202", 202), ("200", 200)], Setting::AcceptStatus)
    }),
    row(
        "lockout_after=NUMBER",
        "how many wrong passwords lock an account",
        |v| Some(Kind::Finesse(Setting::LockoutAfter(v?.parse().ok()?))),
    ),
    row("lockout_for=DURATION", "how long an account stays locked", |v| {
        Some(Kind::Finesse(Setting::LockoutFor(duration(v?)?)))
    }),
    row(
        "clock_skew=[-]DURATION",
        "how far the service's clock is ahead",
        |v| {
            let value = v?;
            let (sign, value) = value.strip_prefix('-').map_or((1, value), |rest| (-1, rest));
            let millis = i64::try_from(duration(value)?.as_millis()).ok()?;
            Some(Kind::Finesse(Setting::ClockSkewMillis(sign * millis)))
        },
    ),
    row(
        "supervisor_reads_users[=yes|no]",
        "a supervisor may read /User of his team members",
        |v| switch(v, Setting::SupervisorReadsUsers),
    ),
    row(
        "reason_required[=yes|no]",
        "a sign-out needs a reason code where some are configured",
        |v| switch(v, Setting::ReasonRequired),
    ),
    row(
        "logged_out_by_default[=yes|no]",
        "a Team without includeLoggedOutAgents lists those logged out",
        |v| switch(v, Setting::LoggedOutByDefault),
    ),
    row(
        "authentication_failure[=yes|no]",
        "a refused login is an Authentication Failure",
        |v| switch(v, Setting::AuthenticationFailure),
    ),
    row(
        "order=captured|reversed|shuffled",
        "the order of child elements",
        |v| {
            let choices = [
                ("captured", Order::Captured),
                ("reversed", Order::Reversed),
                ("shuffled", Order::Shuffled),
            ];
            choice(v, &choices, Setting::Order)
        },
    ),
    row(
        "root_case=captured|lower|upper",
        "the letter case of the root element",
        |v| {
            let choices = [
                ("captured", RootCase::Captured),
                ("lower", RootCase::Lower),
                ("upper", RootCase::Upper),
            ];
            choice(v, &choices, Setting::RootCase)
        },
    ),
    row(
        "namespace=none|default|prefix",
        "whether elements are in a namespace",
        |v| {
            let choices = [
                ("none", NameSpace::None),
                ("default", NameSpace::Default),
                ("prefix", NameSpace::Prefix),
            ];
            choice(v, &choices, Setting::NameSpace)
        },
    ),
    row("text=escaped|cdata|numeric", "how text is written", |v| {
        let choices = [
            ("escaped", TextForm::Escaped),
            ("cdata", TextForm::Cdata),
            ("numeric", TextForm::Numeric),
        ];
        choice(v, &choices, Setting::Text)
    }),
    row(
        "empty=pair|self_closing|omitted",
        "how empty elements are written",
        |v| {
            let choices = [
                ("pair", Empty::Pair),
                ("self_closing", Empty::SelfClosing),
                ("omitted", Empty::Omitted),
            ];
            choice(v, &choices, Setting::Empty)
        },
    ),
    row(
        "pretty[=yes|no]",
        "an XML declaration, and every element on a line of its own",
        |v| switch(v, Setting::Pretty),
    ),
    row("omit=ELEMENT,…", "elements that answers leave out", |v| {
        let names = v?.split(',').map(|name| name.trim().to_owned()).collect();
        Some(Kind::Finesse(Setting::Omit(names)))
    }),
    row(
        "zap_login=flat|nested|otp",
        "ZAP: the shape of the answer to a login",
        |v| {
            let shapes = [
                ("flat", LoginShape::Flat),
                ("nested", LoginShape::Nested),
                ("otp", LoginShape::Otp),
            ];
            one_of(v, &shapes).map(zap::Setting::Login).map(Kind::Zap)
        },
    ),
    row(
        "zap_login_body=any|email|identity|app",
        "ZAP: which of the documented bodies a login must have",
        |v| {
            let bodies = [
                ("any", LoginBody::Any),
                ("email", LoginBody::Email),
                ("identity", LoginBody::Identity),
                ("app", LoginBody::App),
            ];
            one_of(v, &bodies).map(zap::Setting::LoginBody).map(Kind::Zap)
        },
    ),
    row(
        "zap_two_factor[=yes|no]",
        "ZAP: every login needs twoFaToken, which is 636363",
        |v| on_or_off(v).map(zap::Setting::TwoFactor).map(Kind::Zap),
    ),
    row("zap_token_life=DURATION", "ZAP: how long new tokens live", |v| {
        Some(Kind::Zap(zap::Setting::TokenLife(duration(v?)?)))
    }),
    row(
        "zap_token_uses=NUMBER",
        "ZAP: a token is expired after so many requests",
        |v| Some(Kind::Zap(zap::Setting::TokenUses(v?.parse().ok()?))),
    ),
    row(
        "zap_refresh_life=DURATION",
        "ZAP: how long new refresh tokens live",
        |v| Some(Kind::Zap(zap::Setting::RefreshLife(duration(v?)?))),
    ),
    row(
        "zap_refresh_refused[=yes|no]",
        "ZAP: refresh tokens are refused",
        |v| on_or_off(v).map(zap::Setting::RefreshRefused).map(Kind::Zap),
    ),
    row(
        "zap_errors=message|object|error|data|list|text|page|empty",
        "ZAP: the shape of errors",
        |v| {
            let shapes = [
                ("message", ErrorShape::Message),
                ("object", ErrorShape::Object),
                ("error", ErrorShape::Error),
                ("data", ErrorShape::Data),
                ("list", ErrorShape::List),
                ("text", ErrorShape::Text),
                ("page", ErrorShape::Page),
                ("empty", ErrorShape::Empty),
            ];
            one_of(v, &shapes).map(zap::Setting::Errors).map(Kind::Zap)
        },
    ),
    row(
        "zap_already=200|400|404",
        "ZAP: what a logout gets of what is not signed in",
        |v| {
            let statuses = [
                ("200", Already::Ok),
                ("400", Already::BadRequest),
                ("404", Already::NotFound),
            ];
            one_of(v, &statuses).map(zap::Setting::Already).map(Kind::Zap)
        },
    ),
    row("zap_page_cap=NUMBER", "ZAP: the largest bodyLimit", |v| {
        Some(Kind::Zap(zap::Setting::PageCap(v?.parse().ok()?)))
    }),
    row(
        "zap_not_success[=RATE]",
        "ZAP: 200 with success false, nothing done",
        |v| Some(Kind::ZapTrouble(zap::Trouble::NotSuccess, rate(v)?)),
    ),
    row(
        "zap_plain_500[=RATE]",
        "ZAP: 500 that is no JSON, nothing done",
        |v| Some(Kind::ZapTrouble(zap::Trouble::Plain500, rate(v)?)),
    ),
    row("zap_expire[=RATE]", "ZAP: the request's token expires", |v| {
        Some(Kind::ZapTrouble(zap::Trouble::Expire, rate(v)?))
    }),
    row("uiza_body=A|B|C", "Uiza: the body that a logout gets", |v| {
        let bodies = [
            ("A", uiza::LogoutBody::A),
            ("B", uiza::LogoutBody::B),
            ("C", uiza::LogoutBody::C),
        ];
        one_of(v, &bodies).map(uiza::Setting::Body).map(Kind::Uiza)
    }),
    row(
        "uiza_retrieve=array|object",
        "Uiza: what retrieving one user gives",
        |v| {
            let shapes = [
                ("array", uiza::Retrieve::Array),
                ("object", uiza::Retrieve::Object),
            ];
            one_of(v, &shapes).map(uiza::Setting::Retrieve).map(Kind::Uiza)
        },
    ),
    row("uiza_page_cap=NUMBER", "Uiza: the largest limit of a page", |v| {
        Some(Kind::Uiza(uiza::Setting::PageCap(v?.parse().ok()?)))
    }),
    row(
        "uiza_error=200_401|200_type|400|401|404|422|object|500|503",
        "Uiza: an error in its envelope, nothing done; 200_… are HTTP 200",
        |v| {
            let errors = [
                ("200_401", uiza::Trouble::OkWithCode401),
                ("200_type", uiza::Trouble::OkWithTypeError),
                ("400", uiza::Trouble::BadRequest),
                ("401", uiza::Trouble::Unauthorized),
                ("404", uiza::Trouble::NotFound),
                ("422", uiza::Trouble::Unprocessable),
                ("object", uiza::Trouble::Object),
                ("500", uiza::Trouble::Internal),
                ("503", uiza::Trouble::Retryable),
            ];
            one_of(v, &errors).map(Kind::UizaTrouble)
        },
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

fn choice<T: Clone>(value: Option<&str>, choices: &[(&str, T)], setting: fn(T) -> Setting) -> Option<Kind> {
    one_of(value, choices).map(setting).map(Kind::Finesse)
}

/// What one of the names stands for, whatever its letter case.
fn one_of<T: Clone>(value: Option<&str>, choices: &[(&str, T)]) -> Option<T> {
    let value = value?;
    let (_, chosen) = choices
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(value))?;
    Some(chosen.clone())
}

fn switch(value: Option<&str>, setting: fn(bool) -> Setting) -> Option<Kind> {
    on_or_off(value).map(setting).map(Kind::Finesse)
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
    use super::{TABLE, known};

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
        assert_eq!(names.len(), TABLE.len());
        for row in TABLE {
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

//! The faults of Finesse alone, and the ways in which its releases and deployments differ.

use super::{Row, duration, on_or_off, one_of, row};
use crate::fault::Kind;
use crate::finesse::{
    AsyncError, Deployment, Empty, NameSpace, Order, RootCase, ServiceStatus, Setting, TalkingLogout,
    TextForm, WhenChecked,
};

pub(super) static ROWS: &[Row] = &[
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
];

pub(super) fn choice<T: Clone>(
    value: Option<&str>,
    choices: &[(&str, T)],
    setting: fn(T) -> Setting,
) -> Option<Kind> {
    one_of(value, choices).map(setting).map(Kind::Finesse)
}

pub(super) fn switch(value: Option<&str>, setting: fn(bool) -> Setting) -> Option<Kind> {
    on_or_off(value).map(setting).map(Kind::Finesse)
}

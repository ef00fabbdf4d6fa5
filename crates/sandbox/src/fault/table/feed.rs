//! The faults of Finesse's notification service, and the ways in which it behaves.

use super::finesse::{choice, switch};
use super::{Row, duration, rate, row};
use crate::fault::Kind;
use crate::finesse::{NotificationSpace, Setting};
use crate::notify::{FeedEnd, Trouble};

pub(super) static ROWS: &[Row] = &[
    row(
        "presence_timeout=DURATION",
        "how long after his last session of notifications a user is logged out",
        |v| Some(Kind::Finesse(Setting::PresenceTimeout(duration(v?)?))),
    ),
    row(
        "supervisor_hears_users[=yes|no]",
        "a supervisor may subscribe to the nodes of his team members",
        |v| switch(v, Setting::SupervisorHearsUsers),
    ),
    row(
        "notification=push|pubsub",
        "the namespace of notifications: as in 12.5, or as in 11.x",
        |v| {
            let choices = [
                ("push", NotificationSpace::Push),
                ("pubsub", NotificationSpace::PubSub),
            ];
            choice(v, &choices, Setting::Notification)
        },
    ),
    row(
        "bare_features[=yes|no]",
        "features over WebSocket use a prefix that they do not declare",
        |v| switch(v, Setting::BareFeatures),
    ),
    row(
        "feed_service[=yes|no]",
        "the user `finesse`, who stands for notifications, is available",
        |v| switch(v, Setting::ServiceAvailable),
    ),
    row(
        "names_ports[=yes|no]",
        "SystemInfo names the ports of the notification service",
        |v| switch(v, Setting::NamesPorts),
    ),
    row(
        "feed_off[=RATE]",
        "there is no notification service: connections are reset",
        |v| feed(v, Trouble::Off),
    ),
    row(
        "feed_silent[=RATE]",
        "the notification service accepts connections and says nothing",
        |v| feed(v, Trouble::Silent),
    ),
    row(
        "feed_no_plain[=RATE]",
        "the notification service does not offer PLAIN",
        |v| feed(v, Trouble::NoPlain),
    ),
    row(
        "feed_not_authorized[=NUMBER]",
        "logins to notifications beyond so many are refused",
        |v| {
            let fine = v.map_or(Some(0), |v| v.parse().ok())?;
            Some(Kind::Feed(Trouble::NotAuthorized(fine), 1.0))
        },
    ),
    row(
        "feed_temporary_failure[=RATE]",
        "logins to notifications fail for a time",
        |v| feed(v, Trouble::TemporaryFailure),
    ),
    row("feed_lost[=RATE]", "events are lost", |v| feed(v, Trouble::Lost)),
    row("feed_doubled[=RATE]", "events come twice", |v| {
        feed(v, Trouble::Doubled)
    }),
    row("feed_late=DURATION", "events come so much later", |v| {
        Some(Kind::Feed(Trouble::Late(duration(v?)?), 1.0))
    }),
    row(
        "feed_close[=RATE]",
        "instead of an event, the session is closed without a footer",
        |v| feed(v, Trouble::End(FeedEnd::Close)),
    ),
    row(
        "feed_reset[=RATE]",
        "instead of an event, the session is reset",
        |v| feed(v, Trouble::End(FeedEnd::Reset)),
    ),
    row(
        "feed_half[=RATE]",
        "half of an event, then the session is closed",
        |v| feed(v, Trouble::End(FeedEnd::Half)),
    ),
    row(
        "feed_shutdown[=RATE]",
        "instead of an event, `system-shutdown`",
        |v| feed(v, Trouble::End(FeedEnd::Shutdown)),
    ),
    row("feed_conflict[=RATE]", "instead of an event, `conflict`", |v| {
        feed(v, Trouble::End(FeedEnd::Conflict))
    }),
    row(
        "feed_hang[=RATE]",
        "instead of an event, silence from there on",
        |v| feed(v, Trouble::End(FeedEnd::Hang)),
    ),
];

fn feed(value: Option<&str>, trouble: Trouble) -> Option<Kind> {
    rate(value).map(|rate| Kind::Feed(trouble, rate))
}

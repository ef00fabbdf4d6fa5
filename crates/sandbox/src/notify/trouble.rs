//! What can be wrong with the notification service, by the moment at which it strikes.

use std::time::Duration;

/// What goes wrong with notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is no notification service: whoever connects is thrown out.
    Off,
    /// Connections are accepted, and nothing is ever said.
    Silent,
    /// PLAIN is not offered.
    NoPlain,
    /// Logins beyond so many are refused, whatever the password.
    NotAuthorized(u32),
    /// Logins fail for a time.
    TemporaryFailure,
    /// Events are lost.
    Lost,
    /// Events come twice.
    Doubled,
    /// Events come so much later.
    Late(Duration),
    /// Instead of an event, the session ends.
    End(FeedEnd),
}

/// How sessions of the notification service end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedEnd {
    /// The connection is closed, without a footer.
    Close,
    /// It is reset.
    Reset,
    /// It is closed in the middle of a stanza.
    Half,
    /// With the stream error `system-shutdown`.
    Shutdown,
    /// With the stream error `conflict`.
    Conflict,
    /// It stays, and nothing is said any more.
    Hang,
}

/// When something can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Connect,
    /// When the server says how one may log in.
    Offer,
    Login,
    Event,
}

impl Trouble {
    /// Its name among the faults.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "feed_off",
            Self::Silent => "feed_silent",
            Self::NoPlain => "feed_no_plain",
            Self::NotAuthorized(_) => "feed_not_authorized",
            Self::TemporaryFailure => "feed_temporary_failure",
            Self::Lost => "feed_lost",
            Self::Doubled => "feed_doubled",
            Self::Late(_) => "feed_late",
            Self::End(FeedEnd::Close) => "feed_close",
            Self::End(FeedEnd::Reset) => "feed_reset",
            Self::End(FeedEnd::Half) => "feed_half",
            Self::End(FeedEnd::Shutdown) => "feed_shutdown",
            Self::End(FeedEnd::Conflict) => "feed_conflict",
            Self::End(FeedEnd::Hang) => "feed_hang",
        }
    }

    pub(crate) fn moment(self) -> Moment {
        match self {
            Self::Off | Self::Silent => Moment::Connect,
            Self::NoPlain => Moment::Offer,
            Self::NotAuthorized(_) | Self::TemporaryFailure => Moment::Login,
            Self::Lost | Self::Doubled | Self::Late(_) | Self::End(_) => Moment::Event,
        }
    }
}

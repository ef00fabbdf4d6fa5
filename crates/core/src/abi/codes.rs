//! The kinds of the vocabulary and their numbers in the C interface.

use super::layout as c;
use crate::{
    ActsOn, CancelReason, ConfirmedBy, CredentialKind, FailureKind, InDoubtPolicy, Outcome, ParameterKind,
    Sent, Target, Yields,
};

/// A kind that has a number in the C interface.
pub(super) trait Code: Copy {
    fn code(self) -> u32;

    /// `None` for a number that is not known.
    fn from_code(code: u32) -> Option<Self>;
}

macro_rules! codes {
    ($($type:ident { $($variant:ident = $code:ident,)* })*) => {
        $(impl Code for $type {
            fn code(self) -> u32 {
                match self {
                    $(Self::$variant => c::$code,)*
                }
            }

            fn from_code(code: u32) -> Option<Self> {
                match code {
                    $(c::$code => Some(Self::$variant),)*
                    _ => None,
                }
            }
        })*
    };
}

codes! {
    ActsOn {
        User = ACTS_ON_USER,
        CredentialOwner = ACTS_ON_CREDENTIAL_OWNER,
    }
    CancelReason {
        Stopped = CANCEL_STOPPED,
        CredentialStopped = CANCEL_CREDENTIAL_STOPPED,
    }
    ConfirmedBy {
        Response = CONFIRMED_BY_RESPONSE,
        Status = CONFIRMED_BY_STATUS,
        Event = CONFIRMED_BY_EVENT,
    }
    CredentialKind {
        Basic = CREDENTIAL_BASIC,
        Bearer = CREDENTIAL_BEARER,
        Key = CREDENTIAL_KEY,
    }
    FailureKind {
        Unreachable = FAILURE_UNREACHABLE,
        TimedOut = FAILURE_TIMED_OUT,
        Broken = FAILURE_BROKEN,
        TooLarge = FAILURE_TOO_LARGE,
        Redirected = FAILURE_REDIRECTED,
        Expired = FAILURE_EXPIRED,
    }
    InDoubtPolicy {
        Verify = POLICY_VERIFY,
        Repeat = POLICY_REPEAT,
        Skip = POLICY_SKIP,
    }
    Outcome {
        Done = OUTCOME_DONE,
        Already = OUTCOME_ALREADY,
        Skipped = OUTCOME_SKIPPED,
        Planned = OUTCOME_PLANNED,
        Accepted = OUTCOME_ACCEPTED,
        Pending = OUTCOME_PENDING,
        Busy = OUTCOME_BUSY,
        Refused = OUTCOME_REFUSED,
        NotFound = OUTCOME_NOT_FOUND,
        Denied = OUTCOME_DENIED,
        Failed = OUTCOME_FAILED,
        Unknown = OUTCOME_UNKNOWN,
        Cancelled = OUTCOME_CANCELLED,
    }
    ParameterKind {
        Text = PARAMETER_TEXT,
        Boolean = PARAMETER_BOOLEAN,
        Integer = PARAMETER_INTEGER,
        Duration = PARAMETER_DURATION,
        List = PARAMETER_LIST,
    }
    Sent {
        NotSent = SENT_NOT,
        MaybeSent = SENT_MAYBE,
    }
    Target {
        User = TARGET_USER,
        Connection = TARGET_CONNECTION,
    }
    Yields {
        Outcome = YIELDS_OUTCOME,
        Record = YIELDS_RECORD,
        Records = YIELDS_RECORDS,
    }
}

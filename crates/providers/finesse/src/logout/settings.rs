//! What a logout was asked to be like.

use std::time::Duration;

use signoff_core::{Args, Error, User};

use crate::request::check_id;

/// The arguments of a logout.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) user: User,
    /// Live calls are left alone.
    pub(super) when_idle: bool,
    /// How long to wait for a call to end.
    pub(super) wait: Duration,
    /// What is to prove it.
    pub(super) proof: Proof,
    /// How long to look for that.
    pub(super) confirm_within: Duration,
    /// A label, or a database id.
    pub(super) reason: Option<String>,
    pub(super) include_self: bool,
    pub(super) force_not_ready: bool,
}

/// What is to prove a logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Finesse's acceptance is enough.
    Acceptance,
    /// A state that was read.
    Status,
    /// A notification; nothing is sent where there can be none.
    Event,
    /// A notification where there are any, else a state.
    Best,
}

impl Proof {
    pub(super) const fn wants_event(self) -> bool {
        matches!(self, Self::Event | Self::Best)
    }

    pub(super) fn is_strict(self) -> bool {
        self == Self::Event
    }
}

impl Settings {
    pub(super) fn read(args: Args<'_>) -> Result<Self, Error> {
        let user = args
            .user()
            .ok_or_else(|| Error::Arguments("a logout needs a user".to_owned()))?;
        check_id("the id of the user", &user.id)?;
        let when_idle = match args.text("when") {
            "" | "idle" => true,
            "now" => false,
            other => return Err(not_a_choice("when", other, "`idle` and `now`")),
        };
        let proof = match args.text("confirm") {
            "accepted" => Proof::Acceptance,
            "status" => Proof::Status,
            "event" => Proof::Event,
            "" | "best" => Proof::Best,
            other => {
                let choices = "`accepted`, `status`, `event` and `best`";
                return Err(not_a_choice("confirm", other, choices));
            }
        };
        let reason = args.text("reason").trim();
        Ok(Self {
            user: user.clone(),
            when_idle,
            wait: args.duration("wait"),
            proof,
            confirm_within: args.duration("confirm_within"),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            include_self: args.boolean("include_self"),
            force_not_ready: args.boolean("force_not_ready"),
        })
    }
}

fn not_a_choice(option: &str, given: &str, choices: &str) -> Error {
    Error::Arguments(format!("`{option}` takes {choices}, not `{given}`"))
}

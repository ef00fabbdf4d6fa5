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
    /// Finesse's acceptance is enough.
    pub(super) acceptance_is_enough: bool,
    /// How long to look for the state.
    pub(super) confirm_within: Duration,
    /// A label, or a database id.
    pub(super) reason: Option<String>,
    pub(super) include_self: bool,
    pub(super) force_not_ready: bool,
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
        let acceptance_is_enough = match args.text("confirm") {
            "accepted" => true,
            // Until there are notifications, a state that was read is the best proof.
            "" | "status" | "best" => false,
            "event" => {
                return Err(Error::Arguments(
                    "`confirm = \"event\"` needs notifications, which this version does not receive: use `status` or `best`"
                        .to_owned(),
                ));
            }
            other => return Err(not_a_choice("confirm", other, "`accepted`, `status` and `best`")),
        };
        let reason = args.text("reason").trim();
        Ok(Self {
            user: user.clone(),
            when_idle,
            wait: args.duration("wait"),
            acceptance_is_enough,
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

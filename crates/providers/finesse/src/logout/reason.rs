//! The sign-out reason of one's own logout.

use signoff_core::{Now, Outcome, Response};

use super::{Logout, Phase};
use crate::errors::{VendorError, ended};
use crate::model::ReasonCode;
use crate::request::Desk;

impl Logout {
    pub(super) fn reasons(&mut self, desk: &mut Desk, now: Now, response: &Response<'_>) {
        let wanted = self.settings.reason.clone().unwrap_or_default();
        if !matches!(response.status, 200..=299) {
            let error = VendorError::read(response);
            desk.finish(error.finished(error.outcome()));
            return;
        }
        let codes = match ReasonCode::parse_list(response.body) {
            Ok(codes) => codes,
            Err(unreadable) => {
                let message = format!("the sign-out reasons of `{}`: {unreadable}", self.actor);
                desk.finish(ended(Outcome::Failed, "unreadable_answer", message));
                return;
            }
        };
        let by_label = codes
            .iter()
            .find(|code| code.label.trim().eq_ignore_ascii_case(&wanted));
        let Some(code) = by_label.or_else(|| codes.iter().find(|code| code.id == wanted)) else {
            let labels: Vec<&str> = codes.iter().map(|code| code.label.as_str()).collect();
            let message = if labels.is_empty() {
                format!("there is no sign-out reason `{wanted}`, nor any other")
            } else {
                format!(
                    "there is no sign-out reason `{wanted}`, only: {}",
                    labels.join(", ")
                )
            };
            desk.finish(ended(Outcome::Refused, "unknown_reason", message));
            return;
        };
        self.reason = Some(code.id.clone());
        let doubt = match &mut self.phase {
            Phase::Reasons(doubt) => doubt.take(),
            _ => None,
        };
        self.first_look(desk, now, doubt);
    }
}

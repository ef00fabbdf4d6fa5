//! Whether Finesse is in service. Anybody may ask, so no credential is shown.

use signoff_core::{Finished, Input, Now, Outcome, Record, Response, Step};

use crate::errors::{VendorError, ended, unanswered};
use crate::model::SystemInfo;
use crate::record::field;
use crate::request::Desk;
use crate::runner::cancelled;

/// One question under way.
#[derive(Debug)]
pub(crate) struct Health {
    desk: Desk,
}

impl Health {
    pub(crate) fn new(mut desk: Desk) -> Self {
        desk.read_health();
        Self { desk }
    }

    pub(crate) fn next(&mut self, _now: Now) -> Step {
        self.desk.step()
    }

    pub(crate) fn input(&mut self, _now: Now, input: &Input<'_>) {
        if self.desk.has_finished() {
            return;
        }
        match *input {
            Input::Response(response) if self.desk.take(response.request) => self.answered(&response),
            Input::Failure(failure) if self.desk.take(failure.request) => {
                self.desk.finish(unanswered(Outcome::Failed, &failure));
            }
            Input::Cancel(reason) => self.desk.finish(cancelled(reason)),
            _ => {}
        }
    }

    fn answered(&mut self, response: &Response<'_>) {
        if !matches!(response.status, 200..=299) {
            let error = VendorError::read(response);
            return self.desk.finish(error.finished(error.outcome()));
        }
        let info = match SystemInfo::parse(response.body) {
            Ok(info) => info,
            Err(why) => {
                let message = format!("the SystemInfo object: {why}");
                return self
                    .desk
                    .finish(ended(Outcome::Failed, "unreadable_answer", message));
            }
        };
        self.desk.record(row(&info));
        self.desk.finish(if info.in_service() {
            Finished::new(Outcome::Done)
        } else {
            Finished {
                code: Some(info.text("status").unwrap_or("UNKNOWN").to_owned()),
                message: info.text("statusReason").map(str::to_owned),
                ..Finished::new(Outcome::Failed)
            }
        });
    }
}

fn row(info: &SystemInfo) -> Record {
    let texts = [
        ("status", "status"),
        ("status_reason", "statusReason"),
        ("deployment", "deploymentType"),
        ("authentication", "systemAuthMode"),
        ("license", "license"),
        ("cti_version", "ctiVersion"),
        ("cti_heartbeat", "lastCTIHeartbeatStatus"),
        ("cti_maintenance", "ctiMMode"),
        ("finesse_maintenance", "finesseMMode"),
        ("time", "currentTimestamp"),
        ("xmpp_domain", "xmppDomain"),
        ("xmpp_pubsub_domain", "xmppPubSubDomain"),
    ];
    let nodes = [
        ("primary_node", "primaryNode"),
        ("secondary_node", "secondaryNode"),
    ];
    Record {
        id: info.host("primaryNode").unwrap_or("finesse").to_owned(),
        attributes: texts
            .into_iter()
            .map(|(name, element)| field(name, info.text(element)))
            .chain(
                nodes
                    .into_iter()
                    .map(|(name, element)| field(name, info.host(element))),
            )
            .collect(),
    }
}

//! Reading what a provider gives: steps and classes.

use std::borrow::Cow;
use std::time::Duration;

use super::layout as c;
use super::reader::{Reader, Violation, code, truth, unknown};
use crate::{
    Class, CredentialUse, Effect, Finished, InDoubt, Monotonic, Placement, Record, Request, RequestId,
    SecretHandle, SecretUse, Step, Subscribe, Wait,
};

impl Reader<'_> {
    pub(super) fn step(&mut self, step: *const c::Step) -> Result<Step, Violation> {
        let step = self.structure(step, "step")?;
        Ok(match step.kind {
            c::STEP_REQUEST => Step::Request(self.request(step.request)?),
            c::STEP_RECORD => {
                let record = self.structure(step.record, "record")?;
                Step::Record(Record {
                    id: self.owned(record.id, "record.id")?,
                    attributes: self.fields(record.attributes, "record.attributes")?,
                })
            }
            c::STEP_WAIT => {
                let wait = self.structure(step.wait, "wait")?;
                Step::Wait(Wait {
                    until: Monotonic(wait.until),
                    reason: match self.text(wait.reason, "wait.reason")? {
                        "" => Cow::Borrowed(""),
                        reason => Cow::Owned(reason.to_owned()),
                    },
                })
            }
            c::STEP_SUBSCRIBE => {
                let subscribe = self.structure(step.subscribe, "subscribe")?;
                Step::Subscribe(Subscribe {
                    id: RequestId(subscribe.id),
                    node: self.owned(subscribe.node, "subscribe.node")?,
                    user: self.owned(subscribe.user, "subscribe.user")?,
                })
            }
            c::STEP_FINISHED => Step::Finished(self.finished(step.finished)?),
            kind => return Err(unknown(kind, "it", "step")),
        })
    }

    pub(super) fn class(&mut self, class: *const c::Class) -> Result<Class, Violation> {
        let class = self.structure(class, "class")?;
        Ok(match class.kind {
            c::CLASS_OK => Class::Ok,
            c::CLASS_THROTTLED => {
                let has_after = truth(class.has_after, "class.has_after")?;
                Class::Throttled(has_after.then(|| Duration::from_nanos(class.after)))
            }
            c::CLASS_UNAVAILABLE => Class::Unavailable,
            c::CLASS_TOKEN_EXPIRED => Class::TokenExpired,
            c::CLASS_CREDENTIAL_REFUSED => Class::CredentialRefused,
            c::CLASS_CREDENTIAL_DOUBTED => Class::CredentialDoubted,
            c::CLASS_OTHER => Class::Other,
            kind => return Err(unknown(kind, "it", "class")),
        })
    }

    fn request(&mut self, request: *const c::Request) -> Result<Request, Violation> {
        let request = self.structure(request, "request")?;
        Ok(Request {
            id: RequestId(request.id),
            method: self.owned(request.method, "request.method")?,
            effect: self.effect(&request)?,
            endpoint: self.owned(request.endpoint, "request.endpoint")?,
            path: self.owned(request.path, "request.path")?,
            query: self.pairs(request.query, "request.query")?,
            headers: self.pairs(request.headers, "request.headers")?,
            body: self.bytes(request.body, "request.body")?.to_vec(),
            credential: self.credential(request.credential)?,
            secrets: self.secrets(&request)?,
            timeout: (request.timeout != 0).then(|| Duration::from_nanos(request.timeout)),
            answer_cap: (request.answer_cap != 0).then_some(request.answer_cap),
            max_age: Duration::from_nanos(request.max_age),
            not_before: Monotonic(request.not_before),
            not_after: Monotonic(request.not_after),
            proves_credential: truth(request.proves_credential, "request.proves_credential")?,
        })
    }

    fn effect(&mut self, request: &c::Request) -> Result<Effect, Violation> {
        match request.effect {
            c::EFFECT_READ => Ok(Effect::Read),
            c::EFFECT_WRITE => Ok(Effect::Write {
                part: self.owned(request.part, "request.part")?,
                in_doubt: match request.in_doubt {
                    c::IN_DOUBT_ASK => InDoubt::Ask,
                    c::IN_DOUBT_REPEAT => InDoubt::Repeat(Duration::from_nanos(request.repeat_within)),
                    c::IN_DOUBT_REPORT => InDoubt::Report,
                    kind => return Err(unknown(kind, "it", "request.in_doubt")),
                },
                request_id: self.optional_owned(request.request_id, "request.request_id")?,
            }),
            kind => Err(unknown(kind, "it", "request.effect")),
        }
    }

    fn credential(
        &mut self,
        credential: *const c::CredentialUse,
    ) -> Result<Option<CredentialUse>, Violation> {
        if credential.is_null() {
            return Ok(None);
        }
        let credential = self.structure(credential, "request.credential")?;
        Ok(Some(CredentialUse {
            name: self.optional_owned(credential.name, "request.credential.name")?,
            placement: self.placement(
                credential.placement,
                credential.target,
                "request.credential.target",
            )?,
        }))
    }

    fn secrets(&mut self, request: &c::Request) -> Result<Vec<SecretUse>, Violation> {
        let secrets = self.structures(request.secrets, request.secret_count, "request.secrets")?;
        secrets
            .into_iter()
            .map(|secret| {
                Ok(SecretUse {
                    handle: SecretHandle(secret.handle),
                    placement: self.placement(secret.placement, secret.target, "request.secrets.target")?,
                })
            })
            .collect()
    }

    fn placement(&mut self, kind: u32, target: c::Text, what: &str) -> Result<Placement, Violation> {
        let target = self.owned(target, what)?;
        Ok(match kind {
            c::PLACEMENT_BASIC => Placement::Basic,
            c::PLACEMENT_BEARER => Placement::Bearer,
            c::PLACEMENT_HEADER => Placement::Header(target),
            c::PLACEMENT_QUERY => Placement::Query(target),
            c::PLACEMENT_FORM => Placement::Form(target),
            c::PLACEMENT_JSON_POINTER => Placement::JsonPointer(target),
            kind => return Err(unknown(kind, "the placement", what)),
        })
    }

    fn finished(&mut self, finished: *const c::Finished) -> Result<Finished, Violation> {
        let finished = self.structure(finished, "finished")?;
        Ok(Finished {
            outcome: code(finished.outcome, "finished.outcome")?,
            confirmed_by: match finished.confirmed_by {
                c::CONFIRMED_BY_NOTHING => None,
                other => Some(code(other, "finished.confirmed_by")?),
            },
            code: self.optional_owned(finished.code, "finished.code")?,
            message: self.optional_owned(finished.message, "finished.message")?,
            request_id: self.optional_owned(finished.request_id, "finished.request_id")?,
            name: self.optional_owned(finished.name, "finished.name")?,
            fields: self.fields(finished.fields, "finished.fields")?,
        })
    }
}

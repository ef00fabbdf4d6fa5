//! Reading what a host gives: arguments, context and inputs.

use std::time::Duration;

use super::layout as c;
use super::reader::{Reader, Violation, code, truth, unknown};
use crate::{
    CancelReason, Context, Earlier, Event, Failure, Input, Monotonic, Now, RequestId, Response, User,
};

/// The arguments of an operation, read; [`crate::Args`] borrows them.
pub(super) struct OwnedArgs {
    pub(super) user: Option<User>,
    pub(super) fields: Vec<crate::Field>,
}

/// An input, read as far as it can be without a place for its headers.
pub(super) enum RawInput<'a> {
    Response(RawResponse<'a>),
    Other(Input<'a>),
}

/// An answer, read; [`Response`] borrows it.
pub(super) struct RawResponse<'a> {
    response: c::Response,
    status: u16,
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

impl RawResponse<'_> {
    pub(super) fn get(&self) -> Response<'_> {
        Response {
            request: RequestId(self.response.request),
            status: self.status,
            headers: &self.headers,
            body: self.body,
            sent: Monotonic(self.response.sent),
            sent_unix_ms: self.response.sent_unix_ms,
            settled_at: Monotonic(self.response.settled_at),
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn args(&mut self, args: *const c::Args) -> Result<OwnedArgs, Violation> {
        let args = self.structure(args, "args")?;
        let user = if args.user.is_null() {
            None
        } else {
            let user = self.structure(args.user, "args.user")?;
            Some(User {
                id: self.owned(user.id, "args.user.id")?,
                attributes: self.fields(user.attributes, "args.user.attributes")?,
            })
        };
        Ok(OwnedArgs {
            user,
            fields: self.fields(args.fields, "args.fields")?,
        })
    }

    /// The context without its earlier writes, and these.
    pub(super) fn context(
        &mut self,
        context: *const c::Context,
    ) -> Result<(Context<'a>, Vec<Earlier<'a>>), Violation> {
        let context = self.structure(context, "context")?;
        let earlier = self.structures(context.earlier, context.earlier_count, "context.earlier")?;
        let earlier = earlier
            .into_iter()
            .map(|earlier| {
                Ok(Earlier {
                    part: self.text(earlier.part, "earlier.part")?,
                    attempts: earlier.attempts,
                    request_id: self.text(earlier.request_id, "earlier.request_id")?,
                    sent_unix_ms: earlier.sent_unix_ms,
                    settled_at: Monotonic(earlier.settled_at),
                    age: Duration::from_nanos(earlier.age),
                })
            })
            .collect::<Result<_, _>>()?;
        let context = Context {
            actor: self.text(context.actor, "context.actor")?,
            actor_kind: code(context.actor_kind, "context.actor_kind")?,
            plan: truth(context.plan, "context.plan")?,
            call: self.text(context.call, "context.call")?,
            may_act_on_self: truth(context.may_act_on_self, "context.may_act_on_self")?,
            in_doubt: code(context.in_doubt, "context.in_doubt")?,
            earlier: &[],
            logged_out: truth(context.logged_out, "context.logged_out")?,
        };
        Ok((context, earlier))
    }

    pub(super) fn input(&mut self, input: *const c::Input) -> Result<RawInput<'a>, Violation> {
        let input = self.structure(input, "input")?;
        Ok(RawInput::Other(match input.kind {
            c::INPUT_RESPONSE => return Ok(RawInput::Response(self.response(input.response)?)),
            c::INPUT_FAILURE => Input::Failure(self.failure(input.failure)?),
            c::INPUT_HELD => Input::Held {
                request: RequestId(input.id),
            },
            c::INPUT_SUBSCRIBED => Input::Subscribed {
                subscription: RequestId(input.id),
            },
            c::INPUT_FEED_LOST => Input::FeedLost {
                subscription: RequestId(input.id),
            },
            c::INPUT_FEED_REFUSED => Input::FeedRefused {
                subscription: RequestId(input.id),
                message: self.text(input.message, "input.message")?,
            },
            c::INPUT_EVENT => Input::Event(self.event(input.event)?),
            c::INPUT_CANCEL => Input::Cancel(code::<CancelReason>(input.reason, "input.reason")?),
            kind => return Err(unknown(kind, "it", "input")),
        }))
    }

    pub(super) fn response(&mut self, response: *const c::Response) -> Result<RawResponse<'a>, Violation> {
        let response = self.structure(response, "response")?;
        let status = u16::try_from(response.status)
            .map_err(|_| Violation(format!("`response.status` is {}", response.status)))?;
        Ok(RawResponse {
            response,
            status,
            headers: self.pairs(response.headers, "response.headers")?,
            body: self.bytes(response.body, "response.body")?,
        })
    }

    fn failure(&mut self, failure: *const c::Failure) -> Result<Failure<'a>, Violation> {
        let failure = self.structure(failure, "failure")?;
        Ok(Failure {
            request: RequestId(failure.request),
            sent: code(failure.sent, "failure.sent")?,
            kind: code(failure.kind, "failure.kind")?,
            message: self.text(failure.message, "failure.message")?,
            sent_unix_ms: failure.sent_unix_ms,
            settled_at: Monotonic(failure.settled_at),
        })
    }

    pub(super) fn event(&mut self, event: *const c::Event) -> Result<Event<'a>, Violation> {
        let event = self.structure(event, "event")?;
        Ok(Event {
            user: self.text(event.user, "event.user")?,
            state: self.text(event.state, "event.state")?,
            pending_state: self.text(event.pending_state, "event.pending_state")?,
            reason: self.text(event.reason, "event.reason")?,
            request_id: self.text(event.request_id, "event.request_id")?,
            error_code: self.text(event.error_code, "event.error_code")?,
            error_message: self.text(event.error_message, "event.error_message")?,
            unix_ms: event.unix_ms,
            error_kind: self.text(event.error_kind, "event.error_kind")?,
        })
    }
}

/// Both clocks.
pub(super) const fn now(now: c::Now) -> Now {
    Now {
        monotonic: Monotonic(now.monotonic),
        unix_ms: now.unix_ms,
    }
}

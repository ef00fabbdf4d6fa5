//! A logout: the web session, and the app on each device whose token is known, one after the other.
//!
//! *Order.* The web session goes first: it is there to be ended for every user, while devices are known for some, and it is
//! what the administrator's permission is about, so a role that does not suffice shows before any device is touched.
//! What becomes of one part does not keep the next from being sent.
//!
//! *In doubt.* ZAP cannot be asked whether a logout took effect, and no page says what a second one does. By what it is
//! for, it ends what is there to be ended: at worst a session that the user has begun since. For two minutes whoever signs
//! in again is taken to be in the session that was meant, as everywhere in signoff; so a part that may have been sent is
//! repeated within [`REPEAT_WITHIN`], and is `unknown` after it. A part whose result is on record may be sent once more
//! when an interrupted operation is begun again, since its other parts are still to be sent.

use std::borrow::Cow;
use std::time::Duration;

use signoff_core::{
    Args, CancelReason, ConfirmedBy, Context, Error, Failure, Field, Finished, InDoubtPolicy, Input,
    Monotonic, Now, Outcome, RequestId, Response, SecretHandle, Sent, Step, User, Value, Wait,
};

use crate::answer::{Verdict, is_open};
use crate::descriptor::DEVICE_TOKEN;
use crate::request::{LogoutRequest, check_id};

/// How long a part that may have been sent may be repeated.
pub(crate) const REPEAT_WITHIN: Duration = Duration::from_secs(120);
/// How often a part is sent without an answer before it is given up.
const MOST_SENDS: u32 = 3;
/// Between a part that was not answered and its repetition; doubles each time.
const PAUSE: Duration = Duration::from_millis(500);

/// From the worst to the best: the outcome of a user is the worst of his parts. What is open comes first, since going on
/// can still decide it; then what can be tried again, what needs another actor, and what ZAP will not do.
const WORST_FIRST: [Outcome; 8] = [
    Outcome::Unknown,
    Outcome::Cancelled,
    Outcome::Failed,
    Outcome::Denied,
    Outcome::Refused,
    Outcome::NotFound,
    Outcome::Planned,
    Outcome::Done,
];

/// One logout under way.
#[derive(Debug)]
pub(crate) struct Logout {
    user: String,
    policy: InDoubtPolicy,
    parts: Vec<Part>,
    /// Whether devices were to be logged out, and none is known.
    no_device: bool,
    last_id: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The first part without a verdict is to be sent, at this time or later.
    Due(Monotonic),
    /// It waits for its answer.
    Sent(RequestId),
    /// Every part has its verdict, or there is another end.
    Over(Option<Finished>),
}

/// One write.
#[derive(Debug)]
struct Part {
    /// Stable: `web`, `device:1` by the place in the list of tokens.
    name: String,
    device: Option<SecretHandle>,
    doubt: Option<Doubt>,
    verdict: Option<Verdict>,
}

/// A part that may have been sent, and of which nothing is known.
#[derive(Debug)]
struct Doubt {
    /// By this process.
    sends: u32,
    /// When a repetition is too late.
    until: Monotonic,
    /// What came last.
    last: Verdict,
}

impl Logout {
    pub(crate) fn new(args: Args<'_>, context: Context<'_>, now: Now) -> Result<Self, Error> {
        let user = args
            .user()
            .ok_or_else(|| Error::Arguments("a logout is about a user".to_owned()))?;
        check_id(&user.id)?;
        let tokens = device_tokens(user)?;
        let via = args.text("via");
        let no_device = via != "web" && tokens.is_empty();
        let mut parts = Vec::new();
        if via != "device" {
            parts.push(Part::new("web".to_owned(), None));
        }
        if via != "web" {
            let devices = tokens.iter().enumerate();
            parts.extend(devices.map(|(n, token)| Part::new(format!("device:{}", n + 1), Some(*token))));
        }
        let end =
            if is_actor(user, context.actor) && !(context.may_act_on_self || args.boolean("include_self")) {
                let message = "he is the one who logs the others out; `include_self` logs him out too";
                Some(Finished::with(Outcome::Skipped, "acting_user", message))
            } else if parts.is_empty() {
                Some(no_token(&user.id))
            } else {
                None
            };
        let mut this = Self {
            user: user.id.clone(),
            policy: context.in_doubt,
            parts,
            no_device,
            last_id: 0,
            state: end.map_or(State::Due(Monotonic::ZERO), |end| State::Over(Some(end))),
        };
        this.recall(context, now);
        Ok(this)
    }

    /// What an earlier process sent, without knowing of a result.
    fn recall(&mut self, context: Context<'_>, now: Now) {
        for part in &mut self.parts {
            let sent = context.earlier.iter().find(|earlier| earlier.part == part.name);
            part.doubt = sent.map(|earlier| Doubt {
                sends: 0,
                until: now.monotonic + REPEAT_WITHIN.saturating_sub(earlier.age),
                last: Verdict::ours(
                    Outcome::Unknown,
                    "interrupted",
                    "sent before an interruption, and its answer is not known",
                ),
            });
        }
    }

    pub(crate) fn next(&mut self, now: Now) -> Step {
        loop {
            match &mut self.state {
                State::Sent(_) => return wait(Monotonic::NEVER, ""),
                State::Due(at) if *at > now.monotonic => return wait(*at, "before asking ZAP once more"),
                State::Due(_) => match self.parts.iter().position(|part| part.verdict.is_none()) {
                    Some(index) => {
                        if let Some(step) = self.send(index, now) {
                            return step;
                        }
                    }
                    None => self.state = State::Over(None),
                },
                State::Over(end) => return Step::Finished(end.take().unwrap_or_else(|| self.sum())),
            }
        }
    }

    /// Sends a part, or says why it is not to be sent.
    fn send(&mut self, index: usize, now: Now) -> Option<Step> {
        let part = &mut self.parts[index];
        let mut not_after = Monotonic::NEVER;
        if let Some(doubt) = &part.doubt {
            let why = match self.policy {
                InDoubtPolicy::Skip => Some("left in doubt, as it was asked"),
                InDoubtPolicy::Repeat => None,
                InDoubtPolicy::Verify if doubt.until <= now.monotonic => Some(
                    "not repeated after so long, since he may have signed in again; ZAP cannot be asked whether he is",
                ),
                InDoubtPolicy::Verify => {
                    not_after = doubt.until;
                    None
                }
            };
            if let Some(why) = why {
                part.give_up(why);
                return None;
            }
        }
        self.last_id += 1;
        let request = LogoutRequest {
            id: RequestId(self.last_id),
            part: &part.name,
            user: &self.user,
            device: part.device,
            not_after,
        };
        self.state = State::Sent(request.id);
        Some(Step::Request(request.build()))
    }

    pub(crate) fn input(&mut self, now: Now, input: &Input<'_>) {
        let sent = match self.state {
            State::Over(_) => return,
            State::Due(_) => None,
            State::Sent(id) => Some(id),
        };
        match input {
            Input::Response(response) if sent == Some(response.request) => self.answered(now, response),
            Input::Failure(failure) if sent == Some(failure.request) => self.failed(now, failure),
            Input::Held { request } if sent == Some(*request) => self.conclude(Verdict {
                outcome: Outcome::Planned,
                http_status: None,
                code: None,
                message: None,
            }),
            Input::Cancel(reason) => self.cancel(*reason),
            // Nobody asked for it.
            _ => {}
        }
    }

    fn answered(&mut self, now: Now, response: &Response<'_>) {
        let verdict = Verdict::read(response);
        if is_open(&verdict) {
            self.doubt(now, verdict);
        } else {
            self.conclude(verdict);
        }
    }

    fn failed(&mut self, now: Now, failure: &Failure<'_>) {
        match failure.sent {
            Sent::MaybeSent => self.doubt(now, Verdict::unanswered(Outcome::Unknown, failure)),
            Sent::NotSent => self.conclude(Verdict::unanswered(Outcome::Failed, failure)),
        }
    }

    /// The part that was sent may have arrived.
    fn doubt(&mut self, now: Now, last: Verdict) {
        let Some(part) = self.current() else {
            return;
        };
        let before = part.doubt.as_ref();
        let (sends, until) = before.map_or((0, now.monotonic + REPEAT_WITHIN), |doubt| {
            (doubt.sends, doubt.until)
        });
        part.doubt = Some(Doubt {
            sends: sends + 1,
            until,
            last,
        });
        let mut next = Monotonic::ZERO;
        if sends + 1 < MOST_SENDS {
            next = now.monotonic + PAUSE * 2_u32.saturating_pow(sends);
        } else {
            part.give_up("sent several times, without an answer that tells");
        }
        self.state = State::Due(next);
    }

    /// The current part has come to this; on to the next.
    fn conclude(&mut self, verdict: Verdict) {
        if let Some(part) = self.current() {
            match &mut part.doubt {
                // What ZAP does not do now may have been done by what was sent before.
                Some(doubt) if verdict.outcome != Outcome::Done => {
                    doubt.last = verdict;
                    part.give_up("it was sent before, and that was not answered");
                }
                _ => part.verdict = Some(verdict),
            }
        }
        self.state = State::Due(Monotonic::ZERO);
    }

    /// The part that is being sent, or comes next.
    fn current(&mut self) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.verdict.is_none())
    }

    /// Nothing more is sent. What is outstanding has not left, says the host.
    fn cancel(&mut self, reason: CancelReason) {
        let untouched = self
            .parts
            .iter()
            .all(|part| part.verdict.is_none() && part.doubt.is_none());
        // It is this operation's own answer that stopped the credential.
        let is_refused = self.parts.iter().any(|part| {
            part.verdict
                .as_ref()
                .is_some_and(|verdict| verdict.http_status == Some(401))
        });
        let cancelled = match reason {
            CancelReason::Stopped => Verdict::ours(
                Outcome::Cancelled,
                "stopped",
                "the run was stopped before it was sent",
            ),
            CancelReason::CredentialStopped => Verdict::ours(
                if is_refused {
                    Outcome::Denied
                } else {
                    Outcome::Cancelled
                },
                "credential_stopped",
                "ZAP refuses the credential, so nothing more is sent with it",
            ),
        };
        let end = untouched.then(|| match reason {
            // The host has words for it.
            CancelReason::Stopped => Finished::new(Outcome::Cancelled),
            CancelReason::CredentialStopped => cancelled.finished(),
        });
        for part in self.parts.iter_mut().filter(|part| part.verdict.is_none()) {
            part.give_up("nothing could be sent once more before the end");
            part.verdict.get_or_insert_with(|| cancelled.clone());
        }
        self.state = State::Over(end);
    }

    /// One outcome from all parts, and each of them in `details`.
    fn sum(&self) -> Finished {
        let verdicts = || self.parts.iter().filter_map(|part| part.verdict.as_ref());
        let worst = WORST_FIRST
            .iter()
            .find_map(|outcome| verdicts().find(|verdict| verdict.outcome == *outcome));
        let mut finished = worst.map_or_else(|| Finished::new(Outcome::Unknown), Verdict::finished);
        finished.confirmed_by = (finished.outcome == Outcome::Done).then_some(ConfirmedBy::Response);
        let parts = self.parts.iter().map(Part::report).collect();
        finished.fields.push(Field {
            name: "parts".to_owned(),
            value: Value::List(parts),
        });
        if self.no_device {
            let note = format!("no device was logged out, since no `{DEVICE_TOKEN}` of his is known");
            finished.fields.push(Field::new("note", note));
        }
        finished
    }
}

impl Part {
    const fn new(name: String, device: Option<SecretHandle>) -> Self {
        Self {
            name,
            device,
            doubt: None,
            verdict: None,
        }
    }

    /// If it is in doubt, nothing more is done to find out.
    fn give_up(&mut self, why: &str) {
        if let Some(Doubt { last, .. }) = self.doubt.take() {
            let words = last.message.unwrap_or_default();
            self.verdict = Some(Verdict {
                outcome: Outcome::Unknown,
                message: Some(format!("{words}; {why}")),
                ..last
            });
        }
    }

    fn report(&self) -> Value {
        let text = |text: Option<&String>| text.map_or(Value::Null, |text| Value::from(text.as_str()));
        let verdict = self.verdict.as_ref();
        let field = |name: &str, value: Value| Field {
            name: name.to_owned(),
            value,
        };
        Value::Map(vec![
            field("part", Value::from(self.name.as_str())),
            field(
                "outcome",
                verdict.map_or(Value::Null, |verdict| Value::from(verdict.outcome.name())),
            ),
            field(
                "http_status",
                verdict
                    .and_then(|verdict| verdict.http_status)
                    .map_or(Value::Null, |status| Value::Integer(status.into())),
            ),
            field("code", text(verdict.and_then(|verdict| verdict.code.as_ref()))),
            field(
                "message",
                text(verdict.and_then(|verdict| verdict.message.as_ref())),
            ),
        ])
    }
}

/// The tokens of his devices, each once, in the order in which they were given. ZAP itself keeps a list of them.
fn device_tokens(user: &User) -> Result<Vec<SecretHandle>, Error> {
    let mut tokens = Vec::new();
    let values = match user.attribute(DEVICE_TOKEN) {
        Some(Value::List(values)) => values.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    };
    for value in values {
        match value {
            Value::Secret(handle) if tokens.contains(handle) => {}
            Value::Secret(handle) => tokens.push(*handle),
            Value::Null => {}
            Value::Text(text) if text.is_empty() => {}
            _ => {
                return Err(Error::Arguments(format!(
                    "`{DEVICE_TOKEN}` of `{}` is no secret and no list of secrets: take it from the column of that name in a file of people",
                    user.id
                )));
            }
        }
    }
    Ok(tokens)
}

/// The acting user is known by the name that he logs in with.
fn is_actor(user: &User, actor: &str) -> bool {
    let names = ["login_name", "email", "username"].map(|name| user.attribute(name).and_then(Value::as_text));
    let mut names = names.into_iter().flatten().chain([user.id.as_str()]);
    !actor.is_empty() && names.any(|name| name.to_lowercase() == actor.to_lowercase())
}

fn no_token(user: &str) -> Finished {
    let message = format!(
        "no device token of `{user}` is known, so nothing was sent: give it as the user's `{DEVICE_TOKEN}`, in a column \
         of that name in a file of people, or use `via = \"web\"`"
    );
    Finished::with(Outcome::Failed, "no_device_token", message)
}

fn wait(until: Monotonic, reason: &'static str) -> Step {
    Step::Wait(Wait {
        until,
        reason: Cow::Borrowed(reason),
    })
}

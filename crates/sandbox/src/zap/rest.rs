//! The resources: who may use which, and what each answers.

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::behaviour::{Already, ErrorShape};
use super::login::bearer;
use super::{Role, Trouble, User, Zap};
use crate::answer::Answer;
use crate::fault::Decision;
use crate::ledger::ZapPart;
use crate::service::{self, Incoming, Service};

/// How many users a page has if `bodyLimit` does not say it.
const PAGE: usize = 10;

/// A request that it does not carry out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    status: StatusCode,
    message: &'static str,
}

impl Refusal {
    pub(super) const fn new(status: StatusCode, message: &'static str) -> Self {
        Self { status, message }
    }
}

const FORBIDDEN: Refusal = Refusal::new(StatusCode::FORBIDDEN, "You do not have the required permission");
const NO_SUCH_USER: Refusal = Refusal::new(StatusCode::NOT_FOUND, "User not found");
const NO_SUCH_ROUTE: Refusal = Refusal::new(StatusCode::NOT_FOUND, "Resource not found");
/// The book's own words, as it spells them.
const INTERNAL_ERROR: Refusal = Refusal::new(
    StatusCode::INTERNAL_SERVER_ERROR,
    "An error occured while processing the request",
);

impl Service for Zap {
    fn advance(&mut self) {
        self.apply_accepted();
    }

    fn answer(&mut self, request: &Incoming<'_>, decision: &Decision) -> Answer {
        self.apply_accepted();
        match decision.zap {
            Some(Trouble::NotSuccess) => {
                let shape = match self.behaviour.errors {
                    ErrorShape::Text | ErrorShape::Page | ErrorShape::Empty => ErrorShape::Message,
                    json => json,
                };
                return error(
                    Refusal::new(StatusCode::OK, "The request was not processed"),
                    shape,
                );
            }
            Some(Trouble::Plain500) => {
                return error(
                    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
                    ErrorShape::Text,
                );
            }
            Some(Trouble::Expire) => self.expire(request),
            None => {}
        }
        match self.route(request, decision) {
            Ok(data) => Answer::json(StatusCode::OK, &json!({ "success": true, "data": data })),
            Err(refusal) => error(refusal, self.behaviour.errors),
        }
    }

    fn refuse(&mut self, trouble: service::Trouble, _: &Incoming<'_>) -> Answer {
        let refusal = match trouble {
            service::Trouble::InternalError => INTERNAL_ERROR,
            service::Trouble::Unavailable => {
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
        };
        error(refusal, self.behaviour.errors)
    }

    fn actor(&self, request: &Incoming<'_>) -> Option<String> {
        let token = self.tokens.get(bearer(request)?)?;
        Some(self.accounts[token.who].user.id.clone())
    }
}

impl Zap {
    /// The `data` of the answer.
    fn route(&mut self, request: &Incoming<'_>, decision: &Decision) -> Result<Value, Refusal> {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().skip(1).map(AsRef::as_ref).collect();
        match (&request.parts.method, segments.as_slice()) {
            (&Method::POST, ["login"]) => self.login(&body(request)?),
            (&Method::POST, ["login", "verify-otp"]) => self.login_by_otp(&body(request)?),
            (&Method::POST, ["refresh"]) => self.refresh(&body(request)?),
            (&Method::GET, ["users"]) => {
                let actor = self.authorize(request)?;
                self.reads_everybody(actor)?;
                self.list(request)
            }
            (&Method::GET, ["users", "token"]) => {
                let actor = self.authorize(request)?;
                Ok(row(&self.accounts[actor].user))
            }
            (&Method::GET, ["users", id]) => {
                let actor = self.authorize(request)?;
                let who = self.by_id.get(*id).copied();
                if who != Some(actor) {
                    self.reads_everybody(actor)?;
                }
                Ok(row(&self.accounts[who.ok_or(NO_SUCH_USER)?].user))
            }
            (&Method::GET, ["users", "logout", id]) => {
                let actor = self.authorize(request)?;
                self.log_out(actor, id, None, decision)
            }
            (&Method::PUT, ["users", "logout", id]) => {
                let actor = self.authorize(request)?;
                let body = body(request)?;
                let token = body["deviceToken"].as_str().filter(|token| !token.is_empty());
                let token = token.ok_or(Refusal::new(StatusCode::BAD_REQUEST, "deviceToken is required"))?;
                self.log_out(actor, id, Some(token), decision)
            }
            _ => Err(NO_SUCH_ROUTE),
        }
    }

    /// Both logouts: from a device, or from the web. An administrator logs out whom he likes; on a device, everybody
    /// himself too.
    fn log_out(
        &mut self,
        actor: usize,
        id: &str,
        device: Option<&str>,
        decision: &Decision,
    ) -> Result<Value, Refusal> {
        let administrator = self.accounts[actor].user.role == Role::Administrator;
        let Some(&who) = self.by_id.get(id) else {
            return Err(if administrator { NO_SUCH_USER } else { FORBIDDEN });
        };
        let part = device.map_or(ZapPart::Web, |token| self.accounts[who].device(token));
        let result = if administrator || (actor == who && part != ZapPart::Web) {
            self.may_be_out_already(who, part)
        } else {
            Err(FORBIDDEN)
        };
        self.ledger
            .zap_logout_requested(&self.accounts[who].id, part, result.is_ok());
        result?;
        if !decision.never_apply {
            self.accept(who, part, decision.lag);
        }
        Ok("Logout Successfull".into())
    }

    fn may_be_out_already(&self, who: usize, part: ZapPart) -> Result<(), Refusal> {
        let account = &self.accounts[who];
        let signed_in = match part {
            ZapPart::Web => account.web,
            ZapPart::Device(number) => account.devices[number - 1].signed_in,
            ZapPart::StrangeDevice => false,
        };
        let status = match self.behaviour.already {
            _ if signed_in => return Ok(()),
            Already::Ok => return Ok(()),
            Already::BadRequest => StatusCode::BAD_REQUEST,
            Already::NotFound => StatusCode::NOT_FOUND,
        };
        Err(Refusal::new(status, "User is not logged in"))
    }

    /// A page of the users: `bodyLimit` is its size, `pageLimit` its number, from 1, `dataCount` how many there are.
    fn list(&self, request: &Incoming<'_>) -> Result<Value, Refusal> {
        let number = |name: &str, default: usize| match request.query(name) {
            None => Ok(default),
            Some(text) => text.parse().ok().filter(|&number| number > 0).ok_or(Refusal::new(
                StatusCode::BAD_REQUEST,
                "bodyLimit and pageLimit must be positive numbers",
            )),
        };
        let size = number("bodyLimit", PAGE)?.min(self.behaviour.page_cap);
        let page = number("pageLimit", 1)?;
        let (start, end) = (request.query("startDate"), request.query("endDate"));
        let users: Vec<&User> = self
            .accounts
            .iter()
            .map(|account| &account.user)
            .filter(|user| {
                start
                    .as_deref()
                    .is_none_or(|start| user.created.as_str() >= start)
            })
            .filter(|user| end.as_deref().is_none_or(|end| user.created.as_str() <= end))
            .collect();
        let before = size.saturating_mul(page - 1);
        let rows: Vec<Value> = users
            .iter()
            .skip(before)
            .take(size)
            .map(|user| row(user))
            .collect();
        Ok(json!({ "userData": rows, "bodyLimit": size, "pageLimit": page, "dataCount": users.len() }))
    }

    fn reads_everybody(&self, actor: usize) -> Result<(), Refusal> {
        match self.accounts[actor].user.role {
            Role::Administrator | Role::Support => Ok(()),
            Role::Customer => Err(FORBIDDEN),
        }
    }
}

impl User {
    pub(super) fn created_at(&self) -> String {
        format!("{}T09:12:44.000Z", self.created)
    }
}

/// A user as lists show him. Device tokens are not among it.
fn row(user: &User) -> Value {
    let at = user.created_at();
    json!({
        "name": user.name,
        "email": user.email,
        "roleId": user.role.id(),
        "iPAddress": ["192.0.2.17"],
        "emailVerified": true,
        "createdAt": at,
        "updatedAt": at,
        "id": user.id,
    })
}

/// The body, which must be JSON and say so.
fn body(request: &Incoming<'_>) -> Result<Value, Refusal> {
    let bad = |message| Refusal::new(StatusCode::BAD_REQUEST, message);
    if !request.content_type().eq_ignore_ascii_case("application/json") {
        return Err(bad("Content-Type must be application/json"));
    }
    let body: Value = serde_json::from_slice(request.body).map_err(|_| bad("Malformed request body"))?;
    if body.is_object() {
        Ok(body)
    } else {
        Err(bad("Malformed request body"))
    }
}

fn error(refusal: Refusal, shape: ErrorShape) -> Answer {
    let Refusal { status, message } = refusal;
    let body = match shape {
        ErrorShape::Message => json!({ "success": false, "message": message }),
        ErrorShape::Object => json!({
            "success": false,
            "error": { "code": status.as_u16(), "message": message },
        }),
        ErrorShape::Error => json!({ "success": false, "error": message }),
        ErrorShape::Data => json!({ "success": false, "data": message }),
        ErrorShape::List => json!({ "success": false, "errors": [message] }),
        ErrorShape::Text => {
            return Answer::empty(status)
                .with(CONTENT_TYPE, "text/plain; charset=utf-8")
                .with_body(message.to_owned());
        }
        ErrorShape::Page => return Answer::page(status),
        ErrorShape::Empty => return Answer::empty(status),
    };
    Answer::json(status, &body)
}

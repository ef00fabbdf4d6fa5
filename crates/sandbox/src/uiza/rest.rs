//! The resources, and the envelope that every answer comes in.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::behaviour::{LogoutBody, Retrieve};
use super::population::{key, uuid};
use super::{Account, ROOT, Trouble, Uiza};
use crate::answer::Answer;
use crate::fault::Decision;
use crate::service::{self, Incoming, Service};

/// How many users a page has if `limit` does not say it.
const PAGE: usize = 20;

/// The versions of the API that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V3,
    V4,
}

impl Version {
    /// The version that a path names, and what follows it.
    fn of(path: &str) -> Option<(Self, &str)> {
        let rest = path.strip_prefix(ROOT)?;
        let (version, rest) = rest.split_once('/').unwrap_or((rest, ""));
        match version {
            "v3" => Some((Self::V3, rest)),
            "v4" => Some((Self::V4, rest)),
            _ => None,
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }

    const fn service_name(self) -> &'static str {
        match self {
            Self::V3 => "api",
            Self::V4 => "api-v4",
        }
    }
}

/// A request that it does not carry out.
#[derive(Debug, Clone, PartialEq)]
struct Refusal {
    status: StatusCode,
    code: u16,
    kind: &'static str,
    message: &'static str,
    data: Value,
    retryable: bool,
}

impl Refusal {
    fn new(status: StatusCode, message: &'static str) -> Self {
        Self {
            status,
            code: status.as_u16(),
            kind: "ERROR",
            message,
            data: Value::Null,
            retryable: false,
        }
    }

    fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized")
    }

    fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found")
    }

    /// As captured in the Go SDK's mocks.
    fn bad_request() -> Self {
        Self {
            kind: "BAD_REQUEST",
            data: "BAD_REQUEST".into(),
            ..Self::new(StatusCode::BAD_REQUEST, "Bad Request")
        }
    }

    /// As captured in the Go SDK's mocks.
    fn required(field: &str) -> Self {
        Self {
            data: json!([{
                "type": "required",
                "field": field,
                "message": format!("The '{field}' field is required!"),
            }]),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Parameters validation error!")
        }
    }

    fn of(trouble: Trouble) -> Self {
        match trouble {
            Trouble::OkWithCode401 => Self {
                status: StatusCode::OK,
                ..Self::unauthorized()
            },
            Trouble::OkWithTypeError => Self::new(StatusCode::OK, "Logout failed"),
            Trouble::BadRequest => Self::bad_request(),
            Trouble::Unauthorized => Self::unauthorized(),
            Trouble::NotFound => Self::not_found(),
            Trouble::Unprocessable => Self::required("url"),
            Trouble::Object => Self {
                data: json!({ "reason": "The request could not be understood", "field": "appId" }),
                ..Self::new(StatusCode::BAD_REQUEST, "Bad Request")
            },
            Trouble::Internal => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
            Trouble::Retryable => Self {
                retryable: true,
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable")
            },
        }
    }
}

impl Service for Uiza {
    fn advance(&mut self) {
        self.apply_accepted();
    }

    fn answer(&mut self, request: &Incoming<'_>, decision: &Decision) -> Answer {
        self.apply_accepted();
        let Some((version, rest)) = Version::of(request.parts.uri.path()) else {
            return Answer::page(StatusCode::NOT_FOUND);
        };
        let result = match decision.uiza {
            Some(trouble) => Err(Refusal::of(trouble)),
            None => self.route(version, rest, request, decision),
        };
        match result {
            Ok(body) => Answer::json(StatusCode::OK, &Value::Object(body)),
            Err(refusal) => self.error(version, refusal),
        }
    }

    fn refuse(&mut self, trouble: service::Trouble, request: &Incoming<'_>) -> Answer {
        let version = Version::of(request.parts.uri.path()).map_or(Version::V3, |(version, _)| version);
        let trouble = match trouble {
            service::Trouble::InternalError => Trouble::Internal,
            service::Trouble::Unavailable => Trouble::Retryable,
        };
        self.error(version, Refusal::of(trouble))
    }

    fn actor(&self, request: &Incoming<'_>) -> Option<String> {
        let key = self.keys.get(request.authorization()?)?;
        Some(self.accounts[key.who].user.id.clone())
    }
}

impl Uiza {
    fn route(
        &mut self,
        version: Version,
        path: &str,
        request: &Incoming<'_>,
        decision: &Decision,
    ) -> Result<Map<String, Value>, Refusal> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match (&request.parts.method, segments.as_slice()) {
            (&Method::POST, ["admin", "user", "auth"]) => {
                let data = self.create_token(request)?;
                Ok(self.success(version, data))
            }
            // The documents have POST; commented-out code of the Python SDK has GET.
            (&Method::POST | &Method::GET, ["admin", "user", "auth", "check-token"]) => {
                let shown = self.authorize(request)?;
                let expires = self.keys.get(shown).map(|key| key.expires).unwrap_or_default();
                let expired = self.date(expires, "%m/%d/%Y %H:%M:%S");
                Ok(self.success(version, json!({ "token": shown, "expired": expired })))
            }
            (&Method::POST, ["admin", "user", "logout"]) => self.log_out(version, request, decision),
            (&Method::GET, ["admin", "user"]) => {
                let shown = self.authorize(request)?;
                let who = self.keys.get(shown).map(|key| key.who).unwrap_or_default();
                self.users(version, who, request)
            }
            _ => {
                self.authorize(request)?;
                Err(Refusal::not_found())
            }
        }
    }

    /// The key that a request shows, which must be good, and stand alone: with `Bearer` before it, it is none.
    fn authorize<'a>(&self, request: &Incoming<'a>) -> Result<&'a str, Refusal> {
        let shown = request.authorization().ok_or_else(Refusal::unauthorized)?;
        let now = self.clock.now();
        let good = self.keys.get(shown).is_some_and(|key| key.is_good(now));
        good.then_some(shown).ok_or_else(Refusal::unauthorized)
    }

    /// Ends the session of the key that the request shows, whatever its body is.
    fn log_out(
        &mut self,
        version: Version,
        request: &Incoming<'_>,
        decision: &Decision,
    ) -> Result<Map<String, Value>, Refusal> {
        let result = self.authorize(request);
        let owner = request.authorization().and_then(|shown| self.keys.get(shown));
        if let Some(key) = owner {
            self.ledger
                .uiza_logout_requested(&self.accounts[key.who].id, result.is_ok());
        }
        let shown = result?;
        if !decision.never_apply {
            self.accept(shown, decision.lag);
        }
        let body = self.behaviour.body.unwrap_or(match version {
            Version::V3 => LogoutBody::A,
            Version::V4 => LogoutBody::C,
        });
        Ok(match body {
            LogoutBody::A => self.success(version, json!({ "message": "Logout success" })),
            LogoutBody::B => object(json!({ "message": "Logout success", "code": 200, "type": "SUCCESS" })),
            LogoutBody::C => {
                let mut body =
                    object(json!({ "data": { "message": "success" }, "message": "Logout success" }));
                body.extend(self.tail(version));
                body.extend(object(json!({ "code": 200, "type": "SUCCESS" })));
                body
            }
        })
    }

    /// A key for whoever logs in. The documents have `username`; commented-out code of the Python SDK has `email`.
    fn create_token(&mut self, request: &Incoming<'_>) -> Result<Value, Refusal> {
        let body: Value = serde_json::from_slice(request.body).map_err(|_| Refusal::bad_request())?;
        let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
        let name = text("username")
            .or(text("email"))
            .ok_or_else(|| Refusal::required("username"))?;
        let password = text("password").ok_or_else(|| Refusal::required("password"))?;
        let is_he = |account: &Account| {
            let user = &account.user;
            (user.username == name || user.email == name) && user.password == password
        };
        let who = self.accounts.iter().position(is_he);
        let who = who.ok_or_else(Refusal::unauthorized)?;
        let token = key(&mut self.random);
        self.add_key(token.clone(), who);
        Ok(json!({ "token": token, "appId": APP_ID }))
    }

    /// Everybody whom this user sees, newest first, or one of them. An empty `id` is none: some SDKs of v4 send one.
    fn users(
        &mut self,
        version: Version,
        actor: usize,
        request: &Incoming<'_>,
    ) -> Result<Map<String, Value>, Refusal> {
        let is_admin = self.accounts[actor].user.admin;
        let seen = self.accounts.iter().enumerate();
        let mut seen: Vec<&Account> = seen
            .filter(|(who, _)| is_admin || *who == actor)
            .map(|(_, account)| account)
            .collect();
        seen.sort_by(|a, b| b.user.created.cmp(&a.user.created));
        if let Some(id) = request.query("id").filter(|id| !id.is_empty()) {
            let found = seen.iter().find(|account| account.user.id == id);
            let row = row(found.ok_or_else(Refusal::not_found)?);
            let data = match self.behaviour.retrieve {
                Retrieve::Array => json!([row]),
                Retrieve::Object => row,
            };
            return Ok(self.success(version, data));
        }
        let number = |name: &str, default: usize| match request.query(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|&number| number > 0)
                .ok_or_else(Refusal::bad_request),
        };
        let page = number("page", 1)?;
        let limit = number("limit", PAGE)?.min(self.behaviour.page_cap.unwrap_or(usize::MAX));
        let before = limit.saturating_mul(page - 1);
        let rows: Vec<Value> = seen
            .iter()
            .skip(before)
            .take(limit)
            .map(|account| row(account))
            .collect();
        let metadata = json!({ "total": seen.len(), "result": rows.len(), "page": page, "limit": limit });
        let mut body = self.success(version, rows.into());
        if version == Version::V3 {
            body.insert("metadata".to_owned(), metadata);
        }
        Ok(body)
    }

    /// The envelope of a success, in the order of the documents.
    fn success(&mut self, version: Version, data: Value) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("data".to_owned(), data);
        body.extend(self.tail(version));
        body.extend(object(json!({ "message": "OK", "code": 200, "type": "SUCCESS" })));
        body
    }

    /// The envelope of an error, in the order of the captures.
    fn error(&mut self, version: Version, refusal: Refusal) -> Answer {
        let Refusal {
            status,
            code,
            kind,
            message,
            data,
            retryable,
        } = refusal;
        let mut body = object(json!({
            "code": code,
            "type": kind,
            "data": data,
            "retryable": retryable,
            "message": message,
        }));
        if self.behaviour.link {
            body.insert("description_link".to_owned(), DESCRIPTION_LINK.into());
        }
        body.extend(self.tail(version));
        Answer::json(status, &Value::Object(body))
    }

    /// What every envelope but the shortest has.
    fn tail(&mut self, version: Version) -> Map<String, Value> {
        let now = self.clock.now();
        object(json!({
            "version": version.number(),
            "datetime": self.date(now, "%Y-%m-%dT%H:%M:%S%.3fZ"),
            "policy": "public",
            "requestId": uuid(&mut self.random),
            "serviceName": version.service_name(),
        }))
    }

    fn date(&self, at: std::time::Duration, form: &str) -> String {
        let at = jiff::Timestamp::from_millisecond(self.clock.unix_ms(at));
        at.map_or_else(|_| String::new(), |at| at.strftime(form).to_string())
    }
}

/// Where an error is explained.
const DESCRIPTION_LINK: &str = "https://docs.uiza.io/#errors";

/// The id of the application that the workspace has.
const APP_ID: &str = "a9383d04d7d0420bae10dbf96bb27d9b";

fn row(account: &Account) -> Value {
    let user = &account.user;
    let at = format!("{}T07:16:41.000Z", user.created);
    json!({
        "id": user.id,
        "isAdmin": u8::from(user.admin),
        "username": user.username,
        "email": user.email,
        "createdAt": at,
        "updatedAt": at,
    })
}

/// The fields of an object.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

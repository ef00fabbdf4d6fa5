//! Logins, tokens and their refreshing.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use super::behaviour::{LoginBody, LoginShape};
use super::rest::Refusal;
use super::{ONE_TIME_PASSWORD, TWO_FACTOR_TOKEN, Zap};
use crate::ledger::ZapPart;
use crate::service::Incoming;

/// A token that was given out.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) who: usize,
    /// The session that it was given for, with which it ends.
    pub(super) part: ZapPart,
    expires: Duration,
    uses: u32,
    /// Expired before its time, on purpose.
    pub(super) spent: bool,
}

/// A token that was given out to get others.
#[derive(Debug)]
pub(super) struct Refresh {
    pub(super) who: usize,
    pub(super) part: ZapPart,
    expires: Duration,
}

impl Zap {
    /// `POST /v1/login`, in each of its documented bodies.
    pub(super) fn login(&mut self, body: &Value) -> Result<Value, Refusal> {
        let result = self.check_login(body);
        match result {
            Ok((who, part)) => {
                self.ledger.zap_login(Some(&self.accounts[who].id));
                Ok(self.logged_in(who, part, self.behaviour.login))
            }
            Err(refusal) => {
                self.ledger.zap_login(None);
                Err(refusal)
            }
        }
    }

    /// `POST /v1/login/verify-otp`.
    pub(super) fn login_by_otp(&mut self, body: &Value) -> Result<Value, Refusal> {
        let text = |name: &str| body[name].as_str();
        let who = text("email").and_then(|email| self.by_identity.get(email).copied());
        match who.filter(|_| text("otp") == Some(ONE_TIME_PASSWORD)) {
            Some(who) => {
                let part = self.accounts[who].sign_in(None);
                self.ledger.zap_login(Some(&self.accounts[who].id));
                Ok(self.logged_in(who, part, LoginShape::Otp))
            }
            None => {
                self.ledger.zap_login(None);
                Err(Refusal::new(StatusCode::UNAUTHORIZED, "Invalid OTP"))
            }
        }
    }

    /// `POST /v1/refresh`.
    pub(super) fn refresh(&mut self, body: &Value) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let shown = body["refreshToken"].as_str();
        let found = shown.and_then(|shown| self.refreshes.get(shown));
        let alive = found.filter(|refresh| now < refresh.expires && !self.behaviour.refresh_refused);
        let Some(&Refresh { who, part, .. }) = alive else {
            self.ledger.zap_refresh(None);
            return Err(match shown {
                None => Refusal::new(StatusCode::BAD_REQUEST, "refreshToken is required"),
                Some(_) => Refusal::new(StatusCode::UNAUTHORIZED, "Invalid refresh token"),
            });
        };
        self.ledger.zap_refresh(Some(&self.accounts[who].id));
        Ok(json!({ "token": self.new_token(who, part) }))
    }

    /// Who it is by his token.
    pub(super) fn authorize(&mut self, request: &Incoming<'_>) -> Result<usize, Refusal> {
        let unauthorized = |message| Refusal::new(StatusCode::UNAUTHORIZED, message);
        let now = self.clock.now();
        let limit = self.behaviour.token_uses;
        let shown = bearer(request).ok_or(unauthorized("Authorization token is required"))?;
        let token = self.tokens.get_mut(shown).ok_or(unauthorized("invalid token"))?;
        if token.spent || now >= token.expires || limit.is_some_and(|limit| token.uses >= limit) {
            return Err(unauthorized("jwt expired"));
        }
        token.uses += 1;
        Ok(token.who)
    }

    /// Expires the token that a request carries.
    pub(super) fn expire(&mut self, request: &Incoming<'_>) {
        let token = bearer(request).and_then(|shown| self.tokens.get_mut(shown));
        if let Some(token) = token {
            token.spent = true;
        }
    }

    fn check_login(&mut self, body: &Value) -> Result<(usize, ZapPart), Refusal> {
        let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
        let bad = |message| Refusal::new(StatusCode::BAD_REQUEST, message);
        let (email, identity, device) = (text("email"), text("identity"), text("deviceToken"));
        let app = matches!(body["isApp"], Value::Bool(true)) || text("isApp") == Some("true");
        let is_wanted = match self.behaviour.login_body {
            LoginBody::Any => true,
            LoginBody::Email => email.is_some(),
            LoginBody::Identity => identity.is_some() && !app,
            LoginBody::App => identity.is_some() && app,
        };
        let (Some(name), Some(password), true) = (email.or(identity), text("password"), is_wanted) else {
            return Err(bad("Invalid login request"));
        };
        if app && device.is_none() {
            return Err(bad("deviceToken is required"));
        }
        let who = self.by_identity.get(name).copied();
        let who = who.filter(|&who| {
            let user = &self.accounts[who].user;
            user.password == password && (email.is_none() || user.email == name)
        });
        let who = who.ok_or(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "Invalid login credentials",
        ))?;
        if self.behaviour.two_factor || self.accounts[who].user.two_factor {
            match text("twoFaToken") {
                Some(TWO_FACTOR_TOKEN) => {}
                Some(_) => return Err(Refusal::new(StatusCode::UNAUTHORIZED, "Invalid 2FA token")),
                None => return Err(bad("2FA token is required")),
            }
        }
        Ok((who, self.accounts[who].sign_in(device)))
    }

    /// The `data` of the answer to a login.
    fn logged_in(&mut self, who: usize, part: ZapPart, shape: LoginShape) -> Value {
        let token = self.new_token(who, part);
        let mut user = self.profile(who);
        match shape {
            LoginShape::Flat => {
                user["token"] = token.into();
                user
            }
            LoginShape::Nested => json!({
                "success": true,
                "data": user,
                "token": token,
                "refreshToken": self.new_refresh_token(who, part),
            }),
            LoginShape::Otp => {
                let devices = self.accounts[who].devices.iter();
                let devices = devices.filter(|device| device.signed_in);
                user["deviceToken"] = devices.map(|device| device.token.clone()).collect();
                user["token"] = token.into();
                user["refreshToken"] = self.new_refresh_token(who, part).into();
                user
            }
        }
    }

    fn profile(&self, who: usize) -> Value {
        let user = &self.accounts[who].user;
        let at = user.created_at();
        json!({ "name": user.name, "email": user.email, "createdAt": at, "updatedAt": at, "id": user.id })
    }

    fn new_token(&mut self, who: usize, part: ZapPart) -> String {
        let expires = self.clock.now().saturating_add(self.behaviour.token_life);
        let token = self.jwt(who, expires);
        let entry = Token {
            who,
            part,
            expires,
            uses: 0,
            spent: false,
        };
        self.tokens.insert(token.clone(), entry);
        token
    }

    fn new_refresh_token(&mut self, who: usize, part: ZapPart) -> String {
        let expires = self.clock.now().saturating_add(self.behaviour.refresh_life);
        let token = self.jwt(who, expires);
        self.refreshes
            .insert(token.clone(), Refresh { who, part, expires });
        token
    }

    /// A token of the book's form, good until this time since the start. In its claims that is rounded up to a second.
    fn jwt(&mut self, who: usize, expires: Duration) -> String {
        let seconds = |at: Duration| self.clock.unix_ms(at).div_euclid(1_000);
        let user = &self.accounts[who].user;
        let claims = json!({
            "user": { "email": user.email, "roleId": user.role.id(), "id": user.id },
            "iat": seconds(self.clock.now()),
            "exp": seconds(expires.saturating_add(Duration::from_millis(999))),
        });
        let claims = claims.to_string();
        let signature: Vec<u8> = (0..4).flat_map(|_| self.random.next().to_le_bytes()).collect();
        let parts = [
            br#"{"alg":"HS256","typ":"JWT"}"#.as_slice(),
            claims.as_bytes(),
            &signature,
        ];
        parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
    }
}

/// The token of `Authorization: Bearer TOKEN`; the book's samples have two spaces.
pub(super) fn bearer<'a>(request: &Incoming<'a>) -> Option<&'a str> {
    let (scheme, token) = request.authorization()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

//! The REST API: authentication, who may use which resource, and what each answers.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{ALLOW, HOST, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use super::behaviour::{Deployment, ServiceStatus};
use super::error::Refusal;
use super::{Finesse, ROOT};
use crate::answer::Answer;
use crate::fault::Decision;
use crate::service::{Incoming, REQUEST_ID, Service, Trouble};

impl Service for Finesse {
    fn advance(&mut self) {
        self.advance();
    }

    fn answer(&mut self, request: &Incoming<'_>, decision: &Decision) -> Answer {
        let now = self.advance();
        let path = request.parts.uri.path();
        let Some(rest) = path
            .strip_prefix(ROOT)
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        else {
            return Answer::page(StatusCode::NOT_FOUND);
        };
        let segments: Vec<Cow<'_, str>> = rest
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy())
            .collect();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match self.route(&segments, request, decision, now) {
            Ok(answer) => answer,
            Err(refusal) => self.error(&refusal, request),
        }
    }

    fn refuse(&mut self, trouble: Trouble, request: &Incoming<'_>) -> Answer {
        let refusal = match trouble {
            Trouble::InternalError => Refusal::InternalError,
            Trouble::Unavailable => Refusal::ServiceUnavailable,
        };
        self.error(&refusal, request)
    }

    fn actor(&self, request: &Incoming<'_>) -> Option<String> {
        request.basic().map(|(user, _)| user)
    }
}

impl Finesse {
    /// An error as the service words it.
    fn error(&mut self, refusal: &Refusal, request: &Incoming<'_>) -> Answer {
        let document = refusal
            .document()
            .document(&self.behaviour.writing, &mut self.random);
        let mut answer = Answer::xml(refusal.status(), document);
        if refusal.is_login() {
            answer = answer.with(WWW_AUTHENTICATE, "Basic realm=\"Cisco Finesse\"");
        }
        match request.request_id() {
            Some(id) => answer.with(REQUEST_ID, id),
            None => answer,
        }
    }

    fn route(
        &mut self,
        segments: &[&str],
        request: &Incoming<'_>,
        decision: &Decision,
        now: Duration,
    ) -> Result<Answer, Refusal> {
        let method = &request.parts.method;
        if let ["SystemInfo"] = segments {
            let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
            let host = host.unwrap_or("localhost");
            return Ok(
                only(method, &[Method::GET]).unwrap_or_else(|| self.write(self.system_info(host, now)))
            );
        }
        if self.behaviour.status != ServiceStatus::InService {
            return Err(Refusal::ServiceUnavailable);
        }
        let actor = self.authenticate(request, now)?;
        let allowed = match segments {
            ["User", _] => [Method::GET, Method::PUT].as_slice(),
            _ => [Method::GET].as_slice(),
        };
        if let Some(refused) = only(method, allowed) {
            return Ok(refused);
        }
        match *segments {
            ["User", id] if *method == Method::PUT => {
                if !request.content_type().eq_ignore_ascii_case("application/xml") {
                    return Ok(Answer::page(StatusCode::UNSUPPORTED_MEDIA_TYPE));
                }
                let status = self.change_user(actor, id, request, decision, now)?;
                Ok(Answer::empty(status))
            }
            ["User", id] => {
                let who = self.readable_user(actor, id)?;
                Ok(self.write(self.user_document(who)))
            }
            ["User", id, "ReasonCodes"] => {
                self.readable_user(actor, id)?;
                self.reason_codes(request)
            }
            ["User", id, "ReasonCode", reason] => {
                self.readable_user(actor, id)?;
                self.reason_code(reason)
            }
            ["Users"] => {
                self.administrator(actor)?;
                Ok(self.write(self.users_document()))
            }
            ["Teams"] => {
                self.administrator(actor)?;
                Ok(self.write(self.teams_document()))
            }
            ["ReasonCodes"] => {
                self.administrator(actor)?;
                self.reason_codes(request)
            }
            ["Team", id] => {
                self.readable_team(actor, id)?;
                let logged_out = request
                    .query("includeLoggedOutAgents")
                    .map_or(self.behaviour.logged_out_by_default, |value| {
                        value.eq_ignore_ascii_case("true")
                    });
                let document = self
                    .team_document(id, logged_out)
                    .ok_or_else(|| Refusal::NotFound(id.to_owned()))?;
                Ok(self.write(document))
            }
            ["Team", id, "ReasonCodes"] => {
                self.readable_team(actor, id)?;
                self.reason_codes(request)
            }
            _ => Err(Refusal::NotFound(
                segments.last().copied().unwrap_or_default().to_owned(),
            )),
        }
    }

    fn write(&mut self, document: super::xml::Element) -> Answer {
        let text = document.document(&self.behaviour.writing, &mut self.random);
        Answer::xml(StatusCode::OK, text)
    }

    /// Who it is. A number of wrong passwords in a row locks the account, for the right one too.
    fn authenticate(&mut self, request: &Incoming<'_>, now: Duration) -> Result<usize, Refusal> {
        let pair = request.basic().or_else(|| request.signed_on());
        let (name, password) = pair.ok_or_else(|| self.login_refused(String::new()))?;
        self.admit(&name, &password, now)
            .ok_or_else(|| self.login_refused(name))
    }

    /// The user with this name and password, over whichever door he comes.
    pub(super) fn admit(&mut self, name: &str, password: &str, now: Duration) -> Option<usize> {
        let who = self
            .index(name)
            .or_else(|| self.by_login_name.get(name).copied())?;
        let (lockout_after, lockout_for) = (self.behaviour.lockout_after, self.behaviour.lockout_for);
        let account = &mut self.accounts[who];
        if account.locked_until.is_some_and(|until| now >= until) {
            account.locked_until = None;
            account.wrong_passwords = 0;
        }
        if account.locked_until.is_none() && account.user.password == password {
            account.wrong_passwords = 0;
            return Some(who);
        }
        if account.locked_until.is_none() {
            account.wrong_passwords += 1;
            if account.wrong_passwords >= lockout_after {
                account.locked_until = Some(now + lockout_for);
            }
        }
        None
    }

    fn login_refused(&self, name: String) -> Refusal {
        if self.behaviour.authentication_failure {
            Refusal::AuthenticationFailure(name)
        } else {
            Refusal::AuthorizationFailure(name)
        }
    }

    /// On UCCE a path may name a user by his loginName (User—Get User ID from loginName).
    pub(super) fn by_name(&self, name: &str) -> Option<usize> {
        if self.behaviour.deployment == Deployment::Uccx {
            return None;
        }
        self.by_login_name.get(name).copied()
    }

    /// The user, if the actor may read him: himself, an administrator anybody.
    fn readable_user(&self, actor: usize, id: &str) -> Result<usize, Refusal> {
        let who = self.index(id).or_else(|| self.by_name(id));
        let myself = &self.accounts[actor].user;
        let may = who == Some(actor)
            || myself.administrator
            || (self.behaviour.supervisor_reads_users
                && who.is_some_and(|who| myself.supervises.contains(&self.accounts[who].user.team)));
        if !may {
            return Err(Refusal::InvalidAuthorizationUser(id.to_owned()));
        }
        who.filter(|&who| self.accounts[who].user.agent)
            .ok_or_else(|| Refusal::UserNotFound(id.to_owned()))
    }

    fn readable_team(&self, actor: usize, id: &str) -> Result<(), Refusal> {
        let myself = &self.accounts[actor].user;
        if myself.supervises.is_empty() && !myself.administrator {
            return Err(Refusal::AuthorizationFailure(myself.id.clone()));
        }
        if !self.teams.iter().any(|team| team.id == id) {
            return Err(Refusal::NotFound(id.to_owned()));
        }
        if myself.administrator || myself.supervises.iter().any(|team| team == id) {
            Ok(())
        } else {
            Err(Refusal::AuthorizationFailure(myself.id.clone()))
        }
    }

    fn administrator(&self, actor: usize) -> Result<(), Refusal> {
        if self.accounts[actor].user.administrator {
            Ok(())
        } else {
            Err(Refusal::Unauthorized)
        }
    }

    fn reason_codes(&mut self, request: &Incoming<'_>) -> Result<Answer, Refusal> {
        let category = request
            .query("category")
            .ok_or(Refusal::ParameterMissing("category"))?;
        if !matches!(&*category, "NOT_READY" | "LOGOUT" | "ALL") {
            return Err(Refusal::InvalidInput("category"));
        }
        Ok(self.write(self.reason_codes_document(&category)))
    }

    fn reason_code(&mut self, id: &str) -> Result<Answer, Refusal> {
        let document = self
            .reason_code_document(id)
            .ok_or_else(|| Refusal::NotFound(id.to_owned()))?;
        Ok(self.write(document))
    }
}

/// The refusal of a method that a resource does not have.
fn only(method: &Method, allowed: &[Method]) -> Option<Answer> {
    if allowed.contains(method) {
        return None;
    }
    let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    Some(Answer::page(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, &names.join(", ")))
}

//! Fetching a token: by its refresh token where there is one, else by a login. It goes the way of every request of the
//! connection: its turn, its limits, its origins, its retries; only its answer is for the host alone.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use signoff_core::json;
use signoff_core::{Class, FailureKind, Monotonic, Placement, Sent};

use super::attempt::{Desk, Job, Purpose};
use super::retry::is_breakdown;
use super::tokens::Unhad;
use super::{Delivered, Delivery, DispatchError};
use crate::credential::{Credential, Grant, Life, Recipe, TokenRequest, words};
use crate::secret::Secret;

/// A token that ends sooner than this cannot be meant: clocks differ.
const SHORTEST: Duration = Duration::from_secs(1);

/// A token is not used in the last part of its life: what leaves with it must still arrive.
const MARGIN: Duration = Duration::from_secs(60);

/// What was fetched.
pub(super) struct Fetched {
    pub(super) token: Secret,
    pub(super) refresh: Option<Secret>,
    pub(super) until: Monotonic,
}

/// Fetches a token. Boxed, so that its type does not hold itself: a login is a request.
pub(super) fn fetch(
    desk: Arc<Desk>,
    credential: Arc<Credential>,
    refresh: Option<Secret>,
) -> BoxFuture<'static, Result<Fetched, Unhad>> {
    async move {
        let recipe = credential
            .recipe(&Placement::Bearer, desk.logins)
            .map_err(|mistake| fault(&mistake.to_string()))?;
        let Some(recipe) = recipe else {
            return Err(fault("a token was asked for that nobody makes"));
        };
        if let (Some(token), Recipe::Flow(flow)) = (&refresh, recipe)
            && let Some(renewal) = &flow.refresh
        {
            let request = TokenRequest::refresh(flow.endpoint, renewal, token);
            match ask(&desk, &credential, &request).await {
                // What is no new token is a refusal of this refresh token; user name and password are still good.
                Err(Unhad::Refused(_) | Unhad::Unanswered(_)) => {}
                Err(unhad) => return Err(unhad),
                Ok(answer) => {
                    if let Some(mut grant) = granted(recipe, true, &answer) {
                        grant.refresh = grant.refresh.or(refresh);
                        return Ok(taken(&desk, &credential, grant, &answer));
                    }
                }
            }
        }
        let request = credential
            .token_request(recipe)
            .await
            .map_err(|error| Unhad::Error(error.into()))?;
        let answer = match ask(&desk, &credential, &request).await {
            Ok(answer) => answer,
            Err(unhad) => {
                if matches!(unhad, Unhad::Failed { .. } | Unhad::Stopped) {
                    credential.unspent().await;
                }
                return Err(unhad);
            }
        };
        match granted(recipe, false, &answer) {
            Some(grant) => Ok(taken(&desk, &credential, grant, &answer)),
            None => {
                let message = without_token(&credential, Some(recipe), &answer);
                Err(if is_refusal(&answer) {
                    Unhad::Refused(message)
                } else {
                    Unhad::Unanswered(message)
                })
            }
        }
    }
    .boxed()
}

/// Sends it, and gives the answer that no repetition will change.
async fn ask(desk: &Arc<Desk>, credential: &Credential, request: &TokenRequest) -> Result<Delivered, Unhad> {
    let job = Job {
        desk,
        request: &request.request,
        credential: None,
        purpose: Purpose::Login {
            token: request,
            credential,
        },
    };
    let name = credential.name();
    match job.run().await {
        Ok(Delivery::Response(answer)) => match answer.class {
            Class::Throttled(_) | Class::Unavailable => Err(Unhad::Failed {
                kind: FailureKind::Unreachable,
                message: without_token(credential, None, &answer),
            }),
            _ => Ok(answer),
        },
        Ok(Delivery::Failure(failed)) => {
            let message = format!("no token for `{name}`: {}", failed.message).into();
            // The vendor may have counted it as one more wrong password.
            let may_ask_again = failed.sent == Sent::NotSent && failed.kind != FailureKind::Redirected;
            Err(if may_ask_again {
                Unhad::Failed {
                    kind: failed.kind,
                    message,
                }
            } else {
                Unhad::Unanswered(message)
            })
        }
        Ok(Delivery::Held | Delivery::Stopped | Delivery::CredentialStopped { .. }) => Err(Unhad::Stopped),
        Err(error) => Err(Unhad::Error(error)),
    }
}

/// What the answer to a login means for retries. No provider is asked: its vendor's codes are about other requests.
pub(crate) const fn classify(status: u16) -> Class {
    match status {
        200..=299 => Class::Ok,
        429 => Class::Throttled(None),
        502..=504 => Class::Unavailable,
        _ => Class::Other,
    }
}

/// Whether an answer to a login is neither a token nor a refusal: a server's error, or what cannot be read.
pub(super) fn says_nothing(class: Class, status: u16, body: &[u8]) -> bool {
    match class {
        Class::Ok => json::parse(body).is_err(),
        _ => is_breakdown(class, status),
    }
}

/// Whether an answer without a token says that user name, password or client are no good, as vendors count it: by its
/// status, or in words with a status that says the contrary.
fn is_refusal(answer: &Delivered) -> bool {
    match answer.class {
        Class::Ok => !says_nothing(answer.class, answer.status, &answer.body),
        _ => matches!(answer.status, 400 | 401 | 403 | 422 | 423),
    }
}

fn granted(recipe: Recipe<'_>, is_refresh: bool, answer: &Delivered) -> Option<Grant> {
    Grant::read(recipe, is_refresh, &answer.body).filter(|_| answer.class == Class::Ok)
}

fn taken(desk: &Desk, credential: &Credential, grant: Grant, answer: &Delivered) -> Fetched {
    credential.learn(&grant.token);
    if let Some(refresh) = &grant.refresh {
        credential.learn(refresh);
    }
    let now = desk.clock.now();
    let vendor_unix_ms = now.unix_ms.saturating_add(desk.admission.server_offset_ms());
    let life = match grant.life {
        Life::Unknown => None,
        Life::For(life) => life.checked_sub(now.monotonic.since(answer.sent)),
        Life::Until(unix_ms) => u64::try_from(unix_ms.saturating_sub(vendor_unix_ms))
            .ok()
            .map(Duration::from_millis),
    };
    let life = life.filter(|life| *life >= SHORTEST);
    Fetched {
        token: grant.token,
        refresh: grant.refresh,
        until: life.map_or(Monotonic::NEVER, |life| {
            now.monotonic + (life - MARGIN.min(life / 10))
        }),
    }
}

/// What to tell of an answer without a token. Only who was asked by a recipe of his own can have been refused.
fn without_token(credential: &Credential, recipe: Option<Recipe<'_>>, answer: &Delivered) -> Arc<str> {
    let (name, status, attempts) = (credential.name(), answer.status, answer.attempts);
    let what = match recipe {
        Some(Recipe::OAuth(_)) => "client",
        Some(Recipe::Flow(_)) | None => "login",
    };
    let is_ok = answer.class == Class::Ok;
    let mut message = if !is_ok && (recipe.is_none() || status >= 500) {
        format!("no token for `{name}`: asked for it {attempts} times, and answered with HTTP {status}")
    } else if is_ok && says_nothing(answer.class, status, &answer.body) {
        format!(
            "no token for `{name}`: asked for it {attempts} times, and answered with no JSON (HTTP {status})"
        )
    } else if is_ok {
        format!("no token for `{name}`: the answer to its {what} has none (HTTP {status})")
    } else if is_refusal(answer) {
        format!("the vendor refused the {what} of `{name}` (HTTP {status})")
    } else {
        format!("no token for `{name}`: asked for it as a {what}, and answered with HTTP {status}")
    };
    if let Some(words) = words(&answer.body, is_ok) {
        message.push_str(": ");
        message.push_str(&json::bounded(&credential.redacted(&words)));
    }
    message.into()
}

fn fault(message: &str) -> Unhad {
    Unhad::Error(DispatchError::Fault(message.into()))
}

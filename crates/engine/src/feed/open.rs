//! Opening a session: the provider says how to listen, an address is connected to, a password is shown once.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signoff_core::abi::host::Op;
use signoff_core::{FeedPlan, FeedWish, Finished, Outcome};
use signoff_xmpp::{Event, Limits, Login, Reason, Session};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::address::Address;
use super::client::Fault;
use super::session::flush;
use super::source::Source;
use super::trouble::Trouble;
use super::wire::Wire;
use crate::clock::until;
use crate::credential::Credential;
use crate::dispatch::DispatchError;
use crate::operation::{self, Setting, Waits};

/// The longest that opening takes: whoever waits for it goes on without.
pub(super) const OPENING: Duration = Duration::from_secs(15);
/// How long a server may take to say how one may log in, where there is another address.
const OFFER: Duration = Duration::from_secs(3);

/// A session that is up.
pub(super) struct Live {
    pub(super) session: Session,
    pub(super) wire: Wire,
    /// Decodes what comes.
    pub(super) op: Op,
    /// When the session's own time began.
    pub(super) began: Instant,
    /// Our address.
    pub(super) jid: String,
    /// Where it is.
    pub(super) address: String,
}

/// Opens a session, if the provider, who looks first, agrees.
pub(super) async fn open(source: &Source) -> Result<Live, Trouble> {
    let shown = AtomicBool::new(false);
    let opening = async {
        let (op, plan) = plan(source, &source.credential, None).await?;
        log_in(source, op, plan, &shown).await
    };
    timeout(OPENING, opening).await.unwrap_or_else(|_| {
        let why = format!("no session within {} s", OPENING.as_secs());
        Err(Trouble {
            was_shown: shown.load(Ordering::Relaxed),
            ..Trouble::passing(why)
        })
    })
}

/// What a scope comes to for this one.
pub(super) async fn scope_nodes(
    source: &Source,
    actor: &Arc<Credential>,
    scope: &str,
) -> Result<Vec<String>, Trouble> {
    let planned = timeout(OPENING, plan(source, actor, Some(scope))).await;
    let (_, plan) =
        planned.map_err(|_| Trouble::passing("the vendor does not say in time how to listen"))??;
    if plan.nodes.is_empty() {
        let who = actor.actor();
        return Err(Trouble::lasting(format!(
            "`{who}` has no team of his own to listen to: name one"
        )));
    }
    Ok(plan.nodes)
}

/// Logs in at the first address where the server says how one may. `shown` becomes true when the password may be shown.
async fn log_in(source: &Source, op: Op, plan: FeedPlan, shown: &AtomicBool) -> Result<Live, Trouble> {
    let password = source
        .credential
        .password()
        .await
        .map_err(|error| Trouble::lasting(error.to_string()))?;
    let addresses = Address::of(&source.settings, &plan);
    if addresses.iter().any(|address| !address.may_log_in) {
        return Err(Trouble::lasting(
            "the password would be sent in clear; add `danger_plain_xmpp = true` if that is no danger",
        ));
    }
    let mut login = Login {
        domain: plan.domain,
        service: plan.service,
        user: plan.user,
        password,
        resource: source.resource(),
        plain: true,
    };
    let (mut met, mut is_reached) = (Vec::new(), false);
    for (number, address) in addresses.iter().enumerate() {
        let wire = match Wire::connect(&source.dialer, address).await {
            Ok(wire) => wire,
            Err(none) => {
                met.push((address, none.into()));
                continue;
            }
        };
        is_reached = true;
        if let Some(why) = source.refusal() {
            wire.end().await;
            return Err(Trouble {
                is_final: true,
                fault: Fault::Login,
                ..Trouble::passing(why)
            });
        }
        login.plain = address.may_log_in;
        let began = Instant::now();
        let session = Session::new(login.clone(), wire.framing(), Limits::default(), Duration::ZERO);
        let mut session = session.map_err(|error| Trouble::lasting(error.to_string()))?;
        if number + 1 < addresses.len() {
            session.expect_offer_by(OFFER);
        }
        match until_ready(session, wire, began, shown).await {
            Ok((session, wire, jid)) => {
                let address = address.to_string();
                source.opened(&address);
                return Ok(Live {
                    session,
                    wire,
                    op,
                    began,
                    jid,
                    address,
                });
            }
            // The password is shown to one of them.
            Err(trouble) if trouble.was_shown => return Err(of_login(source, address, trouble)),
            Err(trouble) => met.push((address, of_domain(source, &login.domain, trouble))),
        }
    }
    Err(Trouble::of_all(met, is_reached))
}

/// What became of a password that was shown.
fn of_login(source: &Source, address: &Address, trouble: Trouble) -> Trouble {
    let words = format!("`{address}`: {}", trouble.why);
    if trouble.fault == Fault::Login {
        source.refused(&trouble.why);
        return Trouble {
            was_shown: true,
            ..Trouble::of_login(&source.credential, &words)
        };
    }
    Trouble {
        why: words.into(),
        ..trouble
    }
}

/// Has the provider find out how to listen as somebody; or, with a scope, what that comes to for him.
async fn plan(
    source: &Source,
    credential: &Arc<Credential>,
    scope: Option<&str>,
) -> Result<(Op, FeedPlan), Trouble> {
    if !source.provider.has_feed() {
        let name = source.settings.descriptor.name;
        return Err(Trouble::lasting(format!("{name} has no notifications")));
    }
    let wish = FeedWish {
        actor: credential.actor(),
        actor_kind: credential.kind(),
        named: source.named,
        only_nodes: scope.is_some(),
        scope: scope.unwrap_or_default(),
    };
    let mut op = source
        .provider
        .feed(wish, source.clock.now())
        .map_err(|error| Trouble::lasting(error.to_string()))?;
    let ticket = source.dispatcher.ticket(0, None);
    let setting = Setting {
        clock: source.clock,
        dispatcher: &source.dispatcher,
        ticket: &ticket,
        credential: Some(credential),
        stopped: source.stopped.clone(),
        writing: None,
        waits: &Waits::default(),
        feed: None,
        witness: None,
    };
    let (_caller, left) = oneshot::channel::<Infallible>();
    let ended = operation::drive(&mut op, setting, left).await;
    let ended = ended.map_err(|error: DispatchError| Trouble::lasting(error.to_string()))?;
    if ended.finished.outcome != Outcome::Done {
        let trouble = not_done(&ended.finished);
        return Err(match (ended.credential_stopped, ended.stopped_because) {
            (false, _) => trouble,
            (true, None) => Trouble::of_login(credential, &trouble.why),
            // Another request was refused before; that names the credential itself.
            (true, Some(why)) => Trouble {
                is_final: true,
                fault: Fault::Login,
                ..Trouble::passing(why)
            },
        });
    }
    let plan = op
        .feed_plan()
        .map_err(|error| Trouble::lasting(error.to_string()))?;
    Ok((op, plan))
}

fn not_done(finished: &Finished) -> Trouble {
    let words = finished.message.as_deref().or(finished.code.as_deref());
    let words = words.unwrap_or_else(|| finished.outcome.name());
    match finished.outcome {
        Outcome::Refused => Trouble::lasting(words),
        Outcome::Denied | Outcome::NotFound => Trouble {
            is_final: true,
            ..Trouble::passing(words)
        },
        _ => Trouble::passing(words),
    }
}

/// The same in words that say what to do: what the server does not know came from the vendor's API.
fn of_domain(source: &Source, domain: &str, trouble: Trouble) -> Trouble {
    if trouble.fault != Fault::Domain {
        return trouble;
    }
    let cure = if source.settings.feed.addresses.is_empty() {
        "ask whoever runs it, since the two have to be the same"
    } else {
        "check that the `address` of `feed` is this vendor's, or leave it out"
    };
    Trouble {
        why: format!("the server does not know the domain `{domain}` that the vendor's API names").into(),
        cure: Some(cure.to_owned()),
        ..trouble
    }
}

/// Waits until a session is up. `shown` becomes true when the password may be shown.
pub(super) async fn until_ready(
    mut session: Session,
    mut wire: Wire,
    began: Instant,
    shown: &AtomicBool,
) -> Result<(Session, Wire, String), Trouble> {
    loop {
        shown.fetch_or(session.has_shown(), Ordering::Relaxed);
        // What is sent first: a refusal ends with our own farewell.
        let flushed = flush(&mut session, &mut wire).await;
        match session.event() {
            Some(Event::Ready { jid }) => return Ok((session, wire, jid)),
            Some(Event::Refused {
                condition,
                text,
                credential,
            }) => {
                wire.end().await;
                let without_plain = !credential && condition == "invalid-mechanism";
                return Err(Trouble {
                    fault: if credential { Fault::Login } else { Fault::Session },
                    was_shown: session.has_shown(),
                    cure: without_plain.then(|| {
                        "have whoever runs it allow PLAIN there, or name another `address` of `feed`"
                            .to_owned()
                    }),
                    ..Trouble::refused(&condition, &text)
                });
            }
            Some(Event::Lost { reason, retry }) => {
                wire.end().await;
                let unknown =
                    matches!(&reason, Reason::Condition { condition, .. } if condition == "host-unknown");
                return Err(Trouble {
                    is_final: !retry,
                    was_shown: session.has_shown(),
                    fault: if unknown { Fault::Domain } else { Fault::Session },
                    ..Trouble::passing(reason.to_string())
                });
            }
            Some(_) => continue,
            None => {}
        }
        if let Err(why) = flushed {
            session.disconnected(why);
            continue;
        }
        let wake = session.wake().map(|wake| began + wake);
        tokio::select! {
            read = wire.read() => match read {
                Ok(Some(bytes)) => session.receive(began.elapsed(), &bytes),
                Ok(None) => session.disconnected("the server closed it"),
                Err(why) => session.disconnected(why),
            },
            // It knows how long each part of a login may take, and says which did not come.
            () = until(wake) => session.tick(began.elapsed()),
        }
    }
}

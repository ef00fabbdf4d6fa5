//! The tokens that credentials have become on one connection: fetched once for all who wait, kept in memory, and renewed
//! before they end or when the vendor says that they have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signoff_core::{FailureKind, Monotonic};
use tokio::sync::watch;

use super::DispatchError;
use super::attempt::Desk;
use super::login::{self, Fetched};
use crate::credential::Credential;
use crate::secret::Secret;

/// The tokens of one connection, by credential.
#[derive(Default)]
pub(super) struct Tokens {
    cells: Mutex<HashMap<Arc<str>, Cell>>,
}

/// What is known of one credential's tokens.
#[derive(Default)]
struct Cell {
    held: Option<Held>,
    refresh: Option<Secret>,
    /// The fetch under way.
    fetch: Option<watch::Receiver<Option<Landing>>>,
    /// No token will ever be had: why.
    refused: Option<Unhad>,
    generation: u64,
}

struct Held {
    token: Token,
    /// It is not sent from here on.
    until: Monotonic,
    /// Whether the vendor has accepted it once.
    is_proven: bool,
}

/// A token.
#[derive(Clone)]
pub(super) struct Token {
    /// Tells the tokens of one credential apart.
    pub(super) generation: u64,
    pub(super) secret: Secret,
}

/// What a fetch comes to.
type Landing = Result<(), Unhad>;

/// Why there is no token.
#[derive(Debug, Clone)]
pub(super) enum Unhad {
    /// The vendor gives none: nothing is to be sent with the credential any more.
    Refused(Arc<str>),
    /// The same, though he has refused nothing: the login came to something else, and may have been counted as one.
    Unanswered(Arc<str>),
    /// The vendor was not reached, or not in service.
    Failed { kind: FailureKind, message: Arc<str> },
    /// The run is being stopped.
    Stopped,
    /// It could not even be asked for.
    Error(DispatchError),
}

/// What an answer says of the token that its request was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum TokenSign {
    /// Nothing but what it says of the credential: the token is the present one, or there is none.
    #[default]
    Present,
    /// Nothing at all: there is another token by now.
    Stale,
    /// It was good, and is so no longer; another will be fetched.
    RunOut,
    /// It was refused before it was ever accepted: either it is no good, or the request is not to be had with it.
    Unproven,
    /// Nothing: the vendor accepts it for others, so it is this request that he refuses.
    Own,
}

/// Who asks for a token.
enum Place {
    /// There is one.
    Ready,
    /// He waits for a fetch.
    Waiting(watch::Receiver<Option<Landing>>),
    /// He is the first, and is to let the fetch begin; with the refresh token, if there is one.
    First(watch::Sender<Option<Landing>>, Option<Secret>),
    /// There will be none.
    Never(Unhad),
}

impl Tokens {
    /// The token to be sent now; `None` if one must be fetched first.
    pub(super) fn ready(&self, credential: &str, now: Monotonic) -> Option<Token> {
        let cells = self.lock();
        let held = cells.get(credential)?.held.as_ref()?;
        (now < held.until).then(|| held.token.clone())
    }

    /// The vendor accepted a request with it.
    pub(super) fn accepted(&self, credential: &str, generation: u64) -> TokenSign {
        match self
            .lock()
            .get_mut(credential)
            .and_then(|cell| cell.present(generation))
        {
            Some(held) => {
                held.is_proven = true;
                TokenSign::Present
            }
            None => TokenSign::Stale,
        }
    }

    /// The vendor says that it has run out. If it has never been accepted, it is not the token's age that is wrong; nor if
    /// another was fetched for this request before, which then `may_renew` no more.
    pub(super) fn expired(&self, credential: &str, generation: u64, may_renew: bool) -> TokenSign {
        match self
            .lock()
            .get_mut(credential)
            .and_then(|cell| cell.present(generation))
        {
            Some(held) if held.is_proven && may_renew => {
                held.until = Monotonic::ZERO;
                TokenSign::RunOut
            }
            Some(held) if held.is_proven => TokenSign::Own,
            Some(_) => TokenSign::Unproven,
            None => TokenSign::Stale,
        }
    }

    /// Whether it is the present one.
    pub(super) fn sign(&self, credential: &str, generation: u64) -> TokenSign {
        match self
            .lock()
            .get_mut(credential)
            .and_then(|cell| cell.present(generation))
        {
            Some(_) => TokenSign::Present,
            None => TokenSign::Stale,
        }
    }

    /// Whether it was no refusal for which there will be no token.
    pub(super) fn is_unanswered(&self, credential: &str) -> bool {
        let cells = self.lock();
        let refused = cells.get(credential).and_then(|cell| cell.refused.as_ref());
        matches!(refused, Some(Unhad::Unanswered(_)))
    }

    fn place(&self, credential: &Arc<str>, now: Monotonic) -> Place {
        let mut cells = self.lock();
        let cell = cells.entry(Arc::clone(credential)).or_default();
        if let Some(unhad) = &cell.refused {
            return Place::Never(unhad.clone());
        }
        if cell.held.as_ref().is_some_and(|held| now < held.until) {
            return Place::Ready;
        }
        if let Some(fetch) = &cell.fetch {
            return Place::Waiting(fetch.clone());
        }
        let landing = watch::Sender::new(None);
        cell.fetch = Some(landing.subscribe());
        Place::First(landing, cell.refresh.clone())
    }

    fn land(&self, credential: &str, fetched: Result<Fetched, Unhad>) -> Landing {
        let mut cells = self.lock();
        let Some(cell) = cells.get_mut(credential) else {
            return Err(Unhad::Stopped);
        };
        cell.fetch = None;
        match fetched {
            Ok(fetched) => {
                cell.generation += 1;
                cell.refresh = fetched.refresh;
                cell.held = Some(Held {
                    token: Token {
                        generation: cell.generation,
                        secret: fetched.token,
                    },
                    until: fetched.until,
                    is_proven: false,
                });
                Ok(())
            }
            Err(unhad) => {
                if matches!(unhad, Unhad::Refused(_) | Unhad::Unanswered(_)) {
                    cell.refused = Some(unhad.clone());
                }
                Err(unhad)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Cell>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cell {
    /// What is held, if it is of that generation and has not run out by the vendor's word.
    fn present(&mut self, generation: u64) -> Option<&mut Held> {
        let held = self.held.as_mut()?;
        (held.token.generation == generation && held.until != Monotonic::ZERO).then_some(held)
    }
}

impl Desk {
    /// Sees to it that there is a token; one that is fetched is fetched once for all who wait.
    pub(super) async fn have_token(self: &Arc<Self>, credential: &Arc<Credential>) -> Landing {
        loop {
            if let Some(message) = self.admission.refusal(credential.name()) {
                return Err(if self.tokens.is_unanswered(credential.name()) {
                    Unhad::Unanswered(message)
                } else {
                    Unhad::Refused(message)
                });
            }
            let mut fetch = match self.tokens.place(credential.name(), self.clock.now().monotonic) {
                Place::Ready => return Ok(()),
                Place::Never(unhad) => return Err(unhad),
                Place::Waiting(fetch) => fetch,
                Place::First(landing, refresh) => {
                    let fetch = landing.subscribe();
                    // A task of its own: it belongs to all who wait, not to the first of them.
                    tokio::spawn(self.fetch(credential, landing, refresh));
                    fetch
                }
            };
            let landed = fetch.wait_for(Option::is_some).await;
            match landed.as_deref() {
                Ok(Some(Ok(()))) => {}
                Ok(Some(Err(unhad))) => return Err(unhad.clone()),
                Ok(None) | Err(_) => {
                    let fault = DispatchError::Fault("the fetch of a token broke down".into());
                    return Err(Unhad::Error(fault));
                }
            }
        }
    }

    fn fetch(
        self: &Arc<Self>,
        credential: &Arc<Credential>,
        landing: watch::Sender<Option<Landing>>,
        refresh: Option<Secret>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (desk, credential) = (Arc::clone(self), Arc::clone(credential));
        async move {
            let fetched = login::fetch(Arc::clone(&desk), Arc::clone(&credential), refresh).await;
            let landed = desk.tokens.land(credential.name(), fetched);
            match &landed {
                Ok(()) => desk.admission.token_renewed(credential.name()),
                Err(Unhad::Refused(message) | Unhad::Unanswered(message)) => {
                    desk.admission.refuse(credential.name(), message);
                }
                Err(_) => {}
            }
            landing.send_replace(Some(landed));
        }
    }
}

//! The gate before a credential: a wrong password must not be tried by a thousand operations at once, because vendors
//! lock accounts after a handful of refusals.
//!
//! The gate belongs to the credential as used on one connection. It opens when the vendor has accepted the credential
//! once; until then one request at a time passes. An answer that leaves the credential in doubt closes it for all but the
//! proof; a refusal closes it for good.
//!
//! A vendor who has just given a token and then refuses a request that it goes with may mean that request alone. So
//! another one is tried with it before the credential counts as refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use signoff_core::{Class, Monotonic};

use super::tokens::TokenSign;

/// The gate before one credential of one connection.
#[derive(Debug)]
pub(super) struct Gate {
    credential: Arc<str>,
    state: State,
    /// Answers of 401 whose body is still under way: only the whole answer tells what they mean.
    unread: u32,
    /// Whether the vendor has accepted it once.
    was_accepted: bool,
    /// How many requests share a token that it has become, each from its beginning to its end.
    sharers: u32,
    /// How many of them wait to be told what their refusal means.
    accused: u32,
}

#[derive(Debug)]
enum State {
    /// The vendor has not accepted it yet.
    Unproven {
        probing: bool,
        /// Whom he has refused with its present token.
        suspicion: Option<Suspicion>,
    },
    /// The vendor has accepted it.
    Proven,
    /// An answer spoke against it; those who got such answers are expected to send a proof.
    Doubted {
        raised_by: BTreeSet<u64>,
        since: Monotonic,
        proving: bool,
        status: u16,
    },
    /// The vendor refused it.
    Refused { message: Arc<str> },
}

/// A token that was never accepted was refused.
#[derive(Debug)]
struct Suspicion {
    /// Those who got the answer.
    operations: BTreeSet<u64>,
    status: u16,
}

/// What the refusal of a token means that was never accepted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// The credential is no good.
    Credential,
    /// It concerns the request alone.
    Request,
}

/// Whether a request may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Like any other.
    Pass,
    /// As the one request whose answer is waited for; to be given back by [`Gate::answered`] or
    /// [`Gate::unanswered`].
    PassAlone,
    /// Not now.
    Wait,
    /// Never; why.
    Refused(Arc<str>),
}

/// An answer, as far as it concerns the credential.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) class: Class,
    pub(super) status: u16,
    /// Whether the request was one that proves the credential.
    pub(super) proof: bool,
    /// Whether it passed alone.
    pub(super) alone: bool,
    /// What it says of the token that was sent.
    pub(super) token: TokenSign,
    /// The living operations that get the answer.
    pub(super) operations: &'a [u64],
    pub(super) now: Monotonic,
}

impl Gate {
    pub(super) const fn new(credential: Arc<str>) -> Self {
        Self {
            credential,
            state: State::UNPROVEN,
            unread: 0,
            was_accepted: false,
            sharers: 0,
            accused: 0,
        }
    }

    /// Whether a request may pass now. A proof is a request whose answer tells whether the credential is any good.
    pub(super) fn verdict(&self, proof: bool) -> Verdict {
        match &self.state {
            State::Refused { message } => Verdict::Refused(Arc::clone(message)),
            _ if self.unread > 0 => Verdict::Wait,
            State::Proven => Verdict::Pass,
            State::Unproven { probing: false, .. } => Verdict::PassAlone,
            State::Doubted { proving: false, .. } if proof => Verdict::PassAlone,
            State::Unproven { .. } | State::Doubted { .. } => Verdict::Wait,
        }
    }

    /// Whether a request that has passed may still leave: the world may have changed while its intent was written.
    pub(super) const fn is_open_for(&self, alone: bool) -> bool {
        let is_open =
            alone && !matches!(self.state, State::Refused { .. }) || matches!(self.state, State::Proven);
        is_open && self.unread == 0
    }

    /// An answer of 401 has begun.
    pub(super) const fn hear_401(&mut self) {
        self.unread += 1;
    }

    /// It has come to its end.
    pub(super) const fn heard_out(&mut self) {
        self.unread = self.unread.saturating_sub(1);
    }

    /// A request passes alone.
    pub(super) const fn pass_alone(&mut self) {
        self.set_alone(true);
    }

    /// A request that passed was answered.
    pub(super) fn answered(&mut self, answer: Answer<'_>) {
        if matches!(self.state, State::Refused { .. }) {
            return;
        }
        if answer.refuses() {
            self.refuse(answer.status);
        } else if matches!(answer.token, TokenSign::Stale | TokenSign::Own) {
            if answer.alone {
                self.set_alone(false);
            }
        } else if answer.token == TokenSign::RunOut {
            self.state = State::UNPROVEN;
        } else if answer.token == TokenSign::Unproven {
            self.suspect(answer);
        } else if answer.class == Class::CredentialDoubted {
            self.doubt(answer);
        } else {
            match self.state {
                State::Unproven { .. } if answer.accepts() && answer.status < 500 => self.prove(),
                State::Doubted { .. } if answer.alone && answer.accepts() => self.prove(),
                _ if answer.alone => self.set_alone(false),
                _ => {}
            }
        }
    }

    /// There is another token: what the vendor accepted was the one before it.
    pub(super) fn token_renewed(&mut self) {
        match &mut self.state {
            State::Refused { .. } => {}
            // Nothing was accepted in between: what was suspected of the one before is suspected of this one.
            State::Unproven { probing, .. } => *probing = false,
            State::Proven | State::Doubted { .. } => self.state = State::UNPROVEN,
        }
    }

    /// A request begins that shares its tokens.
    pub(super) const fn shared(&mut self) {
        self.sharers += 1;
    }

    /// It has come to its end.
    pub(super) const fn unshared(&mut self, was_accused: bool) {
        self.sharers = self.sharers.saturating_sub(1);
        if was_accused {
            self.accused = self.accused.saturating_sub(1);
        }
    }

    /// A request that shares its tokens was refused with one that was never accepted, and waits for what that means.
    pub(super) const fn accuse(&mut self) {
        self.accused += 1;
    }

    /// Whether somebody waits for that.
    pub(super) const fn has_accused(&self) -> bool {
        self.accused > 0
    }

    /// Whether that is known: another request was tried, or nobody is left who would be.
    pub(super) const fn is_settled(&self) -> bool {
        let State::Unproven { suspicion, .. } = &self.state else {
            return true;
        };
        suspicion.is_none() || self.sharers <= self.accused
    }

    /// What that means, by what is known.
    pub(super) fn finding(&mut self) -> Finding {
        match &self.state {
            State::Refused { .. } => Finding::Credential,
            State::Unproven {
                suspicion: Some(suspicion),
                ..
            } if !self.was_accepted => {
                self.refuse(suspicion.status);
                Finding::Credential
            }
            _ => Finding::Request,
        }
    }

    /// No token is given for it, or it was refused where no request of the host went; why.
    pub(super) fn refuse_because(&mut self, message: Arc<str>) {
        self.state = State::Refused { message };
    }

    /// Why it is refused, if it is.
    pub(super) fn refusal(&self) -> Option<Arc<str>> {
        match &self.state {
            State::Refused { message } => Some(Arc::clone(message)),
            _ => None,
        }
    }

    /// A request that passed alone came to nothing.
    pub(super) const fn unanswered(&mut self) {
        self.set_alone(false);
    }

    /// An operation has ended. If nobody is left who would send the proof, the doubt has the last word: then this says
    /// `true`, and the credential is refused.
    pub(super) fn operation_ended(&mut self, operation: u64) -> bool {
        let State::Doubted {
            raised_by, status, ..
        } = &mut self.state
        else {
            return false;
        };
        let status = *status;
        let abandoned = raised_by.remove(&operation) && raised_by.is_empty();
        if abandoned {
            self.refuse(status);
        }
        abandoned
    }

    /// Whether nothing passes but what settles a question about the credential.
    pub(super) const fn question(&self) -> Option<Question> {
        match self.state {
            State::Unproven { .. } => Some(Question::Unproven),
            State::Doubted { .. } => Some(Question::Doubted),
            State::Proven | State::Refused { .. } => None,
        }
    }

    /// Since when it is in doubt, if it is: what was sent before proves nothing.
    pub(super) const fn doubted_since(&self) -> Option<Monotonic> {
        match self.state {
            State::Doubted { since, .. } => Some(since),
            _ => None,
        }
    }

    fn prove(&mut self) {
        self.state = State::Proven;
        self.was_accepted = true;
    }

    fn suspect(&mut self, answer: Answer<'_>) {
        let State::Unproven { probing, suspicion } = &mut self.state else {
            // It was in doubt already.
            self.refuse(answer.status);
            return;
        };
        *probing &= !answer.alone;
        match suspicion {
            None => {
                *suspicion = Some(Suspicion {
                    operations: answer.operations.iter().copied().collect(),
                    status: answer.status,
                });
            }
            // Another part of the same.
            Some(known) if answer.operations.iter().any(|one| known.operations.contains(one)) => {}
            Some(_) => self.refuse(answer.status),
        }
    }

    fn doubt(&mut self, answer: Answer<'_>) {
        if !matches!(self.state, State::Doubted { .. }) {
            self.state = State::Doubted {
                raised_by: BTreeSet::new(),
                since: answer.now,
                proving: false,
                status: answer.status,
            };
        }
        if let State::Doubted { raised_by, .. } = &mut self.state {
            raised_by.extend(answer.operations);
            if raised_by.is_empty() {
                self.refuse(answer.status);
            }
        }
    }

    fn refuse(&mut self, status: u16) {
        let message = format!(
            "the vendor refused the credential `{}` (HTTP {status})",
            self.credential
        );
        self.state = State::Refused {
            message: message.into(),
        };
    }

    const fn set_alone(&mut self, alone: bool) {
        match &mut self.state {
            State::Unproven { probing, .. } => *probing = alone,
            State::Doubted { proving, .. } => *proving = alone,
            State::Proven | State::Refused { .. } => {}
        }
    }
}

impl State {
    const UNPROVEN: Self = Self::Unproven {
        probing: false,
        suspicion: None,
    };
}

/// What is not known of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether it is any good.
    Unproven,
    /// Whether it still is.
    Doubted,
}

impl Answer<'_> {
    /// A token that has run out is a refusal where the host cannot fetch another.
    const fn refuses(&self) -> bool {
        match self.class {
            Class::CredentialRefused => true,
            _ if !matches!(self.token, TokenSign::Present) => false,
            Class::TokenExpired => true,
            Class::CredentialDoubted => self.proof,
            Class::Other => self.proof && self.status == 401,
            Class::Ok | Class::Throttled(_) | Class::Unavailable => false,
        }
    }

    const fn accepts(&self) -> bool {
        matches!(self.class, Class::Ok) || matches!(self.class, Class::Other) && self.status != 401
    }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "a test may fail")]
mod tests {
    use super::*;

    const NOW: Monotonic = Monotonic(5);
    const OPERATION: u64 = 7;

    fn gate() -> Gate {
        Gate::new("supervisor".into())
    }

    /// Sends one request through the gate, which must let it pass, and answers it.
    fn exchange(gate: &mut Gate, proof: bool, class: Class, status: u16) {
        let alone = enter(gate, proof);
        gate.answered(Answer {
            class,
            status,
            proof,
            alone,
            token: TokenSign::Present,
            operations: &[OPERATION],
            now: NOW,
        });
    }

    /// Answers a request that left before the others.
    fn late(gate: &mut Gate, class: Class, status: u16, operations: &[u64]) {
        gate.answered(Answer {
            class,
            status,
            proof: false,
            alone: false,
            token: TokenSign::Present,
            operations,
            now: NOW,
        });
    }

    fn enter(gate: &mut Gate, proof: bool) -> bool {
        match gate.verdict(proof) {
            Verdict::Pass => false,
            Verdict::PassAlone => {
                gate.pass_alone();
                true
            }
            other => panic!("it does not pass: {other:?}"),
        }
    }

    fn proven() -> Gate {
        let mut gate = gate();
        exchange(&mut gate, false, Class::Ok, 200);
        gate
    }

    fn doubted() -> Gate {
        let mut gate = proven();
        exchange(&mut gate, false, Class::CredentialDoubted, 401);
        gate
    }

    fn is_refused(gate: &Gate) -> bool {
        matches!(gate.verdict(true), Verdict::Refused(_))
            && matches!(gate.verdict(false), Verdict::Refused(_))
    }

    #[test]
    fn one_at_a_time_until_it_is_accepted() {
        let mut gate = gate();
        assert_eq!(gate.verdict(false), Verdict::PassAlone);
        gate.pass_alone();
        assert_eq!(gate.verdict(true), Verdict::Wait);
        gate.unanswered();
        // Answers that say nothing of the credential leave the question open.
        for (class, status) in [
            (Class::Unavailable, 503),
            (Class::Throttled(None), 429),
            (Class::Other, 500),
        ] {
            exchange(&mut gate, false, class, status);
            assert_eq!(gate.verdict(false), Verdict::PassAlone, "{class:?}");
        }
        exchange(&mut gate, false, Class::Other, 404);
        assert_eq!(gate.verdict(false), Verdict::Pass);
    }

    #[test]
    fn a_refusal_is_final_and_says_why() {
        let mut gate = gate();
        exchange(&mut gate, false, Class::CredentialRefused, 401);
        let Verdict::Refused(message) = gate.verdict(true) else {
            panic!("it passes");
        };
        assert_eq!(
            &*message,
            "the vendor refused the credential `supervisor` (HTTP 401)"
        );
        late(&mut gate, Class::Ok, 200, &[1]);
        assert!(is_refused(&gate));
    }

    #[test]
    fn in_doubt_only_one_proof_passes() {
        let mut gate = doubted();
        assert_eq!(gate.verdict(false), Verdict::Wait);
        assert_eq!(gate.doubted_since(), Some(NOW));
        assert!(enter(&mut gate, true));
        assert_eq!(gate.verdict(true), Verdict::Wait);
        // What left before the doubt proves nothing now.
        late(&mut gate, Class::Ok, 200, &[1]);
        assert_eq!(gate.verdict(false), Verdict::Wait);
    }

    #[test]
    fn the_proof_decides() {
        for (class, status, opens) in [
            (Class::Ok, 200, true),
            (Class::Other, 404, true),
            (Class::Other, 401, false),
            (Class::CredentialDoubted, 401, false),
            (Class::CredentialRefused, 403, false),
            (Class::TokenExpired, 401, false),
        ] {
            let mut gate = doubted();
            exchange(&mut gate, true, class, status);
            assert_eq!(gate.verdict(false) == Verdict::Pass, opens, "{class:?}");
            assert_eq!(is_refused(&gate), !opens, "{class:?}");
        }
        let mut gate = doubted();
        exchange(&mut gate, true, Class::Unavailable, 503);
        assert_eq!(gate.verdict(true), Verdict::PassAlone, "the proof is tried again");
    }

    #[test]
    fn a_doubt_that_nobody_clears_up_counts() {
        let mut gate = doubted();
        late(&mut gate, Class::CredentialDoubted, 401, &[8, 9]);
        for operation in [1, OPERATION, 8] {
            assert!(!gate.operation_ended(operation));
        }
        assert!(gate.operation_ended(9));
        assert!(is_refused(&gate));

        let mut nobody = proven();
        late(&mut nobody, Class::CredentialDoubted, 401, &[]);
        assert!(is_refused(&nobody));
    }

    #[test]
    fn what_has_passed_leaves_only_if_the_gate_is_still_open() {
        let mut gate = proven();
        assert!(gate.is_open_for(false));
        exchange(&mut gate, false, Class::CredentialDoubted, 401);
        assert!(!gate.is_open_for(false));
        assert!(gate.is_open_for(true));
        exchange(&mut gate, true, Class::CredentialRefused, 401);
        assert!(!gate.is_open_for(true));
    }
}

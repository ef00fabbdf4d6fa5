//! What the ledger knows of ZAP and Uiza: by user and by the number of a device, never by a token or a key.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Ledger, Logouts};

/// How often what there is of a ZAP user was asked to end, and how often he logged in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZapSessions {
    /// His session on the web platform.
    pub web: Logouts,
    /// His devices, by their number, from 1, in the order of the population and then of his logins.
    pub devices: BTreeMap<usize, Logouts>,
    /// Requests to log a device out that was never his.
    pub strange_devices: u32,
    /// How often he logged in.
    pub logins: u32,
    /// How often his token was refreshed.
    pub refreshes: u32,
}

impl ZapSessions {
    /// How often one of his sessions ended, of whichever kind.
    #[must_use]
    pub fn ended(&self) -> u32 {
        self.web.applied + self.devices.values().map(|device| device.applied).sum::<u32>()
    }
}

/// How often ZAP gave tokens to anybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// By a login.
    pub logins: u32,
    /// Logins that were refused.
    pub refused_logins: u32,
    /// By a refresh.
    pub refreshes: u32,
    /// Refreshes that were refused.
    pub refused_refreshes: u32,
}

/// What a request to ZAP was about to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZapPart {
    Web,
    Device(usize),
    StrangeDevice,
}

/// Records of both.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    zap: HashMap<Arc<str>, ZapSessions>,
    tokens: Tokens,
    uiza: HashMap<Arc<str>, Logouts>,
}

impl ZapSessions {
    fn part(&mut self, part: ZapPart) -> Option<&mut Logouts> {
        match part {
            ZapPart::Web => Some(&mut self.web),
            ZapPart::Device(number) => Some(self.devices.entry(number).or_default()),
            ZapPart::StrangeDevice => {
                self.strange_devices += 1;
                None
            }
        }
    }
}

impl Ledger {
    /// What became of a ZAP user's sessions, by his id.
    #[must_use]
    pub fn zap_sessions_of(&self, user: &str) -> ZapSessions {
        self.records().sessions.zap.get(user).cloned().unwrap_or_default()
    }

    /// The tokens that ZAP gave and refused.
    #[must_use]
    pub fn zap_tokens(&self) -> Tokens {
        self.records().sessions.tokens
    }

    /// How often a Uiza user's keys, any of them, were asked to be removed, by his id.
    #[must_use]
    pub fn uiza_logouts_of(&self, user: &str) -> Logouts {
        self.records()
            .sessions
            .uiza
            .get(user)
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn zap_logout_requested(&self, user: &Arc<str>, part: ZapPart, accepted: bool) {
        let mut records = self.records();
        let sessions = records.sessions.zap.entry(Arc::clone(user)).or_default();
        if let Some(logouts) = sessions.part(part) {
            logouts.requested += 1;
            logouts.accepted += u32::from(accepted);
        }
    }

    pub(crate) fn zap_session_ended(&self, user: &Arc<str>, part: ZapPart) {
        let mut records = self.records();
        let sessions = records.sessions.zap.entry(Arc::clone(user)).or_default();
        if let Some(logouts) = sessions.part(part) {
            logouts.applied += 1;
        }
    }

    /// A login; of nobody, if it was refused.
    pub(crate) fn zap_login(&self, user: Option<&Arc<str>>) {
        let sessions = &mut self.records().sessions;
        match user {
            Some(user) => {
                sessions.tokens.logins += 1;
                sessions.zap.entry(Arc::clone(user)).or_default().logins += 1;
            }
            None => sessions.tokens.refused_logins += 1,
        }
    }

    /// A refresh of a token; of nobody's, if it was refused.
    pub(crate) fn zap_refresh(&self, user: Option<&Arc<str>>) {
        let sessions = &mut self.records().sessions;
        match user {
            Some(user) => {
                sessions.tokens.refreshes += 1;
                sessions.zap.entry(Arc::clone(user)).or_default().refreshes += 1;
            }
            None => sessions.tokens.refused_refreshes += 1,
        }
    }

    pub(crate) fn uiza_logout_requested(&self, user: &Arc<str>, accepted: bool) {
        let mut records = self.records();
        let logouts = records.sessions.uiza.entry(Arc::clone(user)).or_default();
        logouts.requested += 1;
        logouts.accepted += u32::from(accepted);
    }

    pub(crate) fn uiza_key_removed(&self, user: &Arc<str>) {
        let mut records = self.records();
        records.sessions.uiza.entry(Arc::clone(user)).or_default().applied += 1;
    }
}

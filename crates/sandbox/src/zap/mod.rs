//! A simulated ZAP, the exchange platform of Zap Africa, by the pages of its API book: logins in their three answers, tokens
//! that expire and are refreshed, the paged list of users, and two logouts on one path, `PUT` for a device and `GET`, by an
//! administrator, for the web.
//!
//! The book shows no error body, and does not say what becomes of whoever is not signed in, which permission the
//! administrator's logout needs, or how long a page may be. What is made up here for them can be chosen ([`Behaviour`]).
//! Its tokens have the form of HS256 tokens; what stands for the signature is random.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

mod behaviour;
mod login;
mod population;
mod rest;

pub use behaviour::{Already, Behaviour, ErrorShape, LoginBody, LoginShape, Setting};
pub use population::{Role, User, demo, people};

use crate::clock::Clock;
use crate::ledger::{Ledger, ZapPart};
use crate::random::Random;
use crate::service::Later;
use crate::settings::ZapSettings;
use login::{Refresh, Token};

/// What `twoFaToken` must be, in every login that needs it (the book's sample).
pub const TWO_FACTOR_TOKEN: &str = "636363";
/// What the one-time password is, for everybody.
pub const ONE_TIME_PASSWORD: &str = "482915";

/// What may go wrong with one request, in the vendor's own manner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// HTTP 200 with `success` false; nothing is done. Not documented, and defended against.
    NotSuccess,
    /// 500 in plain text; nothing is done.
    Plain500,
    /// The token that the request carries is expired from now on.
    Expire,
}

impl Trouble {
    /// Its name among the faults.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSuccess => "zap_not_success",
            Self::Plain500 => "zap_plain_500",
            Self::Expire => "zap_expire",
        }
    }
}

/// Where somebody is signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    /// On the web platform.
    pub web: bool,
    /// The numbers of his devices, from 1, in the order of the population and then of his logins.
    pub devices: Vec<usize>,
}

/// Whether a request is for this service.
pub(crate) fn serves(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// The simulated service.
#[derive(Debug)]
pub(crate) struct Zap {
    pub(crate) behaviour: Behaviour,
    accounts: Vec<Account>,
    by_id: HashMap<Arc<str>, usize>,
    /// By email, user name and phone.
    by_identity: HashMap<String, usize>,
    tokens: HashMap<String, Token>,
    refreshes: HashMap<String, Refresh>,
    /// Logouts that were accepted and are not applied yet.
    accepted: Later<(usize, ZapPart)>,
    clock: Clock,
    ledger: Ledger,
    random: Random,
}

#[derive(Debug)]
struct Account {
    user: User,
    id: Arc<str>,
    web: bool,
    devices: Vec<Device>,
}

#[derive(Debug)]
struct Device {
    token: String,
    signed_in: bool,
}

impl Zap {
    pub(crate) fn new(settings: ZapSettings, clock: Clock, ledger: Ledger, seed: u64) -> Self {
        let ZapSettings { users, behaviour } = settings;
        let accounts: Vec<Account> = users.into_iter().map(Account::new).collect();
        let mut by_id = HashMap::with_capacity(accounts.len());
        let mut by_identity = HashMap::with_capacity(3 * accounts.len());
        for (who, account) in accounts.iter().enumerate() {
            by_id.insert(Arc::clone(&account.id), who);
            let User {
                email,
                username,
                phone,
                ..
            } = &account.user;
            by_identity.extend([email, username, phone].map(|identity| (identity.clone(), who)));
        }
        Self {
            behaviour,
            accounts,
            by_id,
            by_identity,
            tokens: HashMap::new(),
            refreshes: HashMap::new(),
            accepted: Later::default(),
            clock,
            ledger,
            random: Random::new(seed),
        }
    }

    /// Where somebody is signed in; `None` if there is no such user.
    pub(crate) fn sessions_of(&self, user: &str) -> Option<Sessions> {
        let account = &self.accounts[*self.by_id.get(user)?];
        let devices = account.devices.iter().enumerate();
        let devices = devices.filter(|(_, device)| device.signed_in);
        Some(Sessions {
            web: account.web,
            devices: devices.map(|(index, _)| index + 1).collect(),
        })
    }

    /// Signs somebody in or out on the web; `false` if there is no such user.
    pub(crate) fn set_web(&mut self, user: &str, signed_in: bool) -> bool {
        let who = self.by_id.get(user).copied();
        if let Some(who) = who {
            self.accounts[who].web = signed_in;
        }
        who.is_some()
    }

    /// Expires every token that is out; those that refresh live on.
    pub(crate) fn expire_tokens(&mut self) {
        for token in self.tokens.values_mut() {
            token.spent = true;
        }
    }

    fn apply_accepted(&mut self) {
        for (_, (who, part)) in self.accepted.take_due(self.clock.now()) {
            self.end(who, part);
        }
    }

    /// Ends a session, if it is there, and with it the tokens that were given for it.
    fn end(&mut self, who: usize, part: ZapPart) {
        let account = &mut self.accounts[who];
        let was = match part {
            ZapPart::Web => std::mem::replace(&mut account.web, false),
            ZapPart::Device(number) => account
                .devices
                .get_mut(number - 1)
                .is_some_and(|device| std::mem::replace(&mut device.signed_in, false)),
            ZapPart::StrangeDevice => false,
        };
        if was {
            self.ledger.zap_session_ended(&account.id, part);
            let of_it = |owner: usize, of: ZapPart| (owner, of) == (who, part);
            self.tokens.retain(|_, token| !of_it(token.who, token.part));
            self.refreshes
                .retain(|_, refresh| !of_it(refresh.who, refresh.part));
        }
    }

    /// Accepts a logout, which takes effect after so long.
    fn accept(&mut self, who: usize, part: ZapPart, lag: Option<Duration>) {
        let at = self.clock.now() + lag.unwrap_or_default();
        self.accepted.add(at, (who, part));
        self.apply_accepted();
    }
}

impl Account {
    fn new(mut user: User) -> Self {
        let devices = std::mem::take(&mut user.devices);
        Self {
            id: Arc::from(user.id.as_str()),
            web: user.web,
            devices: devices
                .into_iter()
                .map(|token| Device {
                    token,
                    signed_in: true,
                })
                .collect(),
            user,
        }
    }

    /// The device with this token.
    fn device(&self, token: &str) -> ZapPart {
        let index = self.devices.iter().position(|device| device.token == token);
        index.map_or(ZapPart::StrangeDevice, |index| ZapPart::Device(index + 1))
    }

    /// Signs him in on the web, or on this device, which may be new.
    fn sign_in(&mut self, device: Option<&str>) -> ZapPart {
        let Some(token) = device else {
            self.web = true;
            return ZapPart::Web;
        };
        match self.device(token) {
            ZapPart::Device(number) => {
                self.devices[number - 1].signed_in = true;
                ZapPart::Device(number)
            }
            _ => {
                self.devices.push(Device {
                    token: token.to_owned(),
                    signed_in: true,
                });
                ZapPart::Device(self.devices.len())
            }
        }
    }
}

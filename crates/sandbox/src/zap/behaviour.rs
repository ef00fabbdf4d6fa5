//! How the simulated ZAP behaves where its documents differ or say nothing.

use std::time::Duration;

/// Everything that can be chosen. [`Behaviour::set`] changes one of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// The shape of the answer to a login; the samples show three.
    pub login: LoginShape,
    /// Which of the documented bodies a login must have.
    pub login_body: LoginBody,
    /// Whether every login needs `twoFaToken`, not only those of users who have switched it on.
    pub two_factor: bool,
    /// How long a token lives; samples show 24 h and 6 h.
    pub token_life: Duration,
    /// After how many requests a token is expired, if that comes earlier.
    pub token_uses: Option<u32>,
    /// How long a refresh token lives; a sample shows 90 days.
    pub refresh_life: Duration,
    /// Whether refreshes are refused.
    pub refresh_refused: bool,
    /// The shape of errors; no sample shows one.
    pub errors: ErrorShape,
    /// What a logout of what is not signed in gets; no page says it.
    pub already: Already,
    /// The largest `bodyLimit` that is heeded.
    pub page_cap: usize,
}

/// The shape of the answer to a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginShape {
    /// The token among the user's data, and no refresh token.
    Flat,
    /// The user's data in a second `data`, the token and a refresh token beside it.
    Nested,
    /// As flat, with a refresh token and the user's devices, as after a one-time password.
    Otp,
}

/// Which of the documented bodies a login must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginBody {
    /// Any of them.
    Any,
    /// `email` and `password`.
    Email,
    /// `identity` and `password`.
    Identity,
    /// `identity`, `password`, `deviceToken` and `isApp`.
    App,
}

/// The shape of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorShape {
    /// `{"success":false,"message":"…"}`
    Message,
    /// `{"success":false,"error":{"code":…,"message":"…"}}`
    Object,
    /// `{"success":false,"error":"…"}`
    Error,
    /// `{"success":false,"data":"…"}`
    Data,
    /// `{"success":false,"errors":["…"]}`
    List,
    /// Plain text.
    Text,
    /// A page for browsers.
    Page,
    /// No body.
    Empty,
}

/// What a logout of what is not signed in gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Already {
    /// 200, as if it had been.
    Ok,
    /// 400.
    BadRequest,
    /// 404.
    NotFound,
}

/// One thing to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of `Behaviour` with its name")]
pub enum Setting {
    Login(LoginShape),
    LoginBody(LoginBody),
    TwoFactor(bool),
    TokenLife(Duration),
    TokenUses(u32),
    RefreshLife(Duration),
    RefreshRefused(bool),
    Errors(ErrorShape),
    Already(Already),
    PageCap(usize),
}

impl Default for Behaviour {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(3_600 * hours);
        Self {
            login: LoginShape::Nested,
            login_body: LoginBody::Any,
            two_factor: false,
            token_life: hours(6),
            token_uses: None,
            refresh_life: hours(90 * 24),
            refresh_refused: false,
            errors: ErrorShape::Message,
            already: Already::Ok,
            page_cap: usize::MAX,
        }
    }
}

impl Behaviour {
    /// Changes one thing. Tokens that are out already keep the life that they were given.
    pub fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Login(shape) => self.login = shape,
            Setting::LoginBody(body) => self.login_body = body,
            Setting::TwoFactor(needed) => self.two_factor = needed,
            Setting::TokenLife(life) => self.token_life = life,
            Setting::TokenUses(uses) => self.token_uses = Some(uses),
            Setting::RefreshLife(life) => self.refresh_life = life,
            Setting::RefreshRefused(refused) => self.refresh_refused = refused,
            Setting::Errors(shape) => self.errors = shape,
            Setting::Already(already) => self.already = already,
            Setting::PageCap(cap) => self.page_cap = cap.max(1),
        }
    }
}

impl Setting {
    /// Its name among the faults.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Login(_) => "zap_login",
            Self::LoginBody(_) => "zap_login_body",
            Self::TwoFactor(_) => "zap_two_factor",
            Self::TokenLife(_) => "zap_token_life",
            Self::TokenUses(_) => "zap_token_uses",
            Self::RefreshLife(_) => "zap_refresh_life",
            Self::RefreshRefused(_) => "zap_refresh_refused",
            Self::Errors(_) => "zap_errors",
            Self::Already(_) => "zap_already",
            Self::PageCap(_) => "zap_page_cap",
        }
    }
}

//! The faults of ZAP alone, and the ways in which its documents differ or say nothing.

use super::{Row, duration, on_or_off, one_of, rate, row};
use crate::fault::Kind;
use crate::zap::{Already, ErrorShape, LoginBody, LoginShape, Setting, Trouble};

pub(super) static ROWS: &[Row] = &[
    row(
        "zap_login=flat|nested|otp",
        "the shape of the answer to a login",
        |v| {
            let shapes = [
                ("flat", LoginShape::Flat),
                ("nested", LoginShape::Nested),
                ("otp", LoginShape::Otp),
            ];
            one_of(v, &shapes).map(Setting::Login).map(Kind::Zap)
        },
    ),
    row(
        "zap_login_body=any|email|identity|app",
        "which of the documented bodies a login must have",
        |v| {
            let bodies = [
                ("any", LoginBody::Any),
                ("email", LoginBody::Email),
                ("identity", LoginBody::Identity),
                ("app", LoginBody::App),
            ];
            one_of(v, &bodies).map(Setting::LoginBody).map(Kind::Zap)
        },
    ),
    row(
        "zap_two_factor[=yes|no]",
        "every login needs twoFaToken, which is 636363",
        |v| on_or_off(v).map(Setting::TwoFactor).map(Kind::Zap),
    ),
    row("zap_token_life=DURATION", "how long new tokens live", |v| {
        Some(Kind::Zap(Setting::TokenLife(duration(v?)?)))
    }),
    row(
        "zap_token_uses=NUMBER",
        "a token is expired after so many requests",
        |v| Some(Kind::Zap(Setting::TokenUses(v?.parse().ok()?))),
    ),
    row(
        "zap_refresh_life=DURATION",
        "how long new refresh tokens live",
        |v| Some(Kind::Zap(Setting::RefreshLife(duration(v?)?))),
    ),
    row(
        "zap_refresh_refused[=yes|no]",
        "refresh tokens are refused",
        |v| on_or_off(v).map(Setting::RefreshRefused).map(Kind::Zap),
    ),
    row(
        "zap_errors=message|object|error|data|list|text|page|empty",
        "the shape of errors",
        |v| {
            let shapes = [
                ("message", ErrorShape::Message),
                ("object", ErrorShape::Object),
                ("error", ErrorShape::Error),
                ("data", ErrorShape::Data),
                ("list", ErrorShape::List),
                ("text", ErrorShape::Text),
                ("page", ErrorShape::Page),
                ("empty", ErrorShape::Empty),
            ];
            one_of(v, &shapes).map(Setting::Errors).map(Kind::Zap)
        },
    ),
    row(
        "zap_already=200|400|404",
        "what a logout gets of what is not signed in",
        |v| {
            let statuses = [
                ("200", Already::Ok),
                ("400", Already::BadRequest),
                ("404", Already::NotFound),
            ];
            one_of(v, &statuses).map(Setting::Already).map(Kind::Zap)
        },
    ),
    row("zap_page_cap=NUMBER", "the largest bodyLimit", |v| {
        Some(Kind::Zap(Setting::PageCap(v?.parse().ok()?)))
    }),
    row(
        "zap_not_success[=RATE]",
        "200 with success false, nothing done",
        |v| Some(Kind::ZapTrouble(Trouble::NotSuccess, rate(v)?)),
    ),
    row("zap_plain_500[=RATE]", "500 that is no JSON, nothing done", |v| {
        Some(Kind::ZapTrouble(Trouble::Plain500, rate(v)?))
    }),
    row("zap_expire[=RATE]", "the request's token expires", |v| {
        Some(Kind::ZapTrouble(Trouble::Expire, rate(v)?))
    }),
];

//! The faults of Uiza alone, and the ways in which its documents and its SDKs differ.

use super::{Row, on_or_off, one_of, row};
use crate::fault::Kind;
use crate::uiza::{LogoutBody, Retrieve, Setting, Trouble};

pub(super) static ROWS: &[Row] = &[
    row("uiza_body=A|B|C", "the body that a logout gets", |v| {
        let bodies = [("A", LogoutBody::A), ("B", LogoutBody::B), ("C", LogoutBody::C)];
        one_of(v, &bodies).map(Setting::Body).map(Kind::Uiza)
    }),
    row(
        "uiza_retrieve=array|object",
        "what retrieving one user gives",
        |v| {
            let shapes = [("array", Retrieve::Array), ("object", Retrieve::Object)];
            one_of(v, &shapes).map(Setting::Retrieve).map(Kind::Uiza)
        },
    ),
    row("uiza_link[=yes|no]", "errors carry a description_link", |v| {
        on_or_off(v).map(Setting::Link).map(Kind::Uiza)
    }),
    row("uiza_page_cap=NUMBER", "the largest limit of a page", |v| {
        Some(Kind::Uiza(Setting::PageCap(v?.parse().ok()?)))
    }),
    row(
        "uiza_error=200_401|200_type|400|401|404|422|object|500|503",
        "an error in its envelope, nothing done; 200_… are HTTP 200",
        |v| {
            let errors = [
                ("200_401", Trouble::OkWithCode401),
                ("200_type", Trouble::OkWithTypeError),
                ("400", Trouble::BadRequest),
                ("401", Trouble::Unauthorized),
                ("404", Trouble::NotFound),
                ("422", Trouble::Unprocessable),
                ("object", Trouble::Object),
                ("500", Trouble::Internal),
                ("503", Trouble::Retryable),
            ];
            one_of(v, &errors).map(Kind::UizaTrouble)
        },
    ),
];

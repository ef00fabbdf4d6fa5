//! What `{:?}` shows of what holds a secret, hands one on, or came back from a vendor who was shown one: nothing of it.

use std::fmt::Debug;
use std::marker::PhantomData;

use signoff_core::{Field, Input, SecretUse, Step, User, Value};

use super::super::login::Fetched;
use super::super::tokens::Token;
use super::*;
use crate::credential::{Grant, TokenRequest};
use crate::transport::{ProxyVariables, TransportSettings};

const CANARY: &str = "c4n4ry-7f3a";

/// As text, and as the numbers of its bytes.
#[track_caller]
fn check(shown: &impl Debug) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        let bytes = format!("{:?}", CANARY.as_bytes());
        let numbers = bytes.trim_matches(['[', ']']);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!text.contains(CANARY) && !flat.contains(numbers), "{text}");
        assert!(!text.is_empty());
    }
}

#[test]
fn a_secret_is_not_shown_by_what_holds_it() {
    let secret = Secret::new(CANARY.to_owned());
    check(&secret);
    let redactor = Redactor::new();
    redactor.add("key", &secret);
    check(&redactor);
    let proxy = format!("http://me:{CANARY}@proxy.example:3128");
    check(&ProxyVariables::read(|_| Some(proxy.clone())));
    check(&TransportSettings {
        proxy: Some(proxy.parse().unwrap()),
        ..TransportSettings::default()
    });
}

#[test]
fn a_secret_is_not_shown_by_what_hands_it_on() {
    let secrets = UserSecrets::default();
    let handle = secrets.keep("key", Secret::new(CANARY.to_owned()));
    check(&secrets);
    let mut user = User::new("ann");
    user.attributes = vec![Field {
        name: "key".to_owned(),
        value: Value::List(vec![Value::Secret(handle)]),
    }];
    check(&user);
    let mut request = write("/logout");
    request.secrets = vec![SecretUse {
        handle,
        placement: Placement::JsonPointer("/key".to_owned()),
    }];
    check(&Step::Request(request));
}

#[test]
fn what_a_vendor_sent_is_not_shown() {
    let body = format!(r#"{{"token":"{CANARY}"}}"#);
    let headers = vec![("set-cookie".to_owned(), CANARY.to_owned())];
    let reply = Reply {
        status: 200,
        headers: headers.clone(),
        body: Bytes::from(body.clone()),
    };
    check(&reply);
    let delivered = Delivered {
        status: 200,
        headers: headers.into(),
        body: Bytes::from(body),
        class: Class::Ok,
        sent: Monotonic::ZERO,
        sent_unix_ms: 0,
        settled_at: Monotonic::ZERO,
        attempts: 1,
    };
    check(&Input::Response(delivered.as_response(RequestId(1))));
    check(&Delivery::Response(delivered));
}

/// Whether a type can be shown at all.
struct Shown<T>(PhantomData<T>);

trait Otherwise {
    const ANYHOW: bool = false;
}

impl<T> Otherwise for Shown<T> {}

impl<T: Debug> Shown<T> {
    const ANYHOW: bool = true;
}

#[test]
fn what_holds_a_secret_in_clear_cannot_be_shown() {
    const { assert!(Shown::<Secret>::ANYHOW, "the question can be answered by yes") };
    let shown = [
        ("Exchange", Shown::<Exchange>::ANYHOW),
        ("TokenRequest", Shown::<TokenRequest>::ANYHOW),
        ("Credential", Shown::<Credential>::ANYHOW),
        ("Grant", Shown::<Grant>::ANYHOW),
        ("Fetched", Shown::<Fetched>::ANYHOW),
        ("Token", Shown::<Token>::ANYHOW),
    ];
    for (name, is_shown) in shown {
        assert!(!is_shown, "{name}");
    }
}

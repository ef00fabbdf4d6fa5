//! A credential against a real server: what arrives, and what never shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

use std::time::Duration;

use bytes::Bytes;
use expect_test::{Expect, expect};

use super::*;
use crate::secret::testing::FakeEnvironment;

/// With characters that mean something in a URL, a form and JSON.
const SECRET: &str = "c4n4ry &\"ü";

fn settings(kind: CredentialKind, secret: SecretReference) -> CredentialSettings {
    CredentialSettings {
        name: "supervisor".into(),
        kind,
        actor: "sup01".to_owned(),
        secret,
        login: LoginSettings::default(),
        oauth: None,
    }
}

fn credential(kind: CredentialKind, secret: &str) -> Credential {
    let settings = settings(kind, SecretReference::Env("SECRET".to_owned()));
    let environment = FakeEnvironment::with_variable("SECRET", secret);
    Credential::new(settings, environment, Path::new("."), Arc::new(Redactor::new()))
}

fn exchange(content_type: Option<&'static str>, body: &'static str) -> Exchange {
    let mut headers = http::HeaderMap::new();
    if let Some(content_type) = content_type {
        headers.insert("content-type", http::HeaderValue::from_static(content_type));
    }
    Exchange {
        method: http::Method::PUT,
        url: "https://finesse.example.com:8445/api?a=1".parse().unwrap(),
        headers,
        body: Bytes::from_static(body.as_bytes()),
        timeout: Duration::from_secs(1),
        answer_cap: 1024,
        on_status: None,
    }
}

fn shown(exchange: &Exchange) -> String {
    let headers = exchange.headers.iter().map(|(name, value)| {
        let text = String::from_utf8_lossy(value.as_bytes());
        format!(
            "{name}: {text}{}\n",
            if value.is_sensitive() { " (sensitive)" } else { "" }
        )
    });
    format!(
        "{}\n{}{}",
        exchange.url,
        headers.collect::<String>(),
        String::from_utf8_lossy(&exchange.body)
    )
}

/// Places that secret into an exchange, and shows it, or why it cannot be sent.
async fn check(
    credential: &Credential,
    placement: Placement,
    (content_type, body): (Option<&'static str>, &'static str),
    expected: Expect,
) {
    let mut exchange = exchange(content_type, body);
    let text = match credential.place(&placement, &mut exchange).await {
        Ok(()) => shown(&exchange),
        Err(error) => {
            let everything = format!("{error} {error:?}");
            assert!(!everything.contains("c4n4ry"), "{everything}");
            format!("{error}\n{}", error.hint())
        }
    };
    expected.assert_eq(&text);
}

#[tokio::test]
async fn in_a_header() {
    let nothing = (None, "");
    let password = credential(CredentialKind::Basic, SECRET);
    check(
        &password,
        Placement::Basic,
        nothing,
        expect![[r#"
        https://finesse.example.com:8445/api?a=1
        authorization: Basic c3VwMDE6YzRuNHJ5ICYiw7w= (sensitive)
    "#]],
    )
    .await;
    let token = credential(CredentialKind::Bearer, "c4n4ry");
    check(
        &token,
        Placement::Bearer,
        nothing,
        expect![[r#"
        https://finesse.example.com:8445/api?a=1
        authorization: Bearer c4n4ry (sensitive)
    "#]],
    )
    .await;
    let key = credential(CredentialKind::Key, SECRET);
    check(
        &key,
        Placement::Header("X-Api-Key".to_owned()),
        nothing,
        expect![[r#"
            https://finesse.example.com:8445/api?a=1
            x-api-key: c4n4ry &"ü (sensitive)
        "#]],
    )
    .await;
    check(
        &key,
        Placement::Header("X Api Key".to_owned()),
        nothing,
        expect![[r#"
            credential `supervisor` (environment variable `SECRET`) cannot be sent: `X Api Key` is no header name
        "#]],
    )
    .await;
}

#[tokio::test]
async fn in_the_query() {
    let key = credential(CredentialKind::Key, SECRET);
    check(
        &key,
        Placement::Query("token".to_owned()),
        (None, ""),
        expect![[r#"
            https://finesse.example.com:8445/api?a=1&token=c4n4ry+%26%22%C3%BC
        "#]],
    )
    .await;
}

#[tokio::test]
async fn in_a_form() {
    let key = credential(CredentialKind::Key, SECRET);
    let field = || Placement::Form("to ken".to_owned());
    check(
        &key,
        field(),
        (None, ""),
        expect![[r#"
        https://finesse.example.com:8445/api?a=1
        content-type: application/x-www-form-urlencoded
        to+ken=c4n4ry+%26%22%C3%BC"#]],
    )
    .await;
    let form = Some("application/x-www-form-urlencoded; charset=utf-8");
    check(
        &key,
        field(),
        (form, "a=%26"),
        expect![[r#"
        https://finesse.example.com:8445/api?a=1
        content-type: application/x-www-form-urlencoded; charset=utf-8
        a=%26&to+ken=c4n4ry+%26%22%C3%BC"#]],
    )
    .await;
    check(
        &key,
        field(),
        (Some("text/xml"), "<a/>"),
        expect![[r#"
        credential `supervisor` (environment variable `SECRET`) cannot be sent: the request's body is no form
    "#]],
    )
    .await;
}

#[tokio::test]
async fn in_json() {
    let key = credential(CredentialKind::Key, SECRET);
    let member = |pointer: &str| Placement::JsonPointer(pointer.to_owned());
    check(
        &key,
        member("/token"),
        (None, r#"{"n":1.10, "token":null}"#),
        expect![[r#"
            https://finesse.example.com:8445/api?a=1
            content-type: application/json
            {"n":1.10, "token":"c4n4ry &\"ü"}"#]],
    )
    .await;
    let patch = Some("application/merge-patch+json");
    check(
        &key,
        member("/a/b"),
        (patch, r#"{"a":{}}"#),
        expect![[r#"
        https://finesse.example.com:8445/api?a=1
        content-type: application/merge-patch+json
        {"a":{"b":"c4n4ry &\"ü"}}"#]],
    )
    .await;
    check(&key, member("/a/b/c"), (None, "{}"), expect![[r#"
        credential `supervisor` (environment variable `SECRET`) cannot be sent: the request's body has no place `/a/b/c`
    "#]]).await;
    check(
        &key,
        member("/a"),
        (Some("text/plain"), "{}"),
        expect![[r#"
        credential `supervisor` (environment variable `SECRET`) cannot be sent: the request's body is no JSON
    "#]],
    )
    .await;
    check(
        &key,
        member("/a"),
        (None, "a=1"),
        expect![[r#"
        credential `supervisor` (environment variable `SECRET`) cannot be sent: the request's body is no JSON
    "#]],
    )
    .await;
}

#[tokio::test]
async fn what_has_no_form_is_refused() {
    let nothing = (None, "");
    let broken = credential(CredentialKind::Bearer, "c4n4ry\r\nX-Injected: 1");
    check(&broken, Placement::Bearer, nothing, expect![[r#"
        credential `supervisor` (environment variable `SECRET`) cannot be sent: it contains a line break or another control character, which no header can carry
        look for more than one line where the secret comes from"#]]).await;
    let broken = credential(CredentialKind::Basic, "c4n4ry\n");
    check(&broken, Placement::Basic, nothing, expect![[r#"
        credential `supervisor` (environment variable `SECRET`) cannot be sent: its user name or password contains a character that HTTP's Basic scheme cannot carry
        a colon in `username` and control characters are not possible"#]]).await;
    check(&broken, Placement::Bearer, nothing, expect![[r#"
        credential `supervisor` (environment variable `SECRET`) cannot be sent: the provider sends a token, and it is a user name and a password
        give it a `token` in place of `username` and `password`"#]]).await;
    let key = credential(CredentialKind::Key, SECRET);
    check(&key, Placement::Basic, nothing, expect![[r#"
        credential `supervisor` (environment variable `SECRET`) cannot be sent: the provider sends a user name and a password, and it has no user name
        give it a `username` and a `password`"#]]).await;
    let unset = credential(CredentialKind::Key, "");
    check(
        &unset,
        Placement::Bearer,
        nothing,
        expect![[r#"
            no secret for credential `supervisor` from environment variable `SECRET`: it is empty
            put the secret there, on one line"#]],
    )
    .await;

    let mut colon = settings(CredentialKind::Basic, SecretReference::Env("SECRET".to_owned()));
    colon.actor = "sup:01".to_owned();
    let environment = FakeEnvironment::with_variable("SECRET", SECRET);
    let colon = Credential::new(colon, environment, Path::new("."), Arc::default());
    check(&colon, Placement::Basic, nothing, expect![[r#"
        credential `supervisor` (environment variable `SECRET`) cannot be sent: its user name or password contains a character that HTTP's Basic scheme cannot carry
        a colon in `username` and control characters are not possible"#]]).await;
}

#[tokio::test]
async fn it_is_looked_up_late_and_once() {
    for answer in [Some("c4n4ry"), None] {
        let environment = FakeEnvironment::with_answer(answer);
        let settings = settings(CredentialKind::Basic, SecretReference::Prompt);
        let credential = Credential::new(
            settings,
            Arc::clone(&environment) as _,
            Path::new("."),
            Arc::default(),
        );
        assert_eq!(environment.asked(), 0);
        let all = futures_util::future::join_all((0..100).map(|_| credential.resolve())).await;
        assert!(all.iter().all(|result| result.is_ok() == answer.is_some()));
        assert_eq!(credential.resolve().await, all[0]);
        assert_eq!(environment.asked(), 1);
    }
}

#[tokio::test]
async fn the_fields_of_a_login_are_looked_up_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let code = folder.path().join("code");
    let mut settings = settings(CredentialKind::Basic, SecretReference::Env("SECRET".to_owned()));
    let cat = ["cat", code.to_str().unwrap()].map(str::to_owned);
    settings.login.fields = vec![("code".to_owned(), SecretReference::Command(cat.into()))];
    let environment = FakeEnvironment::with_variable("SECRET", SECRET);
    let credential = Credential::new(settings, environment, Path::new("."), Arc::default());
    std::fs::write(&code, "111111").unwrap();
    credential.resolve().await.unwrap();
    // What was looked up ahead is for the next login, and for no other.
    for (written, sent) in [("222222", "111111"), ("333333", "333333"), ("444444", "444444")] {
        std::fs::write(&code, written).unwrap();
        assert_eq!(credential.field(0, true).await.unwrap().expose(), sent);
    }
    // A failure is for all time, so that nobody is asked a thousand times.
    std::fs::remove_file(&code).unwrap();
    let refused = credential.field(0, true).await.unwrap_err();
    std::fs::write(&code, "555555").unwrap();
    assert_eq!(credential.field(0, true).await.unwrap_err(), refused);
}

#[tokio::test]
async fn a_person_is_asked_again_only_for_what_was_sent() {
    let environment = FakeEnvironment::with_answer(Some("111111"));
    let mut settings = settings(CredentialKind::Basic, SecretReference::Prompt);
    settings.login.fields = vec![("code".to_owned(), SecretReference::Prompt)];
    let environment_of_it = Arc::clone(&environment) as _;
    let credential = Credential::new(settings, environment_of_it, Path::new("."), Arc::default());
    credential.resolve().await.unwrap();
    for (processed, asked) in [
        (false, 2),
        (false, 2),
        (true, 2),
        (true, 3),
        (false, 4),
        (true, 4),
    ] {
        credential.field(0, true).await.unwrap();
        if !processed {
            credential.unspent().await;
        }
        assert_eq!(environment.asked(), asked);
    }
}

#[tokio::test]
async fn the_redactor_knows_it_before_it_is_sent() {
    let redactor = Arc::new(Redactor::new());
    let settings = settings(CredentialKind::Basic, SecretReference::Env("SECRET".to_owned()));
    let environment = FakeEnvironment::with_variable("SECRET", SECRET);
    let credential = Credential::new(settings, environment, Path::new("."), Arc::clone(&redactor));
    let mut exchange = exchange(None, "");
    credential.place(&Placement::Basic, &mut exchange).await.unwrap();
    let header = exchange.headers["authorization"].to_str().unwrap();
    assert_eq!(redactor.redact(header), "Basic [redacted]");
    assert_eq!(redactor.redact(SECRET), "[redacted]");
    assert_eq!(
        (credential.name().as_ref(), credential.actor()),
        ("supervisor", "sup01")
    );
}

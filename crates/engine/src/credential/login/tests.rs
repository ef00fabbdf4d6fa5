//! What is sent for a token, and what answers hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

use expect_test::{Expect, expect};

use super::*;

const FLOW: LoginFlow = LoginFlow {
    name: "password",
    endpoint: "api",
    method: "POST",
    path: "/v1/login",
    content_type: JSON,
    body: r#"{"identity":"{username}","password":"{password}","code":"{code}"}"#,
    token_pointer: "/data/token",
    expires_pointer: "/data/expires_in",
    refresh_pointer: "/data/refreshToken",
    refresh: Some(RefreshFlow {
        method: "POST",
        path: "/v1/refresh",
        content_type: FORM,
        body: "refreshToken={refresh_token}",
        token_pointer: "/token",
    }),
};

static LOGINS: [LoginFlow; 2] = [
    FLOW,
    LoginFlow {
        name: "plain",
        body: r#"{"u":"{username}","p":"{password}"}"#,
        ..FLOW
    },
];

fn settings(flow: Option<&str>, fields: &[&str]) -> CredentialSettings {
    let given = |name: &&str| ((*name).to_owned(), SecretReference::Prompt);
    CredentialSettings {
        name: "admin".into(),
        kind: CredentialKind::Basic,
        actor: "admin@example.com".to_owned(),
        secret: SecretReference::Prompt,
        login: LoginSettings {
            flow: flow.map(str::to_owned),
            fields: fields.iter().map(given).collect(),
        },
        oauth: None,
    }
}

fn check_recipe(flow: Option<&str>, fields: &[&str], logins: &'static [LoginFlow], expected: &Expect) {
    let settings = settings(flow, fields);
    let told = match settings.recipe("ZAP", logins) {
        Ok(Some(Recipe::Flow(flow))) => format!("by `{}`", flow.name),
        Ok(Some(Recipe::OAuth(_))) => "as a client".to_owned(),
        Ok(None) => "as it is".to_owned(),
        Err(mistake) => format!("{mistake}; {}", mistake.hint()),
    };
    expected.assert_eq(&told);
}

#[test]
fn the_first_flow_is_used_unless_another_is_named() {
    check_recipe(None, &["code"], &LOGINS, &expect!["by `password`"]);
    check_recipe(Some("plain"), &[], &LOGINS, &expect!["by `plain`"]);
    check_recipe(None, &[], &[], &expect!["as it is"]);
}

#[test]
fn what_does_not_fit_is_named() {
    check_recipe(
        Some("plain"),
        &[],
        &[],
        &expect!["ZAP has no login: it takes a user name and a password as they are; remove the line"],
    );
    check_recipe(
        Some("plane"),
        &[],
        &LOGINS,
        &expect!["ZAP has no login `plane`; did you mean `plain`?"],
    );
    check_recipe(
        Some("x"),
        &[],
        &LOGINS,
        &expect!["ZAP has no login `x`; its logins are `password`, `plain`"],
    );
    check_recipe(
        None,
        &[],
        &LOGINS,
        &expect![
            "the login `password` wants the field `code`; add `login_fields = { code = { prompt = true } }`"
        ],
    );
    check_recipe(
        None,
        &["cod"],
        &LOGINS,
        &expect!["the login `password` has no field `cod`; did you mean `code`?"],
    );
    check_recipe(
        Some("plain"),
        &["code"],
        &LOGINS,
        &expect!["the login `plain` has no field `code`; it has none: remove the line"],
    );
}

fn sent(request: &TokenRequest) -> String {
    let mut exchange = Exchange {
        method: http::Method::POST,
        url: Url::parse("https://vendor.example/").unwrap(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        timeout: Duration::from_secs(1),
        answer_cap: 1,
        on_status: None,
    };
    request.complete(&mut exchange).unwrap();
    let wanted = &request.request;
    format!(
        "{} {} {} {:?}\n{}",
        wanted.endpoint,
        wanted.method,
        wanted.path,
        exchange
            .headers
            .get("authorization")
            .map(|value| value.as_bytes().escape_ascii().to_string()),
        str::from_utf8(&exchange.body).unwrap()
    )
}

#[test]
fn values_are_encoded_as_the_content_type_wants_it() {
    let value = |name: &str| match name {
        "username" => "a\"b",
        "password" => "p\\w\n&ü",
        _ => "12",
    };
    expect![[r#"
        api POST /v1/login None
        {"identity":"a\"b","password":"p\\w\n&ü","code":"12"}"#]]
    .assert_eq(&sent(&TokenRequest::login(&FLOW, value)));
    let token = Secret::new("a+b&c=d".to_owned());
    expect![[r#"
        api POST /v1/refresh None
        refreshToken=a%2Bb%26c%3Dd"#]]
    .assert_eq(&sent(&TokenRequest::refresh(
        "api",
        &FLOW.refresh.unwrap(),
        &token,
    )));
}

#[test]
fn a_client_says_who_it_is() {
    let mut settings = OAuthSettings {
        token_url: Url::parse("https://login.example/oauth/token").unwrap(),
        client_id: "my client".to_owned(),
        scope: Some("users logout".to_owned()),
        audience: None,
        authentication: ClientAuthentication::Basic,
    };
    let secret = Secret::new("s&cret".to_owned());
    expect![[r#"
        oauth:site POST /oauth/token Some("Basic bXkrY2xpZW50OnMlMjZjcmV0")
        grant_type=client_credentials&scope=users+logout"#]]
    .assert_eq(&sent(&TokenRequest::oauth("site", &settings, &secret)));
    settings.authentication = ClientAuthentication::Form;
    settings.audience = Some("https://api.example/".to_owned());
    expect![[r#"
        oauth:site POST /oauth/token None
        grant_type=client_credentials&scope=users+logout&audience=https%3A%2F%2Fapi.example%2F&client_id=my+client&client_secret=s%26cret"#]].assert_eq(&sent(&TokenRequest::oauth("site", &settings, &secret)));
}

fn check_grant(is_refresh: bool, body: &str, expected: &Expect) {
    let told = Grant::read(Recipe::Flow(&LOGINS[0]), is_refresh, body.as_bytes()).map(|grant| {
        let refresh = grant.refresh.map(|secret| secret.expose().to_owned());
        format!("{} {refresh:?} {:?}", grant.token.expose(), grant.life)
    });
    expected.assert_eq(&told.unwrap_or_else(|| "no token".to_owned()));
}

#[test]
fn an_answer_holds_a_token_and_says_how_long_it_lasts() {
    check_grant(
        false,
        r#"{"data":{"token":"t-1","refreshToken":"r-1","expires_in":3600}}"#,
        &expect![[r#"t-1 Some("r-1") For(3600s)"#]],
    );
    check_grant(
        false,
        r#"{"data":{"token":"t-1","expires_in":"90"}}"#,
        &expect!["t-1 None For(90s)"],
    );
    check_grant(
        false,
        r#"{"data":{"token":"t-1","expires_in":-1}}"#,
        &expect!["t-1 None Unknown"],
    );
    check_grant(
        true,
        r#"{"token":"t-2","data":{"token":"t-1"}}"#,
        &expect!["t-2 None Unknown"],
    );
    for body in [
        r#"{"data":{"token":""}}"#,
        r#"{"data":{"token":7}}"#,
        r#"{"data":{"token":"a\nb"}}"#,
        "<html>",
        "",
    ] {
        check_grant(false, body, &expect!["no token"]);
    }
}

#[test]
fn a_jwt_says_when_it_ends() {
    let jwt = |claims: &str| format!("eyJhbGciOiJIUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    assert_eq!(
        expiry_of_jwt(&jwt(r#"{"exp":1795210341}"#)),
        Some(Life::Until(1_795_210_341_000))
    );
    assert_eq!(
        expiry_of_jwt(&jwt(r#"{"exp":1795210341.5}"#)),
        Some(Life::Until(1_795_210_341_500))
    );
    for token in [
        &jwt("{}"),
        &jwt(r#"{"exp":"soon"}"#),
        &jwt("no"),
        "a.b.c",
        "a.b",
        "t-1",
        &format!("{}.x", jwt(r#"{"exp":1}"#)),
    ] {
        assert_eq!(expiry_of_jwt(token), None, "{token}");
    }
}

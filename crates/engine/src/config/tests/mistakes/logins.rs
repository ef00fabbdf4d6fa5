//! Logins and authorisation servers.

use expect_test::expect;

use super::check;

/// A credential of these lines, used with a provider that has the logins `password` and `code`, which wants a `code`.
fn login(lines: &str, expected: &expect_test::Expect) {
    check(
        &format!(
            "[connections.here]\nprovider = \"zap\"\napi = \"https://a.example.com\"\ncredential = \"admin\"\n[credentials.admin]\n{lines}"
        ),
        expected,
    );
}

const BASIC: &str = "username = \"a\"\npassword = { env = \"P\" }\n";

fn with_password(lines: &str, expected: &expect_test::Expect) {
    login(&format!("{BASIC}{lines}"), expected);
}

#[test]
fn what_is_right() {
    with_password("", &expect!["nothing is wrong"]);
    with_password("login = \"password\"", &expect!["nothing is wrong"]);
    with_password(
        "login = \"code\"\nlogin_fields = { code = { prompt = true } }",
        &expect!["nothing is wrong"],
    );
    login("token = { env = \"T\" }", &expect!["nothing is wrong"]);
    login(
        "client_id = \"c\"\nclient_secret = { env = \"S\" }\noauth = { token_url = \"https://login.example.com/token\", scope = \"a b\", audience = \"x\", client_authentication = \"form\" }",
        &expect!["nothing is wrong"],
    );
}

#[test]
fn an_unknown_login() {
    with_password(
        "login = \"cod\"",
        &expect![[r#"
            error: ZAP has no login `cod`
             --> etc/signoff.toml:8:9
              |
            8 | login = "…"
              |         ^^^
              = key: `credentials.admin.login`
              = help: did you mean `code`?"#]],
    );
}

#[test]
fn a_login_where_there_is_none() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
credential = "admin"
[connections.there]
provider = "finesse"
api = "https://b.example.com"
credential = "admin"
[credentials.admin]
username = "a"
password = { env = "P" }
login = "code"
"#,
        &expect![[r#"
            error: Cisco Finesse has no login: it takes a user name and a password as they are
              --> etc/signoff.toml:12:1
               |
            12 | login = "…"
               | ^^^^^
               = key: `credentials.admin.login`
               = help: remove the line"#]],
    );
}

#[test]
fn a_field_that_is_missing() {
    with_password(
        "login = \"code\"",
        &expect![[r#"
            error: the login `code` wants the field `code`
             --> etc/signoff.toml:8:1
              |
            8 | login = "…"
              | ^^^^^
              = key: `credentials.admin.login_fields`
              = help: add `login_fields = { code = { prompt = true } }`"#]],
    );
}

#[test]
fn a_field_that_the_login_does_not_know() {
    with_password(
        "login = \"code\"\n[credentials.admin.login_fields]\ncode = { prompt = true }\ncodes = { prompt = true }",
        &expect![[r#"
            error: the login `code` has no field `codes`
              --> etc/signoff.toml:11:1
               |
            11 | codes = { prompt = true }
               | ^^^^^
               = key: `credentials.admin.login_fields.codes`
               = help: did you mean `code`?"#]],
    );
}

#[test]
fn a_field_that_holds_a_secret_itself() {
    with_password(
        "login = \"code\"\nlogin_fields = { code = \"hunter2\" }",
        &expect![[r#"
            error: `code` holds a secret itself
             --> etc/signoff.toml:9:25
              |
            9 | login_fields = { code = "…" }
              |                         ^^^
              = key: `credentials.admin.login_fields.code`
              = help: write `{ env = "VARIABLE" }`, `{ file = "PATH" }`, `{ command = ["PROGRAM"] }` or `{ prompt = true }`"#]],
    );
    with_password(
        "login = \"code\"\nlogin_fields = { code = \"hunter2\", x = { promt = true } }",
        &expect![[r#"
            error: `code` holds a secret itself
             --> etc/signoff.toml:9:25
              |
            9 | login_fields = { code = "…", x = { promt = true } }
              |                         ^^^
              = key: `credentials.admin.login_fields.code`
              = help: write `{ env = "VARIABLE" }`, `{ file = "PATH" }`, `{ command = ["PROGRAM"] }` or `{ prompt = true }`

            error: there is no key `promt` in `credentials.admin.login_fields.x`
             --> etc/signoff.toml:9:42
              |
            9 | login_fields = { code = "…", x = { promt = true } }
              |                                    ^^^^^
              = key: `credentials.admin.login_fields.x.promt`
              = help: did you mean `prompt`?"#]],
    );
}

#[test]
fn a_login_of_a_token() {
    login(
        "token = { env = \"T\" }\nlogin = \"code\"",
        &expect![[r#"
            error: `login` goes with `username` and `password`
             --> etc/signoff.toml:7:1
              |
            7 | login = "…"
              | ^^^^^
              = key: `credentials.admin.login`
              = help: remove it: what is no password is not logged in with"#]],
    );
}

#[test]
fn a_client_without_an_authorisation_server() {
    login(
        "client_id = \"c\"\nclient_secret = { env = \"S\" }",
        &expect![[r#"
            error: `client_id` is of no use without `oauth`
             --> etc/signoff.toml:6:1
              |
            6 | client_id = "…"
              | ^^^^^^^^^
              = key: `credentials.admin.client_id`
              = help: add `oauth = { token_url = "https://…" }`

            error: `client_secret` is of no use without `oauth`
             --> etc/signoff.toml:7:1
              |
            7 | client_secret = { env = "…" }
              | ^^^^^^^^^^^^^
              = key: `credentials.admin.client_secret`
              = help: add `oauth = { token_url = "https://…" }`"#]],
    );
}

#[test]
fn an_authorisation_server_without_a_client() {
    login(
        "token = { env = \"T\" }\noauth = { token_url = \"https://a.example/t\" }",
        &expect![[r#"
            error: the credential `admin` has `oauth` and no `client_id`
             --> etc/signoff.toml:7:1
              |
            7 | oauth = { token_url = "…" }
              | ^^^^^
              = key: `credentials.admin.oauth`
              = help: an OAuth client has `oauth`, `client_id` and `client_secret`, and no other secret"#]],
    );
    login(
        "client_id = \"c\"\noauth = { token_url = \"https://a.example/t\" }",
        &expect![[r#"
            error: the credential `admin` has no secret
             --> etc/signoff.toml:5:14
              |
            5 | [credentials.admin]
              |              ^^^^^
              = key: `credentials.admin`
              = help: add `client_secret = { env = "VARIABLE" }`"#]],
    );
}

#[test]
fn a_client_secret_in_the_file() {
    login(
        "client_id = \"c\"\nclient_secret = \"hunter2\"\noauth = { token_url = \"https://a.example/t\" }",
        &expect![[r#"
            error: `client_secret` holds a secret itself
             --> etc/signoff.toml:7:17
              |
            7 | client_secret = "…"
              |                 ^^^
              = key: `credentials.admin.client_secret`
              = help: write `{ env = "VARIABLE" }`, `{ file = "PATH" }`, `{ command = ["PROGRAM"] }` or `{ prompt = true }`"#]],
    );
}

/// A client whose authorisation server is written so.
fn oauth(inner: &str, expected: &expect_test::Expect) {
    login(
        &format!("client_id = \"c\"\nclient_secret = {{ env = \"S\" }}\n[credentials.admin.oauth]\n{inner}"),
        expected,
    );
}

#[test]
fn an_authorisation_server_that_is_nowhere() {
    oauth(
        "scope = \"a\"",
        &expect![[r#"
        error: `oauth` does not say where tokens are fetched
         --> etc/signoff.toml:8:20
          |
        8 | [credentials.admin.oauth]
          |                    ^^^^^
          = key: `credentials.admin.oauth`
          = help: add `token_url = "https://…"`"#]],
    );
    oauth(
        "token_ur = \"https://a.example/t\"",
        &expect![[r#"
            error: `oauth` does not say where tokens are fetched
             --> etc/signoff.toml:8:20
              |
            8 | [credentials.admin.oauth]
              |                    ^^^^^
              = key: `credentials.admin.oauth`
              = help: add `token_url = "https://…"`

            error: there is no key `token_ur` in `credentials.admin.oauth`
             --> etc/signoff.toml:9:1
              |
            9 | token_ur = "…"
              | ^^^^^^^^
              = key: `credentials.admin.oauth.token_ur`
              = help: did you mean `token_url`?"#]],
    );
}

#[test]
fn an_authorisation_server_that_is_not_safe() {
    oauth(
        "token_url = \"http://a.example/t\"",
        &expect![[r#"
            error: `http://a.example/t` would send the client's secret in clear
             --> etc/signoff.toml:9:13
              |
            9 | token_url = "…"
              |             ^^^
              = key: `credentials.admin.oauth.token_url`
              = help: write `https://`"#]],
    );
    oauth(
        "token_url = \"http://127.0.0.1:80/t\"",
        &expect!["nothing is wrong"],
    );
    oauth(
        "token_url = \"https://me:hunter2@a.example/t\"",
        &expect![[r#"
            error: the address holds a user name or a password
             --> etc/signoff.toml:9:13
              |
            9 | token_url = "…"
              |             ^^^
              = key: `credentials.admin.oauth.token_url`
              = help: write the address alone"#]],
    );
    oauth(
        "token_url = \"https://a.example/t?tenant=1\"",
        &expect![[r#"
            error: `https://a.example/t` has more than an origin and a path
             --> etc/signoff.toml:9:13
              |
            9 | token_url = "…"
              |             ^^^
              = key: `credentials.admin.oauth.token_url`
              = help: write the address alone"#]],
    );
}

#[test]
fn a_way_to_say_who_one_is_that_there_is_not() {
    oauth(
        "token_url = \"https://a.example/t\"\nclient_authentication = \"forms\"",
        &expect![[r#"
            error: `client_authentication` is no way to say who a client is
              --> etc/signoff.toml:10:25
               |
            10 | client_authentication = "…"
               |                         ^^^
               = key: `credentials.admin.oauth.client_authentication`
               = help: did you mean `form`?"#]],
    );
}

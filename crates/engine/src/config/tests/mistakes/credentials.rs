//! As whom, and with which secret.

use expect_test::expect;

use super::check;

#[test]
fn an_unknown_credential() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
credential = "supervisr"
[credentials.supervisor]
username = "sup01"
password = { env = "P" }
"#,
        &expect![[r#"
            error: there is no credential `supervisr`
             --> etc/signoff.toml:4:14
              |
            4 | credential = "supervisr"
              |              ^^^^^^^^^^^
              = key: `connections.here.credential`
              = help: did you mean `supervisor`?"#]],
    );
}

#[test]
fn a_credential_where_there_are_none() {
    check(
        r#"[connections.here]
provider = "finesse"
credential = "supervisor"
"#,
        &expect![[r#"
            error: there is no credential `supervisor`
             --> etc/signoff.toml:3:14
              |
            3 | credential = "supervisor"
              |              ^^^^^^^^^^^^
              = key: `connections.here.credential`
              = help: add `[credentials.supervisor]` with `username` and `password`"#]],
    );
}

#[test]
fn a_password_in_the_file() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
username = "sup01"
password = "hunter2"
"#,
        &expect![[r#"
            error: `password` holds a secret itself
             --> etc/signoff.toml:5:12
              |
            5 | password = "…"
              |            ^^^
              = key: `credentials.supervisor.password`
              = help: write `{ env = "VARIABLE" }`, `{ file = "PATH" }`, `{ command = ["PROGRAM"] }` or `{ prompt = true }`"#]],
    );
}

#[test]
fn a_password_in_the_file_and_broken() {
    check(
        r#"[credentials.supervisor]
password = "hunter2
"#,
        &expect![[r#"
            error: invalid basic string, expected `"`
             --> etc/signoff.toml:2:20
              = help: the file is TOML: `key = "text"`, tables as `[connections.NAME]`"#]],
    );
}

#[test]
fn a_password_in_the_proxy() {
    check(
        r#"[connections.here]
provider = "finesse"
proxy = "http://me:hunter2@proxy"
"#,
        &expect![[r#"
            error: the address holds a user name or a password
             --> etc/signoff.toml:3:9
              |
            3 | proxy = "…"
              |         ^^^
              = key: `connections.here.proxy`
              = help: write `http://HOST:PORT`"#]],
    );
}

#[cfg(not(feature = "keyring"))]
#[test]
fn a_keyring() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
username = "sup01"
password = { keyring = "finesse" }
"#,
        &expect![[r#"
            error: the keyring is not built in
             --> etc/signoff.toml:5:14
              |
            5 | password = { keyring = "…" }
              |              ^^^^^^^
              = key: `credentials.supervisor.password.keyring`
              = help: use `{ command = […] }` with your keyring's own program, such as `secret-tool`"#]],
    );
}

#[cfg(feature = "keyring")]
#[test]
fn a_keyring_that_is_no_name() {
    check(
        "[credentials.a]\nusername = \"a\"\npassword = { keyring = 7 }\n[connections.b]\nprovider = \"finesse\"\napi = \"https://a.example\"",
        &expect![[r#"
            error: `keyring` is a number
             --> etc/signoff.toml:3:24
              |
            3 | password = { keyring = … }
              |                        ^
              = key: `credentials.a.password.keyring`
              = help: write a text in quotes"#]],
    );
}

#[test]
fn two_sources() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
username = "sup01"
password = { env = "P", file = "p" }
"#,
        &expect![[r#"
            error: `password` names 2 sources of its secret
             --> etc/signoff.toml:5:12
              |
            5 | password = { env = "…", file = "…" }
              |            ^^^^^^^^^^^^^^^^^^^^^^^^^
              = key: `credentials.supervisor.password`
              = help: write `{ env = "VARIABLE" }`, `{ file = "PATH" }`, `{ command = ["PROGRAM"] }` or `{ prompt = true }`"#]],
    );
}

#[test]
fn a_mistyped_source() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
username = "sup01"
password = { envv = "P" }
"#,
        &expect![[r#"
            error: there is no key `envv` in `credentials.supervisor.password`
             --> etc/signoff.toml:5:14
              |
            5 | password = { envv = "…" }
              |              ^^^^
              = key: `credentials.supervisor.password.envv`
              = help: did you mean `env`?"#]],
    );
}

#[test]
fn a_prompt_switched_off() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
username = "sup01"
password = { prompt = false }
"#,
        &expect![[r#"
            error: `prompt` is switched off, and there is no other source
             --> etc/signoff.toml:5:23
              |
            5 | password = { prompt = false }
              |                       ^^^^^
              = key: `credentials.supervisor.password.prompt`
              = help: write `{ env = "VARIABLE" }`, `{ file = "PATH" }`, `{ command = ["PROGRAM"] }` or `{ prompt = true }`"#]],
    );
}

#[test]
fn a_command_as_a_shell_line() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
username = "sup01"
password = { command = "pass show finesse" }
"#,
        &expect![[r#"
            error: `command` is one text, and no shell will take it apart
             --> etc/signoff.toml:5:24
              |
            5 | password = { command = "…" }
              |                        ^^^
              = key: `credentials.supervisor.password.command`
              = help: write the program and its arguments: `["pass", "show", "finesse"]`"#]],
    );
}

#[test]
fn a_command_of_nothing() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
username = "sup01"
password = { command = [] }
"#,
        &expect![[r#"
            error: `command` names no program
             --> etc/signoff.toml:5:24
              |
            5 | password = { command = [] }
              |                        ^^
              = key: `credentials.supervisor.password.command`
              = help: write the program and its arguments: `["pass", "show", "finesse"]`"#]],
    );
}

#[test]
fn a_credential_without_secret() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
username = "sup01"
"#,
        &expect![[r#"
            error: the credential `supervisor` has no secret
             --> etc/signoff.toml:3:14
              |
            3 | [credentials.supervisor]
              |              ^^^^^^^^^^
              = key: `credentials.supervisor`
              = help: give it `username` and `password`, or `token`, or `key`"#]],
    );
}

#[test]
fn a_password_without_username() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
password = { env = "P" }
"#,
        &expect![[r#"
            error: the credential `supervisor` has a password and no `username`
             --> etc/signoff.toml:3:14
              |
            3 | [credentials.supervisor]
              |              ^^^^^^^^^^
              = key: `credentials.supervisor`
              = help: add `username = "…"`"#]],
    );
}

#[test]
fn two_secrets() {
    check(
        r#"[connections.here]
provider = "finesse"
[credentials.supervisor]
username = "sup01"
password = { env = "P" }
token = { env = "T" }
"#,
        &expect![[r#"
            error: the credential `supervisor` has more than one secret
             --> etc/signoff.toml:6:1
              |
            6 | token = { env = "…" }
              | ^^^^^
              = key: `credentials.supervisor.token`
              = help: keep one of `password`, `token`, `key` and `client_secret`"#]],
    );
}

#[test]
fn a_credential_of_another_kind() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
credential = "robot"
[credentials.robot]
token = { env = "T" }
"#,
        &expect![[r#"
            error: Cisco Finesse does not take a credential with `token`
             --> etc/signoff.toml:4:14
              |
            4 | credential = "robot"
              |              ^^^^^^^
              = key: `connections.here.credential`
              = help: it takes `username` and `password`"#]],
    );
}

//! The other keys of a connection.

use expect_test::expect;

use super::check;

#[test]
fn a_mistyped_key() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
concurency = 4
"#,
        &expect![[r#"
            error: there is no key `concurency` in `connections.here`
             --> etc/signoff.toml:4:1
              |
            4 | concurency = …
              | ^^^^^^^^^^
              = key: `connections.here.concurency`
              = help: did you mean `concurrency`?"#]],
    );
}

#[test]
fn a_key_of_no_kind() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
colour = "blue"
"#,
        &expect![[r#"
            error: there is no key `colour` in `connections.here`
             --> etc/signoff.toml:4:1
              |
            4 | colour = "…"
              | ^^^^^^
              = key: `connections.here.colour`
              = help: the keys are `provider`, `credential`, `rate`, `concurrency`, `window`, `timeout`, `settle`, `ca_file`, `client_certificate`, `proxy`, `feed`, `danger_plain_http`, `danger_plain_xmpp`, `danger_accept_invalid_certificates`, `options`, `api`, `reports`"#]],
    );
}

#[test]
fn an_unknown_provider() {
    check(
        r#"[connections.here]
provider = "finess"
"#,
        &expect![[r#"
            error: there is no provider `finess`
             --> etc/signoff.toml:2:12
              |
            2 | provider = "finess"
              |            ^^^^^^^^
              = key: `connections.here.provider`
              = help: did you mean `finesse`?"#]],
    );
}

#[test]
fn a_provider_far_from_all() {
    check(
        r#"[connections.here]
provider = "acme"
"#,
        &expect![[r#"
            error: there is no provider `acme`
             --> etc/signoff.toml:2:12
              |
            2 | provider = "acme"
              |            ^^^^^^
              = key: `connections.here.provider`
              = help: the providers are `finesse`, `zap`, `uiza`"#]],
    );
}

#[test]
fn no_provider() {
    check(
        r#"[connections.here]
api = "https://a.example.com"
"#,
        &expect![[r#"
            error: the connection `here` names no provider
             --> etc/signoff.toml:1:14
              |
            1 | [connections.here]
              |              ^^^^
              = key: `connections.here`
              = help: add `provider = "finesse"`"#]],
    );
}

#[test]
fn a_bare_number_as_duration() {
    check(
        r#"[connections.here]
provider = "finesse"
timeout = "10"
"#,
        &expect![[r#"
            error: `10` is no duration
             --> etc/signoff.toml:3:11
              |
            3 | timeout = "10"
              |           ^^^^
              = key: `connections.here.timeout`
              = help: a duration has a unit: `10s` for seconds, `10m` for minutes"#]],
    );
}

#[test]
fn a_number_as_duration() {
    check(
        r#"[connections.here]
provider = "finesse"
timeout = 10
"#,
        &expect![[r#"
            error: `timeout` is a number
             --> etc/signoff.toml:3:11
              |
            3 | timeout = 10
              |           ^^
              = key: `connections.here.timeout`
              = help: write a duration in quotes, such as `"30s"`"#]],
    );
}

#[test]
fn a_time_out_of_zero() {
    check(
        r#"[connections.here]
provider = "finesse"
timeout = "0s"
"#,
        &expect![[r#"
            error: `timeout` is zero
             --> etc/signoff.toml:3:11
              |
            3 | timeout = "0s"
              |           ^^^^
              = key: `connections.here.timeout`
              = help: write at least `1ms`, or remove the line for the provider's default"#]],
    );
}

#[test]
fn a_rate_without_unit() {
    check(
        r#"[connections.here]
provider = "finesse"
rate = "20"
"#,
        &expect![[r#"
            error: `20` is no rate
             --> etc/signoff.toml:3:8
              |
            3 | rate = "20"
              |        ^^^^
              = key: `connections.here.rate`
              = help: a rate has a unit: `20/s` for a second, `20/min` for a minute"#]],
    );
}

#[test]
fn a_rate_that_is_none() {
    check(
        r#"[connections.here]
provider = "finesse"
rate = "0/s"
"#,
        &expect![[r#"
            error: `0/s` is no rate
             --> etc/signoff.toml:3:8
              |
            3 | rate = "0/s"
              |        ^^^^^
              = key: `connections.here.rate`
              = help: write it like `20/s` or `5/min`, or `none` to switch the limit off"#]],
    );
}

#[test]
fn a_number_in_quotes() {
    check(
        r#"[connections.here]
provider = "finesse"
concurrency = "8"
"#,
        &expect![[r#"
            error: `concurrency` is a text
             --> etc/signoff.toml:3:15
              |
            3 | concurrency = "8"
              |               ^^^
              = key: `connections.here.concurrency`
              = help: write a whole number, without quotes"#]],
    );
}

#[test]
fn a_concurrency_of_zero() {
    check(
        r#"[connections.here]
provider = "finesse"
concurrency = 0
"#,
        &expect![[r#"
            error: `concurrency` is out of range
             --> etc/signoff.toml:3:15
              |
            3 | concurrency = 0
              |               ^
              = key: `connections.here.concurrency`
              = help: it is a whole number from 1 to 4294967295"#]],
    );
}

#[test]
fn a_boolean_in_quotes() {
    check(
        r#"[connections.here]
provider = "finesse"
danger_plain_http = "yes"
"#,
        &expect![[r#"
            error: `danger_plain_http` is a text
             --> etc/signoff.toml:3:21
              |
            3 | danger_plain_http = "yes"
              |                     ^^^^^
              = key: `connections.here.danger_plain_http`
              = help: write `true` or `false`, without quotes"#]],
    );
}

#[test]
fn options_that_do_not_fit() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
options = { deploymnt = "uccx", poll = 5 }
"#,
        &expect![[r#"
            error: there is no option `deploymnt`
             --> etc/signoff.toml:4:13
              |
            4 | options = { deploymnt = "…", poll = … }
              |             ^^^^^^^^^
              = key: `connections.here.options.deploymnt`
              = help: did you mean `deployment`?

            error: the option `poll` takes a duration, not the number 5
             --> etc/signoff.toml:4:40
              |
            4 | options = { deploymnt = "…", poll = 5 }
              |                                     ^
              = key: `connections.here.options.poll`
              = help: write a text with a unit, such as `"5s"`"#]],
    );
}

#[test]
fn an_option_of_no_such_choice() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
[connections.here.options]
deployment = "uccxx"
"#,
        &expect![[r#"
            error: the option `deployment` does not take `uccxx`
             --> etc/signoff.toml:5:14
              |
            5 | deployment = "uccxx"
              |              ^^^^^^^
              = key: `connections.here.options.deployment`
              = help: did you mean `uccx`? it takes `ucce`, `uccx`"#]],
    );
}

#[test]
fn an_option_in_the_wrong_table() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
deployment = "uccx"
"#,
        &expect![[r#"
            error: `deployment` is an option of the provider
             --> etc/signoff.toml:4:1
              |
            4 | deployment = "…"
              | ^^^^^^^^^^
              = key: `connections.here.deployment`
              = help: write `options = { deployment = … }`"#]],
    );
}

#[test]
fn a_window_beyond_the_concurrency() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
window = 64
"#,
        &expect![[r#"
            error: intents run ahead of requests only where nothing limits their rate
             --> etc/signoff.toml:4:10
              |
            4 | window = 64
              |          ^^
              = key: `connections.here.window`
              = help: remove the line, write 8, or add `rate = "none"`"#]],
    );
}

#[test]
fn a_window_too_small() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com"
rate = "none"
window = 4
"#,
        &expect![[r#"
            error: `window` is less than the concurrency of 8
             --> etc/signoff.toml:5:10
              |
            5 | window = 4
              |          ^
              = key: `connections.here.window`
              = help: write at least 8, or remove the line"#]],
    );
}

#[test]
fn an_empty_text() {
    check(
        r#"[connections.here]
provider = ""
"#,
        &expect![[r#"
            error: `provider` is empty
             --> etc/signoff.toml:2:12
              |
            2 | provider = ""
              |            ^^
              = key: `connections.here.provider`
              = help: give it a value, or remove the line"#]],
    );
}

#[test]
fn a_name_with_a_dot_is_one_name() {
    check(
        r#"[connections."eu.prod"]
provider = "finesse"
api = "https://a.example.com"
rate = "x"
"#,
        &expect![[r#"
            error: `x` is no rate
             --> etc/signoff.toml:4:8
              |
            4 | rate = "x"
              |        ^^^
              = key: `connections.eu.prod.rate`
              = help: write it like `20/s` or `5/min`, or `none` to switch the limit off"#]],
    );
}

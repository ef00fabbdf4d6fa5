//! Where a vendor is said to be.

use expect_test::expect;

use super::check;

#[test]
fn no_endpoint() {
    check(
        r#"[connections.here]
provider = "finesse"
"#,
        &expect![[r#"
            error: the connection `here` has no `api`
             --> etc/signoff.toml:1:14
              |
            1 | [connections.here]
              |              ^^^^
              = key: `connections.here`
              = help: add `api = ["https://HOST:PORT"]`: the Finesse servers"#]],
    );
}

#[test]
fn a_password_in_the_address() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://sup01:hunter2@a.example.com"
"#,
        &expect![[r#"
            error: the address holds a user name or a password
             --> etc/signoff.toml:3:7
              |
            3 | api = "…"
              |       ^^^
              = key: `connections.here.api`
              = help: write `https://HOST:PORT`, and the user under `[credentials.NAME]`"#]],
    );
}

#[test]
fn plain_http_over_a_network() {
    check(
        r#"[connections.here]
provider = "finesse"
api = ["https://a.example.com", "http://b.example.com:8080"]
"#,
        &expect![[r#"
            error: `http://b.example.com:8080` would send passwords in clear
             --> etc/signoff.toml:3:33
              |
            3 | api = ["…", "http://b.example.com:8080"]
              |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = key: `connections.here.api`
              = help: write `https://`; or, knowing the danger, add `danger_plain_http = true`"#]],
    );
}

#[test]
fn an_address_with_a_path() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "https://a.example.com:8445/finesse/api"
"#,
        &expect![[r#"
            error: `https://a.example.com:8445/finesse/api` has more than scheme, host and port
             --> etc/signoff.toml:3:7
              |
            3 | api = "https://a.example.com:8445/finesse/api"
              |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = key: `connections.here.api`
              = help: write `https://a.example.com:8445`: the provider knows the paths"#]],
    );
}

#[test]
fn an_address_without_scheme() {
    check(
        r#"[connections.here]
provider = "finesse"
api = "a.example.com:8445"
"#,
        &expect![[r#"
            error: `a.example.com:8445` has no scheme
             --> etc/signoff.toml:3:7
              |
            3 | api = "a.example.com:8445"
              |       ^^^^^^^^^^^^^^^^^^^^
              = key: `connections.here.api`
              = help: write `https://a.example.com:8445`"#]],
    );
}

#[test]
fn an_address_of_another_kind() {
    check(
        r#"[connections.here]
provider = "finesse"
api = ["ftp://a.example.com", "https://", 5]
"#,
        &expect![[r#"
            error: `api` holds a number
             --> etc/signoff.toml:3:43
              |
            3 | api = ["…", "…", 5]
              |                  ^
              = key: `connections.here.api`
              = help: every item is a text in quotes"#]],
    );
}

#[test]
fn addresses_that_are_no_addresses() {
    check(
        r#"[connections.here]
provider = "finesse"
api = ["ftp://a.example.com", "https://", "https://a b"]
"#,
        &expect![[r#"
            error: `ftp://a.example.com` is no HTTP address
             --> etc/signoff.toml:3:8
              |
            3 | api = ["ftp://a.example.com", "…", "…"]
              |        ^^^^^^^^^^^^^^^^^^^^^
              = key: `connections.here.api`
              = help: write `https://HOST:PORT`

            error: `https://` is no address: empty host
             --> etc/signoff.toml:3:31
              |
            3 | api = ["…", "https://", "…"]
              |             ^^^^^^^^^^
              = key: `connections.here.api`
              = help: write `https://HOST:PORT`

            error: `https://a b` is no address: invalid international domain name
             --> etc/signoff.toml:3:43
              |
            3 | api = ["…", "…", "https://a b"]
              |                  ^^^^^^^^^^^^^
              = key: `connections.here.api`
              = help: write `https://HOST:PORT`"#]],
    );
}

#[test]
fn a_node_twice() {
    check(
        r#"[connections.here]
provider = "finesse"
api = ["https://a.example.com", "https://a.example.com:443/"]
"#,
        &expect![[r#"
            error: `https://a.example.com:443/` is named twice
             --> etc/signoff.toml:3:33
              |
            3 | api = ["…", "https://a.example.com:443/"]
              |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = key: `connections.here.api`
              = help: name each node once"#]],
    );
}

#[test]
fn no_nodes() {
    check(
        r#"[connections.here]
provider = "finesse"
api = []
"#,
        &expect![[r#"
            error: `api` is empty
             --> etc/signoff.toml:3:7
              |
            3 | api = []
              |       ^^
              = key: `connections.here.api`
              = help: name at least one origin: `["https://HOST:PORT"]`"#]],
    );
}

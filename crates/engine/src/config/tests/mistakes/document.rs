//! The file as a whole, and its limits.

use expect_test::expect;

use super::check;

#[test]
fn an_unknown_table() {
    check(
        r#"[conections.here]
provider = "finesse"
"#,
        &expect![[r#"
            error: there is no key `conections`
             --> etc/signoff.toml:1:2
              |
            1 | [conections.here]
              |  ^^^^^^^^^^
              = key: `conections`
              = help: did you mean `connections`?"#]],
    );
}

#[test]
fn a_strange_duration() {
    check(
        r#"[limits]
script_cpu = "soon"
[connections.here]
provider = "finesse"
"#,
        &expect![[r#"
            error: `soon` is no duration
             --> etc/signoff.toml:2:14
              |
            2 | script_cpu = "soon"
              |              ^^^^^^
              = key: `limits.script_cpu`
              = help: write it like `500ms`, `30s`, `15m`, `2h` or `1h30m`"#]],
    );
}

#[test]
fn a_key_twice() {
    check(
        r#"[connections.here]
provider = "finesse"
rate = "20/s"
rate = "10/s"
"#,
        &expect![[r#"
            error: duplicate key
             --> etc/signoff.toml:4:1
              |
            4 | rate = "10/s"
              | ^^^^
              = help: remove one of the two"#]],
    );
}

#[test]
fn a_connection_twice() {
    check(
        r#"[connections.here]
provider = "finesse"
[connections.here]
provider = "zap"
"#,
        &expect![[r#"
            error: duplicate key
             --> etc/signoff.toml:3:14
              |
            3 | [connections.here]
              |              ^^^^
              = help: remove one of the two

            error: duplicate key
             --> etc/signoff.toml:4:1
              |
            4 | provider = "zap"
              | ^^^^^^^^
              = help: remove one of the two"#]],
    );
}

#[test]
fn a_broken_pattern() {
    check(
        r#"[limits]
exempt = ["here:[a"]
[connections.here]
provider = "finesse"
"#,
        &expect![[r#"
            error: `here:[a` is no pattern: unclosed character class; missing ']'
             --> etc/signoff.toml:2:11
              |
            2 | exempt = ["here:[a"]
              |           ^^^^^^^^^
              = key: `limits.exempt`
              = help: `*` stands for any text; `\` before `[`, `{` or `?` takes them as they are"#]],
    );
}

#[test]
fn a_pattern_without_connection() {
    check(
        r#"[limits]
exempt = ["sup*"]
[connections.here]
provider = "finesse"
"#,
        &expect![[r#"
            error: `sup*` names no connection
             --> etc/signoff.toml:2:11
              |
            2 | exempt = ["sup*"]
              |           ^^^^^^
              = key: `limits.exempt`
              = help: write `CONNECTION:sup*`, or `*:sup*` for all of them"#]],
    );
}

#[test]
fn a_text_for_a_list() {
    check(
        r#"[limits]
exempt = "here:sup*"
[connections.here]
provider = "finesse"
"#,
        &expect![[r#"
            error: `exempt` is a text
             --> etc/signoff.toml:2:10
              |
            2 | exempt = "here:sup*"
              |          ^^^^^^^^^^^
              = key: `limits.exempt`
              = help: write a list of texts in quotes"#]],
    );
}

#[test]
fn a_size_with_a_strange_unit() {
    check(
        r#"[limits]
script_memory = "64MB"
[connections.here]
provider = "finesse"
"#,
        &expect![[r#"
            error: `64MB` is no size
             --> etc/signoff.toml:2:17
              |
            2 | script_memory = "64MB"
              |                 ^^^^^^
              = key: `limits.script_memory`
              = help: write it like `512KiB`, `64MiB` or `1GiB`"#]],
    );
}

#[test]
fn a_size_too_small() {
    check(
        r#"[limits]
script_memory = "64KiB"
[connections.here]
provider = "finesse"
"#,
        &expect![[r#"
            error: `64KiB` is too little for any script
             --> etc/signoff.toml:2:17
              |
            2 | script_memory = "64KiB"
              |                 ^^^^^^^
              = key: `limits.script_memory`
              = help: write at least `1MiB`"#]],
    );
}

#[test]
fn broken_toml() {
    check(
        r#"[connections.here
provider = "finesse"
"#,
        &expect![[r#"
            error: unclosed table, expected `]`
             --> etc/signoff.toml:1:18
              |
            1 | [connections.here
              |                  ^
              = help: the file is TOML: `key = "text"`, tables as `[connections.NAME]`"#]],
    );
}

#[test]
fn a_key_without_value() {
    check(
        r#"[connections.here]
provider =
"#,
        &expect![[r#"
            error: string values must be quoted, expected literal string
             --> etc/signoff.toml:2:11
              |
            2 | provider =
              |           ^
              = help: the file is TOML: `key = "text"`, tables as `[connections.NAME]`"#]],
    );
}

#[test]
fn an_empty_file() {
    check(
        "",
        &expect![[r#"
        error: the configuration has no connection
         --> etc/signoff.toml
          = help: add `[connections.NAME]` with `provider` and where it is; `signoff sandbox` prints an example"#]],
    );
}

#[test]
fn a_file_of_comments() {
    check(
        r#"# nothing yet
"#,
        &expect![[r#"
            error: the configuration has no connection
             --> etc/signoff.toml
              = help: add `[connections.NAME]` with `provider` and where it is; `signoff sandbox` prints an example"#]],
    );
}

#[test]
fn a_connection_that_is_no_table() {
    check(
        r#"connections = "finesse"
"#,
        &expect![[r#"
            error: `connections` is a table, not a text
             --> etc/signoff.toml:1:15
              |
            1 | connections = "finesse"
              |               ^^^^^^^^^
              = key: `connections`
              = help: write `[connections.NAME]` and its keys below"#]],
    );
}

#[test]
fn several_at_once() {
    check(
        r#"[connections.one]
provider = "finesse"
rate = "fast"
credential = "x"

[connections.two]
timeout = 5

[limits]
confirm_abov = 3
"#,
        &expect![[r#"
            error: `fast` is no rate
             --> etc/signoff.toml:3:8
              |
            3 | rate = "fast"
              |        ^^^^^^
              = key: `connections.one.rate`
              = help: write it like `20/s` or `5/min`, or `none` to switch the limit off

            error: there is no credential `x`
             --> etc/signoff.toml:4:14
              |
            4 | credential = "x"
              |              ^^^
              = key: `connections.one.credential`
              = help: add `[credentials.x]` with `username` and `password`

            error: the connection `two` names no provider
             --> etc/signoff.toml:6:14
              |
            6 | [connections.two]
              |              ^^^
              = key: `connections.two`
              = help: add `provider = "finesse"`

            error: `timeout` is a number
             --> etc/signoff.toml:7:11
              |
            7 | timeout = 5
              |           ^
              = key: `connections.two.timeout`
              = help: write a duration in quotes, such as `"30s"`

            error: there is no key `confirm_abov` in `limits`
              --> etc/signoff.toml:10:1
               |
            10 | confirm_abov = …
               | ^^^^^^^^^^^^
               = key: `limits.confirm_abov`
               = help: did you mean `confirm_above`?"#]],
    );
}

#[test]
fn windows_line_ends() {
    check(
        "[connections.here]\r\nprovider = \"finesse\"\r\nrate = \"fast\"\r\n",
        &expect![[r#"
            error: `fast` is no rate
             --> etc/signoff.toml:3:8
              |
            3 | rate = "fast"
              |        ^^^^^^
              = key: `connections.here.rate`
              = help: write it like `20/s` or `5/min`, or `none` to switch the limit off"#]],
    );
}

#[test]
fn a_byte_order_mark() {
    check(
        "\u{feff}conections = 1\n",
        &expect![[r#"
            error: there is no key `conections`
             --> etc/signoff.toml:1:1
              |
            1 | conections = …
              | ^^^^^^^^^^
              = key: `conections`
              = help: did you mean `connections`?"#]],
    );
}

#[test]
fn wide_characters_and_tabs() {
    check(
        "[connections.here]\nprovider = \"finesse\"\n\toptions = { \"größe\" = \"ü\", poll = 3 }\napi = \"https://a.example.com\"\n",
        &expect![[r#"
            error: there is no option `größe`
             --> etc/signoff.toml:3:14
              |
            3 | 	options = { "größe" = "…", poll = … }
              | 	            ^^^^^^^
              = key: `connections.here.options.größe`
              = help: the options are `deployment`, `poll`

            error: the option `poll` takes a duration, not the number 3
             --> etc/signoff.toml:3:36
              |
            3 | 	options = { "größe" = "…", poll = 3 }
              | 	                                  ^
              = key: `connections.here.options.poll`
              = help: write a text with a unit, such as `"3s"`"#]],
    );
}

#[test]
fn a_name_with_a_colon() {
    check(
        r#"[connections."a:b"]
provider = "finesse"
api = "https://a.example.com"
"#,
        &expect![[r#"
            error: `a:b` cannot be a name
             --> etc/signoff.toml:1:14
              |
            1 | [connections."a:b"]
              |              ^^^^^
              = key: `connections`
              = help: use letters, digits, `-`, `_` and `.`"#]],
    );
}

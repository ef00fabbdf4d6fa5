//! Configurations as people write them, right and wrong, and what they are told.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod mistakes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::expect;
use proptest::prelude::*;
use signoff_core::{
    ActsOn, CredentialKind, Descriptor, EndpointSpec, Field, Limits, LoginFlow, Parameter, ParameterKind,
    Value,
};

use super::{Config, ConfigErrors, ConnectionSettings, Exempt};
use crate::secret::SecretReference;

/// A provider with something of everything that a configuration can be checked against.
static DESCRIPTOR: Descriptor = PLAIN;

const PLAIN: Descriptor = Descriptor {
    id: "finesse",
    name: "Cisco Finesse",
    version: "0.1.0",
    summary: "for tests",
    options: &[
        Parameter {
            name: "deployment",
            kind: ParameterKind::Text,
            default: Some("ucce"),
            required: false,
            choices: &["ucce", "uccx"],
            help: "which contact centre",
        },
        Parameter {
            name: "poll",
            kind: ParameterKind::Duration,
            default: Some("1s"),
            required: false,
            choices: &[],
            help: "how often to read",
        },
    ],
    operations: &[],
    endpoints: &[
        EndpointSpec {
            name: "api",
            required: true,
            help: "the Finesse servers",
        },
        EndpointSpec {
            name: "reports",
            required: false,
            help: "the report server",
        },
    ],
    credentials: &[CredentialKind::Basic],
    logins: &[],
    limits: Limits {
        rate: 20.0,
        concurrency: 8,
    },
    timeout: Duration::from_secs(10),
    settle: Duration::from_secs(10),
    state_can_be_asked: true,
    acts_on: ActsOn::User,
    secret_attributes: &[],
};

/// A provider whose vendor wants a token.
static WITH_LOGINS: Descriptor = Descriptor {
    id: "zap",
    name: "ZAP",
    credentials: &[CredentialKind::Basic, CredentialKind::Bearer],
    logins: &[
        LoginFlow {
            name: "password",
            body: r#"{"a":"{username}","b":"{password}"}"#,
            ..CODE
        },
        CODE,
    ],
    ..PLAIN
};

const CODE: LoginFlow = LoginFlow {
    name: "code",
    endpoint: "api",
    method: "POST",
    path: "/login",
    content_type: "application/json",
    body: r#"{"a":"{username}","b":"{password}","c":"{code}"}"#,
    token_pointer: "/token",
    expires_pointer: "",
    refresh_pointer: "",
    refresh: None,
};

const PATH: &str = "etc/signoff.toml";

/// Both stages.
fn settings(text: &str) -> Result<(Config, Vec<ConnectionSettings>), ConfigErrors> {
    let config = Config::parse(text, Path::new(PATH))?;
    let find = |name: &str| match name {
        "finesse" => Some(&DESCRIPTOR),
        "zap" => Some(&WITH_LOGINS),
        _ => None,
    };
    let settings = config.resolve(find, &["finesse", "zap", "uiza"])?;
    Ok((config, settings))
}

#[test]
fn absent_keys_take_the_defaults_of_the_provider() {
    let (config, settings) = settings(
        r#"
        [connections.here]
        provider = "finesse"
        api = "http://127.0.0.1:8445"
        "#,
    )
    .unwrap();
    let here = &settings[0];
    assert_eq!((here.rate, here.concurrency, here.window), (Some(20.0), 8, 8));
    assert_eq!(
        (here.timeout, here.settle),
        (Duration::from_secs(10), Duration::from_secs(10))
    );
    assert_eq!(
        here.options,
        [
            Field::new("deployment", "ucce"),
            Field::new("poll", Duration::from_secs(1))
        ]
    );
    assert_eq!(here.origins("api")[0].as_str(), "http://127.0.0.1:8445/");
    assert!(here.origins("reports").is_empty());
    assert_eq!(
        (config.limits.confirm_above, config.limits.script_memory),
        (25, 64 << 20)
    );
}

#[test]
fn every_key_is_understood() {
    let (config, settings) = settings(
        r#"
        [connections.finesse-prod]
        provider = "finesse"
        api = ["https://finesse-a.example.com:8445", "https://finesse-b.example.com:8445/"]
        reports = "http://reports.example.com"
        credential = "supervisor"
        rate = "none"
        concurrency = 4
        window = 4
        timeout = "3s"
        settle = "500ms"
        ca_file = "ca.pem"
        client_certificate = "/etc/me.pem"
        proxy = "http://proxy.example.com:3128"
        danger_plain_http = true
        danger_accept_invalid_certificates = true
        options = { deployment = "uccx", poll = "2s" }

        [credentials.supervisor]
        username = "sup01"
        password = { env = "FINESSE_PASSWORD" }
        [credentials.file]
        username = "sup02"
        password = { file = "secret" }
        [credentials.command]
        token = { command = ["pass", "show", "finesse"] }
        [credentials.prompt]
        key = { prompt = true }

        [limits]
        confirm_above = 5
        exempt = ["finesse-prod:sup*", "*:boss"]
        script_memory = "32MiB"
        script_cpu = "2s"
        run_time = "1h30m"
        "#,
    )
    .unwrap();
    let prod = &settings[0];
    assert_eq!(prod.origins("api").len(), 2);
    assert_eq!((prod.rate, prod.concurrency, prod.window), (None, 4, 4));
    assert_eq!(
        (prod.timeout, prod.settle),
        (Duration::from_secs(3), Duration::from_millis(500))
    );
    assert_eq!(prod.tls.ca_file, Some(PathBuf::from("etc/ca.pem")));
    assert_eq!(prod.tls.client_certificate, Some(PathBuf::from("/etc/me.pem")));
    assert!(prod.tls.danger_accept_invalid_certificates && prod.danger_plain_http);
    assert_eq!(prod.proxy.as_ref().unwrap().port(), Some(3128));
    assert_eq!(prod.options[0], Field::new("deployment", "uccx"));

    let described = crate::json::fields(&[prod.describe()]).to_string();
    expect![[r#"{"finesse-prod":{"provider":"finesse","version":"0.1.0","api":["https://finesse-a.example.com:8445/","https://finesse-b.example.com:8445/"],"reports":["http://reports.example.com/"],"credential":"supervisor","rate":"none","concurrency":4,"window":4,"timeout":"3s","settle":"500ms","ca_file":"etc/ca.pem","client_certificate":"/etc/me.pem","proxy":"http://proxy.example.com:3128/","danger_plain_http":true,"danger_accept_invalid_certificates":true,"options":{"deployment":"uccx","poll":"2s"}}}"#]].assert_eq(&described);

    let credential = |name: &str| config.credential(name).unwrap();
    let supervisor = credential("supervisor");
    assert_eq!(
        supervisor.secret,
        SecretReference::Env("FINESSE_PASSWORD".to_owned())
    );
    assert_eq!(
        (supervisor.actor.as_str(), supervisor.kind),
        ("sup01", CredentialKind::Basic)
    );
    assert_eq!(
        credential("file").secret,
        SecretReference::File(PathBuf::from("secret"))
    );
    assert_eq!(
        credential("command").secret,
        SecretReference::Command(["pass", "show", "finesse"].map(str::to_owned).to_vec())
    );
    let prompt = credential("prompt");
    assert_eq!(
        (&prompt.secret, prompt.kind),
        (&SecretReference::Prompt, CredentialKind::Key)
    );
    assert_eq!(prompt.actor, "prompt");

    let limits = &config.limits;
    assert_eq!((limits.confirm_above, limits.script_memory), (5, 32 << 20));
    assert_eq!(limits.run_time, Some(Duration::from_secs(5400)));
    assert_eq!(config.connection("finesse-prod").unwrap().provider, "finesse");
}

#[test]
fn exempt_patterns_know_neither_case_nor_path() {
    let exempt = Exempt::new(["Finesse-Prod:sup*", "*:a/b", r"*:\[x\]"]).unwrap();
    let pattern = |user: &str| exempt.pattern("finesse-prod", user);
    assert_eq!(pattern("SUP01"), Some("Finesse-Prod:sup*"));
    assert_eq!(pattern("sup/01"), Some("Finesse-Prod:sup*"));
    assert_eq!(pattern("a/b"), Some("*:a/b"));
    assert_eq!(pattern("[X]"), Some(r"*:\[x\]"));
    assert_eq!(pattern("1001"), None);
    assert_eq!(exempt.pattern("other", "sup01"), None);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let text = "\u{feff}[connections.here]\r\nprovider = \"finesse\"\r\napi = \"https://a.example.com\"\r\n";
    assert_eq!(settings(text).unwrap().1.len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &Path| {
        let error = Config::read(path).unwrap_err().to_string();
        error.replace(&folder.path().display().to_string(), "DIR")
    };
    expect![[r"
        error: there is no such configuration file
         --> DIR/signoff.toml
          = help: name one with `--config FILE`, or try `--sandbox`"]]
    .assert_eq(&told(&folder.path().join("signoff.toml")));
    expect![[r"
        error: the configuration file is a folder
         --> DIR
          = help: name the file in it"]]
    .assert_eq(&told(folder.path()));
    let latin = folder.path().join("latin.toml");
    std::fs::write(&latin, b"# caf\xe9").unwrap();
    expect![[r"
        error: the configuration is not UTF-8
         --> DIR/latin.toml
          = help: save it as UTF-8 text"]]
    .assert_eq(&told(&latin));
}

#[test]
fn options_keep_the_types_of_the_file() {
    let (_, settings) = settings(
        r#"
        [connections.here]
        provider = "finesse"
        api = "https://a.example.com"
        options.poll = "250ms"
        "#,
    )
    .unwrap();
    assert_eq!(
        settings[0].options[1].value,
        Value::Duration(Duration::from_millis(250))
    );
}

proptest! {
    /// Whatever is wrong, it is told, and in the right line; nothing makes the parser fail in itself.
    #[test]
    fn no_text_is_too_strange(text in r#"(\[(connections|credentials|limits)(\.[a-zé"']{0,3})?\]|[a-z_]{1,12} ?= ?("[^"\n]{0,8}"?|[0-9]{1,22}|\{[a-z =]{0,6}\}?|\[.{0,4}\]?)|[\r\t é\u{feff}]|\n){0,12}"#) {
        if let Err(errors) = settings(&text) {
            prop_assert!(!errors.errors().is_empty());
            for error in errors.errors() {
                prop_assert!(error.line <= text.lines().count() + 1, "{error}");
                prop_assert!(!error.message.is_empty());
            }
        }
    }
}

#[test]
fn a_value_is_known_by_its_line() {
    let text = "# first\n[connections.a]\nprovider = \"finesse\"\napi = [\"https://a\"]\noptions = { poll = \"2s\" }\n\n\
                [connections.\"b.c\"]\nprovider = \"finesse\"\n[limits]\nconfirm_above = 3\n";
    let config = Config::parse(text, Path::new("signoff.toml")).unwrap();
    for (path, line) in [
        (&["connections", "a", "provider"][..], Some(3)),
        (&["connections", "a", "options", "poll"], Some(5)),
        (&["connections", "b.c", "provider"], Some(8)),
        (&["limits", "confirm_above"], Some(10)),
        (&["limits", "exempt"], None),
        (&["connections", "a", "provider", "more"], None),
        (&["nothing"], None),
        (&[], None),
    ] {
        assert_eq!(config.line(path), line, "{path:?}");
    }
}

#[test]
fn a_file_is_created_for_its_owner_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signoff.toml");
    Config::create(&path, "one").unwrap();
    let error = Config::create(&path, "two").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

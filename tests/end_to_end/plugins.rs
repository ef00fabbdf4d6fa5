//! A provider in a library of its own: it runs only as it was when somebody trusted it, and then does what the one that
//! is linked in does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};
use signoff_sandbox::{Population, Settings};

use crate::support::{Ended, Site, built, repository};

#[test]
fn a_plugin_is_trusted_and_then_does_what_the_built_in_does() {
    let site = with_plugin();
    let ended = site
        .signoff(&["plugin", "list", "--plugin-path", "plugins", "--format", "json"])
        .exits(0);
    let rows = ended.lines();
    assert_eq!(rows[0]["provider"], "finesse");
    assert_eq!(
        (&rows[0]["kind"], &rows[0]["trust"]),
        (&json!("built in"), &json!("trusted"))
    );
    let row = row(&ended);
    assert_eq!(
        (&row["kind"], &row["trust"]),
        (&json!("plugin"), &json!("not trusted"))
    );
    assert_eq!(
        row["path"],
        site.path("plugins/finesse")
            .canonicalize()
            .unwrap()
            .join(name())
            .to_str()
            .unwrap()
    );
    let sha256 = row["sha256"].as_str().unwrap().to_owned();
    assert_eq!(sha256.len(), 64);

    let refused = log_team_out(&site).exits(3);
    for words in [
        "plugin `finesse` is not trusted",
        &sha256,
        "plugins/finesse",
        "signoff plugin trust finesse",
    ] {
        assert!(refused.stderr.contains(words), "{words} in {}", refused.stderr);
    }
    assert_eq!(site.sandbox.ledger().count("", "/"), 0);

    let trusted = plugin(&site, &["trust", "finesse"]).exits(0);
    assert!(trusted.stdout.contains(&sha256), "{}", trusted.stdout);
    assert_eq!(
        self::row(&plugin(&site, &["list", "--format", "json"]))["trust"],
        "trusted"
    );

    let through_plugin = outcomes(&log_team_out(&site).exits(0));
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
    let other = Site::with(population());
    let built_in = outcomes(&other.log_team_out(&["--yes"]).exits(0));
    assert_eq!(through_plugin, built_in);
    assert!(built_in.len() > 10);
}

/// What became of each, without what differs from run to run.
fn outcomes(ended: &Ended) -> Vec<Value> {
    let mut lines: Vec<Value> = ended
        .outcomes()
        .into_iter()
        .map(|line| {
            let same = [
                "user",
                "name",
                "operation",
                "outcome",
                "confirmed_by",
                "attempts",
                "http_status",
                "code",
                "message",
            ];
            same.iter()
                .map(|&key| (key.to_owned(), line[key].clone()))
                .collect()
        })
        .collect();
    lines.sort_by_key(|line| line["user"].to_string());
    lines
}

#[test]
fn a_plugin_that_is_nowhere_is_looked_for_in_every_place() {
    let site = with_plugin();
    fs::remove_dir_all(site.path("plugins/finesse")).unwrap();
    let ended = log_team_out(&site).exits(3);
    for words in [
        "there is no plugin `finesse`",
        "plugins",
        "/usr/local/lib/signoff/plugins",
        "/usr/lib/signoff/plugins",
        "--plugin-path",
    ] {
        assert!(ended.stderr.contains(words), "{words} in {}", ended.stderr);
    }
    let home = site.path(".local/share/signoff/plugins");
    assert!(ended.stderr.contains(home.to_str().unwrap()), "{}", ended.stderr);
}

#[test]
fn a_library_that_changed_does_not_run() {
    let site = with_plugin();
    plugin(&site, &["trust", "finesse"]).exits(0);
    let library = site.path("plugins/finesse").join(name());
    let mut bytes = fs::read(&library).unwrap();
    // The last byte is in a table that a loader does not even look at.
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&library, bytes).unwrap();
    let ended = log_team_out(&site).exits(3);
    assert!(
        ended.stderr.contains("has changed since it was trusted"),
        "{}",
        ended.stderr
    );
    assert_eq!(site.sandbox.ledger().count("", "/"), 0);
    let row = row(&plugin(&site, &["list", "--format", "json"]));
    assert_eq!(row["trust"], "changed since 0.1.0 was pinned");
}

#[test]
fn what_others_may_write_to_is_refused() {
    for file in [
        "plugins/finesse",
        "plugins/finesse/provider.toml",
        &format!("plugins/finesse/{}", name()),
        "plugins.lock",
    ] {
        let site = with_plugin();
        plugin(&site, &["trust", "finesse"]).exits(0);
        let path = site.path(file);
        let mode = fs::metadata(&path).unwrap().permissions().mode() | 0o022;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let ended = log_team_out(&site).exits(3);
        for words in ["may be written to by others", "chmod go-w"] {
            assert!(ended.stderr.contains(words), "{file}: {}", ended.stderr);
        }
        plugin(&site, &["trust", "finesse"]).exits(3);
        assert_eq!(site.sandbox.ledger().count("", "/"), 0);
    }
}

/// A site that uses the plugin, which lies in the folder `plugins`.
fn with_plugin() -> Site {
    let site = Site::with(population());
    let folder = site.path("plugins/finesse");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(&*LIBRARY, folder.join(name())).unwrap();
    fs::copy(source().join("provider.toml"), folder.join("provider.toml")).unwrap();
    // Whatever the umask is here: others than the owner may not write.
    for (path, mode) in [
        ("plugins", 0o755),
        ("plugins/finesse", 0o755),
        ("plugins/finesse/provider.toml", 0o644),
    ] {
        fs::set_permissions(site.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(folder.join(name()), fs::Permissions::from_mode(0o755)).unwrap();
    let credential = "username = \"supervisor\"\npassword = { env = \"SITE_PASSWORD\" }";
    site.configure_with("plugin:finesse", &site.sandbox.origin(), "", credential);
    site
}

fn population() -> Settings {
    Settings::with(Population::mixed(12, 3))
}

fn plugin(site: &Site, arguments: &[&str]) -> Ended {
    site.signoff(&[&["--plugin-path", "plugins", "plugin"], arguments].concat())
}

fn log_team_out(site: &Site) -> Ended {
    site.log_team_out(&["--yes", "--plugin-path", "plugins"])
}

/// The line of the plugin in a list.
#[track_caller]
fn row(list: &Ended) -> Value {
    let rows = list.lines();
    let row = rows.iter().find(|row| row["provider"] == "plugin:finesse");
    row.expect(&list.stdout).clone()
}

/// Built as the manifest tells users to.
static LIBRARY: LazyLock<PathBuf> =
    LazyLock::new(|| built(&["--package", "signoff-plugin-finesse"], "signoff_plugin_finesse"));

fn name() -> &'static str {
    LIBRARY.file_name().and_then(|name| name.to_str()).unwrap()
}

fn source() -> PathBuf {
    repository().join("plugins/finesse")
}

//! Passwords are searched for in everything that a run leaves behind or shows, in every form in which they travel.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use signoff_sandbox::Population;

use crate::support::{Ended, Site, http, serve};

/// With what XML, JSON, URLs, TOML and shells treat as special.
pub(crate) const CANARY: &str = "c4n4ry-&<>\"'%2F+/\\ö=?#{}";

pub(crate) const CODE: &str = "c4n4ry-code-1&2";
pub(crate) const TOKEN: &str = "c4n4ry-tok&en\"<1>/+=";
pub(crate) const NEXT_TOKEN: &str = "c4n4ry-next%2Ftoken\\";
pub(crate) const REFRESH_TOKEN: &str = "c4n4ry-refresh-\u{f6}\"1";
pub(crate) const CLIENT_SECRET: &str = "c4n4ry-client/secret=+";
pub(crate) const DEVICES: [&str; 2] = ["c4n4ry-device:APA91b/1", "c4n4ry-device:APA91b/2"];
pub(crate) const BADGE: &str = "c4n4ry-badge-7";
pub(crate) const KEYS: [&str; 2] = ["c4n4ry-uap-0123456789abcdef", "c4n4ry-uap-fedcba9876543210"];
pub(crate) const PROXY: &str = "c4n4ry-proxy-password";

pub(crate) const CANARIES: [&str; 12] = [
    CANARY,
    CODE,
    TOKEN,
    NEXT_TOKEN,
    REFRESH_TOKEN,
    CLIENT_SECRET,
    DEVICES[0],
    DEVICES[1],
    BADGE,
    KEYS[0],
    KEYS[1],
    PROXY,
];

/// Where a password comes from, as `signoff.toml` says it; the file is in the site's folder.
const SOURCES: [&str; 3] = [
    "{ env = \"SITE_PASSWORD\" }",
    "{ file = \"secret\" }",
    "{ command = [\"cat\", \"secret\"] }",
];

#[test]
fn a_password_is_found_nowhere() {
    for source in SOURCES {
        for (password, exit) in [(CANARY, 0), ("another", 4)] {
            let mut population = Population::team(3);
            for user in &mut population.users {
                password.clone_into(&mut user.password);
            }
            let site = Site::new(population).password(CANARY);
            configure(&site, &site.sandbox.origin(), source);
            for format in ["human", "json"] {
                let ended = run(&site, format);
                assert!(ended.code == Some(exit), "{source}: {}", ended.stderr);
                nothing_found(&site, &ended);
            }
        }
    }
}

#[test]
fn a_vendor_that_echoes_what_it_is_sent_tells_nothing() {
    for echo in ECHOES {
        let origin = serve(move |request| echo(&Sent::read(request)));
        let site = Site::new(Population::team(0)).password(CANARY);
        configure(&site, &origin, SOURCES[0]);
        let ended = run(&site, "json");
        assert_ne!(ended.code, Some(0), "{}", ended.stdout);
        nothing_found(&site, &ended);
        assert!(ended.stderr.contains("error: "), "{}", ended.stderr);
    }
}

#[test]
fn an_outcome_that_quotes_a_password_is_kept_without_it() {
    let origin = serve(|request| {
        let sent = Sent::read(request);
        if request.starts_with("PUT") {
            return refusal("400 Bad Request", &sent);
        }
        let user = "<User><loginId>supervisor</loginId><roles><role>Agent</role></roles><state>READY</state>\
            <stateChangeTime>2026-01-01T00:00:00.000Z</stateChangeTime><teamId>1</teamId></User>";
        http("200 OK", XML, user)
    });
    let site = Site::new(Population::team(0)).password(CANARY);
    configure(&site, &origin, SOURCES[0]);
    let ended = site.signoff(&["-vv", "logout", "site", "supervisor", "--yes", "--format", "json"]);
    let line = ended.outcome("supervisor");
    assert_eq!(line["code"], "Generic Error", "{line}");
    assert!(line["message"].as_str().unwrap().contains("[redacted]"), "{line}");
    nothing_found(&site, &ended);
}

/// What came with a request.
struct Sent {
    /// The value of the `Authorization` header.
    authorization: String,
}

impl Sent {
    fn read(request: &str) -> Self {
        let value = request
            .lines()
            .find_map(|line| line.strip_prefix("authorization: "))
            .expect(request);
        Self {
            authorization: value.to_owned(),
        }
    }

    /// `user:password`.
    fn pair(&self) -> String {
        let encoded = self.authorization.strip_prefix("Basic ").unwrap();
        String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
    }

    fn password(&self) -> String {
        self.pair().split_once(':').unwrap().1.to_owned()
    }
}

const XML: &str = "Content-Type: application/xml\r\n";

/// In an error, in the body of another, in a header, in a name of an element, at the end of a long text.
const ECHOES: [fn(&Sent) -> String; 5] = [
    |sent| refusal("401 Unauthorized", sent),
    |sent| refusal("400 Bad Request", sent),
    |sent| {
        let (pair, encoded) = (percent_encoded(&sent.pair()), percent_encoded(&sent.password()));
        let location = format!("Location: https://{pair}@finesse.example.com:8445/{encoded}?{encoded}\r\n");
        http("301 Moved Permanently", &location, "")
    },
    |sent| {
        let body = format!("<User><{}></User>", sent.authorization.replace(' ', ""));
        http("200 OK", XML, &body)
    },
    |sent| {
        let long = format!("{}{}", "x".repeat(190), sent.password());
        let body = format!(
            "<ApiErrors><ApiError><ErrorType>Generic Error</ErrorType><ErrorMessage>{}</ErrorMessage></ApiError></ApiErrors>",
            escaped(&long)
        );
        http("400 Bad Request", XML, &body)
    },
];

fn percent_encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A refusal that quotes the header and the password.
fn refusal(status: &str, sent: &Sent) -> String {
    let body = format!(
        "<ApiErrors><ApiError><ErrorType>Generic Error</ErrorType><ErrorData>{}</ErrorData>\
         <ErrorMessage>no {}, {}</ErrorMessage></ApiError></ApiErrors>",
        escaped(&sent.pair()),
        escaped(&sent.password()),
        escaped(&sent.authorization)
    );
    http(status, XML, &body)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[test]
fn no_process_is_given_a_password_as_an_argument() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let looked = Arc::clone(&seen);
    let origin = serve(move |_| {
        looked.lock().unwrap().extend(arguments_of_all());
        http("404 Not Found", "", "")
    });
    let site = Site::new(Population::team(0)).password("unused");
    let program =
        "tr '\\0' ' ' < /proc/$PPID/cmdline > parent; tr '\\0' ' ' < /proc/$$/cmdline > own; cat secret";
    configure(
        &site,
        &origin,
        &format!("{{ command = [\"sh\", \"-c\", '''{program}'''] }}"),
    );
    let ended = run(&site, "human");
    nothing_found(&site, &ended);
    let seen = seen.lock().unwrap();
    assert!(seen.iter().any(|line| line.contains("signoff")), "{seen:?}");
    let read = |name: &str| fs::read_to_string(site.path(name)).unwrap();
    assert!(read("parent").contains("signoff") && read("own").contains("cat secret"));
    let lines = seen.iter().cloned().chain([read("parent"), read("own")]);
    for line in lines {
        assert!(found_in(line.as_bytes()).is_empty(), "{line}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_crash_leaves_no_image_of_the_memory() {
    let site = Site::new(Population::team(1));
    let program = "cat /proc/$PPID/limits > limits; cat secret";
    let source = format!("{{ command = [\"sh\", \"-c\", '''{program}'''] }}");
    configure(&site, &site.sandbox.origin(), &source);
    let _ = run(&site, "human");
    let limits = fs::read_to_string(site.path("limits")).unwrap();
    let core = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max core file size"));
    let core: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(core, ["0", "0", "bytes"]);
}

/// The command lines of all processes.
fn arguments_of_all() -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

#[test]
fn a_command_that_fails_is_quoted_without_what_it_knows() {
    let site = Site::new(Population::team(1));
    let program = "cat secret; cat secret >&2; exit 3";
    let source = format!("{{ command = [\"sh\", \"-c\", '''{program}'''] }}");
    configure(&site, &site.sandbox.origin(), &source);
    let ended = run(&site, "human").exits(3);
    assert!(ended.stderr.contains("me"), "{}", ended.stderr);
    nothing_found(&site, &ended);
    assert_eq!(site.sandbox.ledger().count("", "/"), 0);
}

#[test]
fn a_secret_that_others_may_read_is_refused() {
    let site = Site::new(Population::team(1));
    configure(&site, &site.sandbox.origin(), SOURCES[1]);
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(site.path("secret"), fs::Permissions::from_mode(mode)).unwrap();
        let ended = run(&site, "human").exits(3);
        assert!(
            ended.stderr.contains("secret`") && ended.stderr.contains("chmod"),
            "{}",
            ended.stderr
        );
        nothing_found(&site, &ended);
    }
    assert_eq!(site.sandbox.ledger().count("", "/"), 0);
}

#[test]
fn what_is_kept_is_its_owners_alone() {
    let site = Site::new(Population::team(2));
    site.log_team_out(&["--yes"]).exits(0);
    let kept = files(&site.path("state"));
    assert!(
        kept.iter()
            .any(|path| path.extension().is_some_and(|end| end == "sqlite")),
        "{kept:?}"
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for path in &kept {
        assert_eq!(mode(path), 0o600, "{}", path.display());
        assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
    }
    assert_eq!(mode(&site.path("state")), 0o700);
}

/// A configuration with this source, and the canary in the file that it may name.
fn configure(site: &Site, origin: &str, source: &str) {
    site.write("secret", CANARY);
    fs::set_permissions(site.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    let credential = format!("username = \"supervisor\"\npassword = {source}");
    site.configure_with("finesse", origin, "", &credential);
}

fn run(site: &Site, format: &str) -> Ended {
    let script = crate::support::script("supervisor_logs_out_team.luau");
    site.signoff(&["-vv", "run", &script, "--yes", "--format", format])
}

/// Searches what was printed, and every file but those that hold a secret from the start.
#[track_caller]
pub(crate) fn nothing_found(site: &Site, ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        assert!(
            found_in(text.as_bytes()).is_empty(),
            "{:?} in {text}",
            found_in(text.as_bytes())
        );
    }
    nothing_kept(site);
}

#[track_caller]
pub(crate) fn nothing_kept(site: &Site) {
    let root = site.path("");
    assert!(files(&root).len() >= 3, "{:?}", files(&root));
    assert_eq!(kept_in(&root), [""; 0]);
}

/// What is found in the files of a folder, and where.
pub(crate) fn kept_in(folder: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    files(folder)
        .iter()
        .filter(|path| !name(path).starts_with("secret"))
        .filter_map(|path| {
            let found = found_in(&fs::read(path).unwrap());
            (!found.is_empty()).then(|| format!("{found:?} in {}", path.display()))
        })
        .collect()
}

/// The forms of any canary that occur in this.
pub(crate) fn found_in(bytes: &[u8]) -> Vec<String> {
    let occurs = |form: &String| bytes.windows(form.len()).any(|window| window == form.as_bytes());
    CANARIES.into_iter().flat_map(forms).filter(occurs).collect()
}

/// A canary as it is, escaped for JSON, XML, Rust and URLs, in base64 at every offset, as the Basic scheme's pair, and
/// its beginning, which survives an end that is cut off.
pub(crate) fn forms(canary: &str) -> Vec<String> {
    let json = serde_json::to_string(canary).unwrap();
    let mut forms = vec![
        canary.to_owned(),
        "c4n4ry".to_owned(),
        json.trim_matches('"').to_owned(),
        canary.escape_debug().to_string(),
        escaped(canary),
        percent_encoded(canary),
    ];
    for engine in [&STANDARD, &URL_SAFE] {
        forms.push(engine.encode(format!("supervisor:{canary}")));
        for offset in 0..3 {
            // Without the letters at both ends, which a neighbour's bits decide as well.
            let encoded = engine.encode(format!("{}{canary}", "x".repeat(offset)));
            forms.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    forms
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

//! Finding, pinning and loading plugins: a provider in C is compiled, found, refused until it is pinned, and then works.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "it is a test"
)]

use std::env::consts::{ARCH, OS};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::{Expect, expect};
use signoff_core::abi::host::Instance;
use signoff_core::{
    Args, Class, Context, CredentialKind, Error, Field, InDoubtPolicy, Input, Monotonic, Now, Outcome,
    RequestId, Response, Step, User, Value,
};
use signoff_engine::plugin::{Kind, PluginError, Registry, SearchPath, Trust};
use tempfile::TempDir;

#[test]
fn a_provider_in_c_is_loaded_once_it_is_trusted_and_works() {
    let home = Home::new();
    home.add("hello", &compile(&[]));
    let registry = home.registry();
    check(
        &home,
        registry.provider("hello").map(drop),
        expect![[r"
            plugin `hello` is not trusted: `HOME/plugins/hello/libhello.so`, sha256 HASH
              tried `HOME/nowhere` (--plugin-path): there is no such folder
              tried `HOME/plugins` (the user's plugins): found
            if you know where it comes from: signoff plugin trust hello"]],
    );

    let (row, earlier) = registry.trust("hello").unwrap();
    assert_eq!((row.trust, earlier), (Trust::Trusted, None));
    let library = registry.provider("plugin:hello").unwrap();
    assert_eq!(
        (library.descriptor().id, library.descriptor().version),
        ("hello", "0.3.0")
    );
    assert_eq!(library.extension("signoff.feed/1"), None);
    // It is loaded once, and goes on as it is, whatever becomes of the file.
    home.add("hello", b"something else");
    assert!(std::ptr::eq(
        registry.provider("hello").unwrap().descriptor(),
        library.descriptor()
    ));

    let error = library.open(&[Field::new("greeting", "goodbye")]).unwrap_err();
    assert_eq!(error, Error::Options("`greeting` is no greeting".to_owned()));
    let instance = library.open(&[Field::new("greeting", "good day")]).unwrap();
    assert_eq!(instance.classify(&response(401)), Ok(Class::CredentialRefused));
    assert_eq!(status(&instance, 204), (Outcome::Done, "good day".to_owned()));
    assert_eq!(status(&instance, 404), (Outcome::NotFound, "good day".to_owned()));
}

#[test]
fn two_libraries_do_not_take_each_others_place() {
    let home = Home::new();
    home.add("hello", &compile(&[]));
    home.add("salut", &compile(&["-DHELLO_ID=\"salut\""]));
    let registry = home.registry();
    for id in ["hello", "salut"] {
        registry.trust(id).unwrap();
        assert_eq!(registry.provider(id).unwrap().descriptor().id, id);
    }
    // In the words of another process: a new registry loads them anew.
    assert_eq!(
        home.registry().provider("hello").unwrap().descriptor().id,
        "hello"
    );
}

#[test]
fn a_library_that_changed_is_refused() {
    let home = Home::new();
    home.add("hello", b"what it was");
    let registry = home.registry();
    registry.trust("hello").unwrap();
    home.add("hello", b"what it is");
    check(
        &home,
        registry.provider("hello").map(drop),
        expect![[r"
            plugin `hello` has changed since it was trusted: `HOME/plugins/hello/libhello.so` has sha256 HASH, pinned is HASH of version 0.3.0
              tried `HOME/nowhere` (--plugin-path): there is no such folder
              tried `HOME/plugins` (the user's plugins): found
            if you replaced it yourself: signoff plugin trust hello; if not, find out who did"]],
    );
    let rows = registry.list().unwrap();
    assert!(
        matches!(&rows[0].trust, Trust::Changed { pinned } if pinned.version == "0.3.0"),
        "{rows:?}"
    );
    let (_, earlier) = registry.trust("plugin:hello").unwrap();
    assert!(earlier.is_some());
}

#[test]
fn a_refusal_says_where_it_looked() {
    let home = Home::new();
    home.add("hello", b"x");
    fs::create_dir(home.path("empty")).unwrap();
    let mut search = home.search();
    search.environment = vec![home.path("empty")];
    let registry = Registry::new(Vec::new(), search, home.lock());
    check(
        &home,
        registry.provider("plugin:finesse").map(drop),
        expect![[r"
            there is no plugin `finesse`
              tried `HOME/nowhere` (--plugin-path): there is no such folder
              tried `HOME/empty` (SIGNOFF_PLUGIN_PATH): no plugins
              tried `HOME/plugins` (the user's plugins): only `hello`
            put the plugin's folder into one of these as `finesse`, or name another with --plugin-path"]],
    );
}

#[test]
fn what_others_may_write_to_is_refused() {
    for what in [
        "plugins",
        "plugins/hello",
        "plugins/hello/provider.toml",
        "plugins/hello/libhello.so",
        "plugins.lock",
    ] {
        let home = Home::new();
        home.add("hello", b"x");
        let registry = home.registry();
        registry.trust("hello").unwrap();
        let path = home.path(what);
        let mode = path.metadata().unwrap().permissions().mode();
        for others in [0o020, 0o002] {
            fs::set_permissions(&path, Permissions::from_mode(mode | others)).unwrap();
            let error = registry.provider("hello").unwrap_err();
            assert!(
                matches!(&error, PluginError::Insecure { path: at } if *at == path),
                "{what}: {error}"
            );
        }
    }
}

#[test]
fn a_symbolic_link_is_resolved_before_it_is_judged() {
    let home = Home::new();
    home.add("hello", b"x");
    fs::create_dir(home.path("open")).unwrap();
    fs::set_permissions(home.path("open"), Permissions::from_mode(0o777)).unwrap();
    let library = home.path("plugins/hello/libhello.so");
    fs::rename(&library, home.path("open/libhello.so")).unwrap();
    symlink(home.path("open/libhello.so"), &library).unwrap();
    check(
        &home,
        home.registry().trust("hello").map(drop),
        expect![[r"
            `HOME/open` may be written to by others than its owner
            chmod go-w 'HOME/open', after a look at what is in it"]],
    );
}

#[test]
fn a_manifest_is_held_to_its_word() {
    let cases = [
        (
            format!(
                "id = \"hello\"\nversion = \"1\"\nabi = 1\n[library]\n{PLATFORM_KEY} = {{ file = \"libhello.so\", sha256 = \"{}\" }}",
                "0".repeat(64)
            ),
            expect![[r"
                `HOME/plugins/hello/libhello.so` has sha256 HASH, but `HOME/plugins/hello/provider.toml` says HASH
                get the plugin again from where it comes from"]],
        ),
        (
            "id = \"hello\"\nversion = \"1\"\nabi = 2".to_owned(),
            expect![[r"
                `HOME/plugins/hello/provider.toml`: `abi` is 2, but this signoff has version 1 of the plugin interface
            "]],
        ),
        (
            "id = \"hallo\"\nversion = \"1\"\nabi = 1".to_owned(),
            expect![[r"
                `HOME/plugins/hello/provider.toml`: `id` is `hallo`, but the folder is `hello`; they must be the same
            "]],
        ),
        (
            "id = \"hello\"\nversion = \"1\"\nabi = 1\n[library]\n\"plan9-mips\" = { file = \"a\" }"
                .to_owned(),
            expect![[r"
                `HOME/plugins/hello/provider.toml` has no library for `PLATFORM`, only for `plan9-mips`
                get the plugin for this machine, or build it and add its library to the manifest"]],
        ),
        (
            format!(
                "id = \"hello\"\nversion = \"1\"\nabi = 1\n[library]\n{PLATFORM_KEY} = {{ file = \"../../lib.so\" }}"
            ),
            expect![[r"
                `HOME/plugins/hello/provider.toml`: library `PLATFORM`: `file` must lie in the plugin's folder, and is `../../lib.so`
            "]],
        ),
        (
            "id = \"hello\"\nversion = \"1\"\nabi = 1\nlibary = 2".to_owned(),
            expect![[r"
                `HOME/plugins/hello/provider.toml`: TOML parse error at line 4, column 1
                  |
                4 | libary = 2
                  | ^^^^^^
                unknown field `libary`, expected one of `id`, `version`, `abi`, `library`

            "]],
        ),
    ];
    for (manifest, expected) in cases {
        let home = Home::new();
        home.add("hello", b"x");
        let manifest = manifest.replace(PLATFORM_KEY, &format!("\"{OS}-{ARCH}\""));
        fs::write(home.path("plugins/hello/provider.toml"), manifest).unwrap();
        check(&home, home.registry().trust("hello").map(drop), expected);
    }
}

#[test]
fn what_is_no_provider_is_refused() {
    let home = Home::new();
    home.add("hello", b"not a library");
    home.registry().trust("hello").unwrap();
    let error = home.registry().provider("hello").unwrap_err();
    assert!(matches!(&error, PluginError::Load { .. }), "{error}");

    home.add("hello", &compile(&["-Dsignoff_provider_v1=signoff_provider_v0"]));
    home.registry().trust("hello").unwrap();
    check(
        &home,
        home.registry().provider("hello").map(drop),
        expect![[r"
            `HOME/plugins/hello/libhello.so`: it exports no `signoff_provider_v1`
            get a version of the plugin that is made for this signoff and this machine"]],
    );

    home.add("hello", &compile(&["-DHELLO_ID=\"other\""]));
    home.registry().trust("hello").unwrap();
    check(
        &home,
        home.registry().provider("hello").map(drop),
        expect![[r"
            `HOME/plugins/hello/libhello.so`: it is `other` 0.3.0, but `HOME/plugins/hello/provider.toml` says `hello` 0.3.0
            get a version of the plugin that is made for this signoff and this machine"]],
    );

    home.add("hello", &compile(&["-DHELLO_ID=\"Not An Id\""]));
    home.registry().trust("hello").unwrap();
    check(
        &home,
        home.registry().provider("hello").map(drop),
        expect![[r"
            `HOME/plugins/hello/libhello.so`: the provider breaks the plugin interface: `descriptor.id` must be of lower-case letters, digits, `-` and `_`
            get a version of the plugin that is made for this signoff and this machine"]],
    );
}

#[test]
fn a_plugin_is_trusted_by_its_folder_and_the_lock_file_is_private() {
    let home = Home::new();
    home.add("hello", b"x");
    let registry = Registry::new(Vec::new(), SearchPath::default(), home.lock());
    let folder = home.path("plugins/hello");
    let (row, _) = registry.trust(folder.to_str().unwrap()).unwrap();
    assert_eq!(
        (row.id.as_str(), row.version.as_str(), row.kind),
        ("hello", "0.3.0", Kind::Plugin)
    );
    assert_eq!(
        home.lock().metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = home.hide(&fs::read_to_string(home.lock()).unwrap());
    expect![[r#"
        # Written by `signoff plugin trust`: a plugin runs only as it was then.

        [plugins.hello]
        version = "0.3.0"
        sha256 = "HASH"
    "#]]
    .assert_eq(&text);
    let left: Vec<_> = fs::read_dir(home.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_lock_file_that_is_not_understood_trusts_nothing() {
    let home = Home::new();
    home.add("hello", b"x");
    fs::write(home.lock(), "[plugins.hello]\nversion = \"0.3.0\"\n").unwrap();
    fs::set_permissions(home.lock(), Permissions::from_mode(0o600)).unwrap();
    let expected = expect![[r"
        `HOME/plugins.lock`: TOML parse error at line 1, column 1
          |
        1 | [plugins.hello]
          | ^^^^^^^^^^^^^^^
        missing field `sha256`

    "]];
    check(&home, home.registry().provider("hello").map(drop), expected);
    assert!(home.registry().trust("hello").is_err());
    assert!(home.registry().list().is_err());
}

#[test]
fn a_lock_file_that_cannot_be_written_is_said_so() {
    let home = Home::new();
    home.add("hello", b"x");
    let registry = Registry::new(Vec::new(), home.search(), home.path("nowhere/plugins.lock"));
    check(
        &home,
        registry.trust("hello").map(drop),
        expect![[r"
            `HOME/nowhere/plugins.lock`: No such file or directory (os error 2)
        "]],
    );
}

#[test]
fn a_linked_provider_wins_and_a_plugin_of_its_id_is_listed_under_another_name() {
    use signoff_core::abi::host::Library;
    let home = Home::new();
    home.add("finesse", b"x");
    home.add("broken", b"x");
    fs::write(home.path("plugins/broken/provider.toml"), "id = 3").unwrap();
    let linked = Library::linked::<signoff_finesse::Finesse>(&signoff_finesse::DESCRIPTOR).unwrap();
    let registry = Registry::new(vec![linked], home.search(), home.lock());
    assert_eq!(
        *registry.provider("finesse").unwrap().descriptor(),
        signoff_finesse::DESCRIPTOR
    );
    assert!(matches!(
        registry.provider("plugin:finesse"),
        Err(PluginError::NotTrusted { .. })
    ));
    assert_eq!(registry.linked_ids(), ["finesse"]);
    let rows: Vec<_> = registry
        .list()
        .unwrap()
        .into_iter()
        .map(|row| {
            let trust = match row.trust {
                Trust::Unusable(_) => "unusable".to_owned(),
                other => format!("{other:?}"),
            };
            (row.provider, row.kind, trust)
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("finesse".to_owned(), Kind::Linked, "Trusted".to_owned()),
            ("broken".to_owned(), Kind::Plugin, "unusable".to_owned()),
            ("plugin:finesse".to_owned(), Kind::Plugin, "NotTrusted".to_owned()),
        ]
    );
}

/// Stands for this machine's key in the manifests of this file.
const PLATFORM_KEY: &str = "@platform@";

/// A folder with a lock file, and plugins in a folder of their own.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("plugins")).unwrap();
        fs::set_permissions(folder.path().join("plugins"), Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn lock(&self) -> PathBuf {
        self.path("plugins.lock")
    }

    fn search(&self) -> SearchPath {
        SearchPath {
            command_line: vec![self.path("nowhere")],
            user: Some(self.path("plugins")),
            ..SearchPath::default()
        }
    }

    fn registry(&self) -> Registry {
        Registry::new(Vec::new(), self.search(), self.lock())
    }

    /// Puts a plugin of that id there, or replaces its library.
    fn add(&self, id: &str, library: &[u8]) {
        let folder = self.path("plugins").join(id);
        fs::create_dir_all(&folder).unwrap();
        let manifest = format!(
            "id = \"{id}\"\nversion = \"0.3.0\"\nabi = 1\n[library]\n\"{OS}-{ARCH}\" = {{ file = \"lib{id}.so\" }}\n"
        );
        for (name, content) in [
            ("provider.toml".to_owned(), manifest.as_bytes()),
            (format!("lib{id}.so"), library),
        ] {
            fs::write(folder.join(&name), content).unwrap();
            fs::set_permissions(folder.join(&name), Permissions::from_mode(0o644)).unwrap();
        }
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    }

    /// The text without what differs from run to run.
    fn hide(&self, text: &str) -> String {
        let text = text.replace(self.path("").to_str().unwrap().trim_end_matches('/'), "HOME");
        let text = text.replace(&format!("{OS}-{ARCH}"), "PLATFORM");
        let is_hash = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.split_inclusive(|char: char| !char.is_ascii_alphanumeric())
            .map(|piece| {
                let word = piece.trim_end_matches(|char: char| !char.is_ascii_alphanumeric());
                if is_hash(word) {
                    piece.replace(word, "HASH")
                } else {
                    piece.to_owned()
                }
            })
            .collect()
    }
}

/// Compares an error and what it says to do.
fn check(home: &Home, result: Result<(), PluginError>, expected: Expect) {
    let error = result.unwrap_err();
    expected.assert_eq(&home.hide(&format!("{error}\n{}", error.hint())));
}

/// The provider in C as a library.
fn compile(flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("hello.so");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("cc")
        .args([
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-shared",
            "-fPIC",
            "-I",
        ])
        .arg(here.join("../core/include"))
        .args(flags)
        .arg(here.join("tests/plugin/hello.c"))
        .arg("-o")
        .arg(&library)
        .output()
        .unwrap_or_else(|error| panic!("this test needs a C compiler; `cc` cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::read(library).unwrap()
}

/// What `status` makes of an answer, and how it greets.
fn status(instance: &Instance, status: u16) -> (Outcome, String) {
    let now = Now {
        monotonic: Monotonic(1_000_000_000),
        unix_ms: 0,
    };
    let context = Context {
        actor: "sup01",
        actor_kind: CredentialKind::Basic,
        plan: false,
        call: "run/1",
        may_act_on_self: false,
        in_doubt: InDoubtPolicy::Verify,
        earlier: &[],
        logged_out: false,
    };
    let user = User::new("1001");
    let mut op = instance
        .start("status", Args::new(Some(&user), &[]), context, now)
        .unwrap();
    let Step::Request(request) = op.next(now).unwrap() else {
        panic!("it asks");
    };
    assert_eq!((request.path.as_str(), request.id), ("/users/1001", RequestId(1)));
    assert!(matches!(op.next(now).unwrap(), Step::Wait(_)));
    op.input(now, Input::Response(response(status))).unwrap();
    let Step::Finished(finished) = op.next(now).unwrap() else {
        panic!("it finishes");
    };
    let greeting = finished.fields[0].value.as_text().unwrap().to_owned();
    assert_eq!(finished.fields[0].value, Value::from(greeting.as_str()));
    (finished.outcome, greeting)
}

fn response(status: u16) -> Response<'static> {
    Response {
        request: RequestId(1),
        status,
        headers: &[],
        body: b"",
        sent: Monotonic::ZERO,
        sent_unix_ms: 0,
        settled_at: Monotonic::ZERO,
    }
}

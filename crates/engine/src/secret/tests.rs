//! Secrets from each of their sources, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::testing::FakeEnvironment;
use super::*;

const CANARY: &str = "c4n4ry-s3cr3t";

async fn resolved(reference: SecretReference, environment: Arc<FakeEnvironment>, folder: &Path) -> String {
    let environment: Arc<dyn Environment> = environment;
    match reference.resolve("supervisor", &environment, folder).await {
        Ok(secret) => format!("{:?}", secret.expose()),
        Err(error) => {
            let everything = format!("{error:?} {error} {}", error.hint());
            assert!(!everything.contains(CANARY), "{everything}");
            format!("{error}\n{}", error.hint()).replace(&*folder.to_string_lossy(), "FOLDER")
        }
    }
}

async fn from_variable(value: &str, expected: Expect) {
    let environment = FakeEnvironment::with_variable("FINESSE_PASSWORD", value);
    let reference = SecretReference::Env("FINESSE_PASSWORD".to_owned());
    expected.assert_eq(&resolved(reference, environment, Path::new(".")).await);
}

async fn from_command(words: &[&str], expected: Expect) {
    let folder = TempDir::new().unwrap();
    let reference = SecretReference::Command(words.iter().map(|&word| word.to_owned()).collect());
    expected.assert_eq(&resolved(reference, Arc::default(), folder.path()).await);
}

#[cfg(unix)]
async fn from_file(bytes: &[u8], mode: u32, expected: Expect) {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("password");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .unwrap();
    file.write_all(bytes).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    let reference = SecretReference::File("password".into());
    expected.assert_eq(&resolved(reference, Arc::default(), folder.path()).await);
}

#[tokio::test]
async fn a_variable() {
    from_variable(" p w\n", expect![[r#"" p w\n""#]]).await;
    from_variable(
        "",
        expect![[r#"
            no secret for credential `supervisor` from environment variable `FINESSE_PASSWORD`: it is empty
            put the secret there, on one line"#]],
    )
    .await;
    let reference = SecretReference::Env("FINESSE_PASSWROD".to_owned());
    expect![[r#"
        no secret for credential `supervisor` from environment variable `FINESSE_PASSWROD`: it is not set
        set the variable before signoff is started"#]]
    .assert_eq(&resolved(reference, Arc::default(), Path::new(".")).await);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file() {
    from_file(b"secret\n", 0o600, expect![[r#""secret""#]]).await;
    from_file(b"secret\r\n", 0o400, expect![[r#""secret""#]]).await;
    from_file(b" two\nlines\n\n", 0o600, expect![[r#"" two\nlines\n""#]]).await;
    from_file(
        b"\n",
        0o600,
        expect![[r#"
            no secret for credential `supervisor` from file `password`: it is empty
            put the secret there, on one line"#]],
    )
    .await;
    from_file(
        CANARY.as_bytes(),
        0o640,
        expect![[r#"
        no secret for credential `supervisor` from file `password`: others on this machine may read it
        take the others' rights away: `chmod 600 FILE`"#]],
    )
    .await;
    from_file(
        CANARY.as_bytes(),
        0o604,
        expect![[r#"
        no secret for credential `supervisor` from file `password`: others on this machine may read it
        take the others' rights away: `chmod 600 FILE`"#]],
    )
    .await;
    from_file(
        b"c4n4ry-s3cr3t\xff",
        0o600,
        expect![[r#"
        no secret for credential `supervisor` from file `password`: it is not UTF-8
    "#]],
    )
    .await;
    from_file(
        CANARY.repeat(10_000).as_bytes(),
        0o600,
        expect![[r#"
        no secret for credential `supervisor` from file `password`: it is longer than 65536 bytes
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_file_that_is_none() {
    let folder = TempDir::new().unwrap();
    let reference = SecretReference::File("nowhere".into());
    expect![[r#"
        no secret for credential `supervisor` from file `nowhere`: No such file or directory (os error 2)
        name a file that is there, and that you may read; a path starts at the folder of the configuration"#]]
    .assert_eq(&resolved(reference, Arc::default(), folder.path()).await);
    let reference = SecretReference::File("/dev/zero".into());
    expect![[r#"
        no secret for credential `supervisor` from file `/dev/zero`: it is longer than 65536 bytes
    "#]]
    .assert_eq(&resolved(reference, Arc::default(), folder.path()).await);
}

#[cfg(unix)]
#[tokio::test]
async fn a_command() {
    from_command(&["echo", "a", "$HOME"], expect![[r#""a $HOME""#]]).await;
    from_command(&["sh", "-c", "cat; echo done"], expect![[r#""done""#]]).await;
    from_command(
        &["true"],
        expect![[r#"
            no secret for credential `supervisor` from command `true`: it is empty
            put the secret there, on one line"#]],
    )
    .await;
    from_command(
        &[
            "sh",
            "-c",
            "echo c4n4ry-s3cr3t; printf 'no\\033 such\\nentry\\n' >&2; exit 3",
        ],
        expect![[r#"
            no secret for credential `supervisor` from command `sh`: it failed (exit status: 3): no such entry
            run the command by hand, to see what it wants"#]],
    )
    .await;
    from_command(
        &["sh", "-c", "yes error | head -c 100000 >&2; exit 1"],
        expect![[r#"
            no secret for credential `supervisor` from command `sh`: it failed (exit status: 1): ror error error error error error error error error error error error error error error error error error error error error error error error error error error error error error error error error erro
            run the command by hand, to see what it wants"#]],
    )
    .await;
    from_command(
        &["sh", "-c", "kill -9 $$"],
        expect![[r#"
            no secret for credential `supervisor` from command `sh`: it failed (signal: 9 (SIGKILL))
            run the command by hand, to see what it wants"#]],
    )
    .await;
    from_command(
        &["sh", "-c", "echo c4n4ry-s3cr3t; echo bad c4n4ry-s3cr3t >&2; exit 3"],
        expect![[r#"
            no secret for credential `supervisor` from command `sh`: it failed (exit status: 3): bad [redacted]
            run the command by hand, to see what it wants"#]],
    )
    .await;
    from_command(&["no-such-program", "c4n4ry-s3cr3t"], expect![[r#"
        no secret for credential `supervisor` from command `no-such-program`: it could not be started: No such file or directory (os error 2)
        the command is an argument vector, run without a shell: `["pass", "show", "NAME"]`"#]]).await;
    from_command(
        &["yes", "c4n4ry-s3cr3t"],
        expect![[r#"
        no secret for credential `supervisor` from command `yes`: it is longer than 65536 bytes
    "#]],
    )
    .await;
    from_command(
        &[],
        expect![[r#"
        no secret for credential `supervisor` from command ``: it could not be started: it has no words
        the command is an argument vector, run without a shell: `["pass", "show", "NAME"]`"#]],
    )
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_beside_the_configuration() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("bin")).unwrap();
    let program = folder.path().join("bin/password");
    fs::write(&program, "#!/bin/sh\ncat ./bin/vault\n").unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
    fs::write(folder.path().join("bin/vault"), "from the vault\n").unwrap();
    let reference = SecretReference::Command(vec!["bin/password".to_owned()]);
    assert_eq!(
        resolved(reference, Arc::default(), folder.path()).await,
        r#""from the vault""#
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_that_takes_too_long_is_ended() {
    let folder = TempDir::new().unwrap();
    let script = "echo $$ > pid; exec sleep 100";
    let arguments = ["sh", "-c", script].map(str::to_owned);
    let begun = Instant::now();
    let failed = resolve::from_command(&arguments, folder.path(), Duration::from_millis(500)).await;
    assert_eq!(failed.err(), Some(SecretProblem::CommandTimedOut { seconds: 0 }));
    assert!(begun.elapsed() < Duration::from_secs(10));
    let process = fs::read_to_string(folder.path().join("pid")).unwrap();
    // It is gone, or dead and about to be fetched by the runtime.
    let stat = format!("/proc/{}/stat", process.trim());
    let lives = || fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z "));
    while lives() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_person() {
    let answered = resolved(
        SecretReference::Prompt,
        FakeEnvironment::with_answer(Some("pw")),
        Path::new("."),
    );
    assert_eq!(answered.await, r#""pw""#);
    let declined = resolved(
        SecretReference::Prompt,
        FakeEnvironment::with_answer(None),
        Path::new("."),
    );
    expect![[r#"
        no secret for credential `supervisor` from the prompt: `supervisor`: declined
        run it at a terminal, or take the secret from `env`, `file` or `command`"#]]
    .assert_eq(&declined.await);
}

#[test]
fn a_secret_does_not_show_itself() {
    assert_eq!(
        format!("{:?}", Some(Secret::new(CANARY.to_owned()))),
        "Some(Secret([redacted]))"
    );
}

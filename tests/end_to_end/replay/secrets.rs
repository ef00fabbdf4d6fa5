//! Secrets: however one comes into a replay, nothing that is put out has it in clear.

use serde_json::json;

use super::Lab;
use super::labs::page;
use crate::support::Ended;

/// Whatever came out of it, the JUnit report included.
#[track_caller]
fn tells_not(lab: &Lab, ended: &Ended, secrets: &[&str]) {
    let report = std::fs::read_to_string(lab.0.path("report.xml")).unwrap_or_default();
    for secret in secrets {
        for text in [&ended.stdout, &ended.stderr, &report] {
            assert!(!text.contains(secret), "{secret} is told:\n{text}");
        }
    }
}

fn password_of(lab: &Lab, name: &str) -> String {
    let variables = lab.0.sandbox.lab_variables();
    variables.into_iter().find(|(known, _)| known == name).unwrap().1
}

#[test]
fn a_password_that_stands_in_a_page() {
    for format in ["human", "json"] {
        let lab = Lab::new();
        let password = password_of(&lab, "agentA_password");
        let heard =
            "4. In **Pidgin**, you should see a user notification with the ``<state>`` tag value of READY.\n";
        let text = page("agentA", heard)
            .replace("{{agentA_password}}", &password)
            .replace(
                "## Step 7: Sign agent A out",
                &format!("## Step 7: Sign agent A out\n\nThe password is {password}."),
            )
            + &format!("5. In **Chrome**, enter {password}.\n");
        lab.0.write("7.md", &text);
        let shared = ["7.md", "--yes", "--wait", "1", "-v", "--format", format];
        let ended = lab
            .replay(&[&shared[..], &["--junit", "report.xml"]].concat())
            .exits(1);
        assert_eq!(lab.0.sandbox.ledger().logouts_of("agentA").applied, 1);
        tells_not(&lab, &ended, &[&password]);
        let explained = lab.replay(&[&shared[..], &["--explain"]].concat()).exits(0);
        tells_not(&lab, &explained, &[&password]);
    }
}

#[test]
fn a_password_of_the_environment_and_of_the_command_line() {
    let lab = Lab::new();
    // Wrong ones, under a name that says nothing, and under one that does.
    lab.0.write(
        "wrong.json",
        &json!({"values": [{"key": "agentA_key", "value": "canary-of-a-file", "type": "secret"}]})
            .to_string(),
    );
    lab.0.write(
        "7.md",
        &page("agentA", "").replace("{{agentA_password}}", "{{agentA_key}}"),
    );
    let ended = lab.replay(&["7.md", "-e", "wrong.json", "-v"]).exits(1);
    tells_not(&lab, &ended, &["canary-of-a-file"]);
    assert!(ended.stdout.contains("HTTP status 401"), "{}", ended.stdout);
    lab.0.write("7.md", &page("agentA", ""));
    let ended = lab
        .replay(&["7.md", "--var", "agentA_password=canary-of-a-line", "-v"])
        .exits(1);
    tells_not(&lab, &ended, &["canary-of-a-line"]);
    assert!(
        ended
            .stderr
            .starts_with("warning: everybody on this machine can read the value of `agentA_password`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_token_that_is_copied_from_an_answer() {
    for format in ["human", "json"] {
        let lab = Lab::new();
        lab.0.write(
            "token.luau",
            r#"local signoff = require("@signoff")
            local url = "http://{{web-url}}:8082/finesse/api/User/{{agentB_username}}"
            local agent = { username = "{{agentB_username}}", password = "{{agentB_password}}" }
            return signoff.tutorial({ steps = {
                { title = "Copy", request = { method = "GET", url = url, basic = agent }, expect = { element = { lastName = "Smith" } },
                  copy = { session_token = "lastName" } },
                { title = "Use", request = { method = "GET", url = url, bearer = "{session_token}", headers = { ["X-T"] = "{session_token}" } },
                  expect = { status = 401, contains = "{session_token}" } },
            } })"#,
        );
        let ended = lab
            .replay(&["token.luau", "-v", "--junit", "report.xml", "--format", format])
            .exits(1);
        tells_not(&lab, &ended, &["Kovács & Sons", "Kovács &amp; Sons"]);
        assert!(ended.stdout.contains("[redacted]"), "{}", ended.stdout);
    }
}

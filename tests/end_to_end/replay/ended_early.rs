//! Replays that somebody ends: nothing is left with the vendor.

use super::Lab;

/// Subscribes, and then waits for nothing to come.
const WAITS: &str = r#"local signoff = require("@signoff")
return signoff.tutorial({ steps = {
    { title = "Listen", feed = { connect = { username = "{{supervisor_username}}", password = "{{supervisor_password}}" } } },
    { title = "To the team", feed = { subscribe = "/finesse/api/Team/1/Users" }, expect = { confirmed = true, no_notification = "60s" } },
    { title = "Sign out", feed = { disconnect = true } },
    { title = "Look", request = { method = "GET", url = "http://{{web-url}}:8082/x" }, expect = { status = 404 } },
} })
"#;

#[test]
fn what_was_subscribed_to_is_taken_back() {
    for signal in ["INT", "TERM"] {
        let lab = Lab::new();
        lab.0.write("waits.luau", WAITS);
        let arguments = lab.arguments(&["waits.luau", "--format", "json", "--junit", "report.xml"]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut running = lab.0.begin(&arguments);
        let held = |text: String| text.contains("\"held\"");
        running.until(|| std::fs::read_to_string(lab.0.path("stdout")).is_ok_and(held));
        assert!(!lab.0.sandbox.feed_subscriptions().is_empty());
        running.signal(signal);
        let ended = lab.without_secrets(running.wait()).exits(130);
        assert_eq!(lab.0.sandbox.feed_subscriptions(), [], "{signal}");
        let summary = ended.summary();
        assert_eq!(summary["interrupted"], true);
        assert_eq!(summary["passed"], false);
        // What was not checked is told all the same.
        assert_eq!(summary["expectations"], 3);
        assert_eq!(summary["not_reached"], 2, "{}", ended.stdout);
        assert_eq!(summary["steps_not_run"], 2);
        let report = std::fs::read_to_string(lab.0.path("report.xml")).unwrap();
        assert!(report.contains("not reached"), "{report}");
    }
}

#[test]
fn who_fails_leaves_nothing_behind() {
    let lab = Lab::new();
    lab.0.write(
        "fails.luau",
        &WAITS.replace("no_notification = \"60s\"", "subscribed = \"/x\""),
    );
    lab.replay(&["fails.luau", "--bail"]).exits(1);
    assert!(lab.0.sandbox.feed_subscriptions().is_empty());
}

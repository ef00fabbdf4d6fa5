//! Replays that somebody ends: nothing is left with the vendor.

use expect_test::expect;

use super::{Lab, stable, timeless};

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
    let ended = lab
        .replay(&["fails.luau", "--bail", "--junit", "report.xml"])
        .exits(1);
    assert!(lab.0.sandbox.feed_subscriptions().is_empty());
    // What was not begun is told once, under no heading of another step.
    expect![[r#"
        replaying fails

        Step 1: Listen
          → sign in to the feed as supervisorA at finesse.sandbox
          ← confirmed after N

        Step 2: To the team
          → subscribe to /finesse/api/Team/1/Users
          ← confirmed after N
          ✓ the feed's confirmation
          - not checked   a subscription to /x

        steps 3–4 were not run

        1 of 4 steps passed; 1 of 3 expectations held, 2 not checked
        failed in N
    "#]]
    .assert_eq(&stable(&ended));
    let report = std::fs::read_to_string(lab.0.path("report.xml")).unwrap();
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="fails" tests="4" skipped="2" failures="0" errors="1">
            <testsuite name="1 Listen" tests="0" skipped="0" errors="0" failures="0"/>
            <testsuite name="2 To the team" tests="3" skipped="1" errors="1" failures="0">
                <testcase name="1.1 the feed&apos;s confirmation" classname="2 To the team" file="fails.luau" line="4"/>
                <testcase name="1.2 a subscription to /x" classname="2 To the team" file="fails.luau" line="4">
                    <skipped message="not reached: what it rests on did not happen"/>
                </testcase>
                <testcase name="the step" classname="2 To the team" file="fails.luau" line="4">
                    <error message="it did not come to its end" type="unfinished"/>
                </testcase>
            </testsuite>
            <testsuite name="3 Sign out" tests="0" skipped="0" errors="0" failures="0"/>
            <testsuite name="4 Look" tests="1" skipped="1" errors="0" failures="0">
                <testcase name="1.1 HTTP status 404" classname="4 Look" file="fails.luau" line="6">
                    <skipped message="not reached: what it rests on did not happen"/>
                </testcase>
            </testsuite>
        </testsuites>
    "#]].assert_eq(&timeless(&report));
}

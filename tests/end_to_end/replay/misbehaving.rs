//! A vendor that misbehaves: a tutorial fails at the step where that shows, with what came.

use serde_json::Value;

use super::Lab;

/// How the sandbox misbehaves, which tutorial is replayed, the first step that fails, and what is said of it.
const WAYS: [(&str, &str, &str, &str); 15] = [
    (
        "status=OUT_OF_SERVICE",
        "@user",
        "1",
        "<status> is OUT_OF_SERVICE",
    ),
    (
        "unavailable@GET/finesse/api/SystemInfo",
        "@user",
        "1",
        "HTTP status 503",
    ),
    ("page@GET", "@user", "1", "a body that is no XML"),
    ("redirect", "@user", "1", "127.0.0.1:8445"),
    ("feed_off", "@user", "2", "the notification service at"),
    ("feed_no_plain", "@user", "2", "the server takes no PLAIN"),
    ("feed_not_authorized=0", "@user", "2", "not-authorized"),
    (
        "truncate@GET/finesse/api/User",
        "@user",
        "3",
        "connection closed too soon",
    ),
    ("reset_after@PUT", "@user", "4", "connection reset"),
    ("error_500@PUT", "@user", "4", "HTTP status 500"),
    ("feed_lost", "@user", "4", "none within 1 s"),
    ("feed_reset", "@user", "4", "the feed was lost"),
    ("never_apply", "@user", "4", "none within 1 s"),
    ("cti_error=33@PUT", "@user", "4", "33"),
    (
        "malformed@GET/finesse/api/Team",
        "@supervisor",
        "5",
        "a body that is no XML",
    ),
];

#[test]
fn each_way_shows_at_its_step() {
    for (fault, tutorial, step, words) in WAYS {
        let lab = Lab::new();
        lab.0.fault(fault);
        let ended = lab.replay(&[tutorial, "--bail", "--wait", "1", "--format", "json"]);
        assert_eq!(ended.code, Some(1), "{fault}: {}{}", ended.stdout, ended.stderr);
        let lines = ended.lines();
        let failed = lines
            .iter()
            .find(|line| line["event"] == "step_ended" && line["passed"] == false);
        let failed = failed.unwrap_or_else(|| panic!("{fault}: nothing fails: {}", ended.stdout));
        assert_eq!(failed["step"], step, "{fault}: {}", ended.stdout);
        let said = |line: &Value| {
            [&line["came"], &line["message"]]
                .iter()
                .filter_map(|text| text.as_str())
                .any(|text| text.contains(words))
        };
        assert!(
            lines.iter().any(said),
            "{fault}: nobody says `{words}`: {}",
            ended.stdout
        );
        assert_eq!(ended.summary()["passed"], false);
    }
}

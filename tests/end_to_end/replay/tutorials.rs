//! The tutorials that come with signoff, and those of one's own in Luau.

use expect_test::expect;
use serde_json::Value;

use super::{Lab, stable};

#[test]
fn both_tutorials_pass_on_the_sandbox() {
    for (name, steps) in [("@user", 8), ("@supervisor", 14)] {
        let lab = Lab::new();
        let ended = lab.replay(&[name, "--format", "json"]).exits(0);
        let summary = ended.summary();
        assert_eq!(summary["passed"], true, "{}", ended.stdout);
        assert_eq!(summary["steps"], steps);
        assert_eq!(summary["held"], summary["expectations"]);
        // Nothing is left behind.
        assert!(lab.0.sandbox.feed_subscriptions().is_empty());
        let site = crate::support::Site::with(signoff_sandbox::Settings::lab());
        site.run(&["replay", name, "--sandbox"]).exits(0);
    }
}

#[test]
fn a_learner_reads_along() {
    let lab = Lab::new();
    expect![[r#"
        replaying A user signs in, changes state, and signs out

        Step 3: Who am I?
          → GET ORIGIN/finesse/api/User/agentB   as agentB
          ← 200 after N
              <User>
                <dialogs>/finesse/api/User/agentB/Dialogs</dialogs>
                <extension/>
                <firstName>Bálint</firstName>
                <lastName>Kovács &amp; Sons</lastName>
                <loginId>agentB</loginId>
                <loginName>agentB</loginName>
                <mediaType>1</mediaType>
              … 16 more lines; `-v` shows them
          {teamId} is now 1
          ✓ HTTP status 200
          ✓ <loginId> is agentB
          ✓ <state> is LOGOUT

        1 of 1 steps passed; 3 of 3 expectations held
        passed in N
    "#]]
    .assert_eq(&stable(&lab.replay(&["@user", "--folder", "3"]).exits(0)));
    expect![[r#"
        A user signs in, changes state, and signs out

        Step 1: Is Finesse in service?
          Anybody may ask; nobody needs a password for it.
          → GET http://{{web-url}}:8082/finesse/api/SystemInfo
            expects HTTP status 200
            expects <status> is IN_SERVICE
            expects <xmppDomain> is {{xmpp-domain}}

        Step 2: Listen to the notifications
          A user hears of himself without subscribing to anything.
          → sign in to the feed as {{agentB_username}}
            expects the feed's confirmation

        Step 3: Who am I?
          A user may read himself. He is signed out, and a member of a team.
          → GET http://{{web-url}}:8082/finesse/api/User/{{agentB_username}} as {{agentB_username}}
            expects HTTP status 200
            expects <loginId> is {{agentB_username}}
            expects <state> is LOGOUT
            keeps <teamId> as {teamId}

        Step 4: Sign in
          To sign in is a change of state as well, and names the phone that goes with it. Who signs in is not ready.
          → PUT http://{{web-url}}:8082/finesse/api/User/{{agentB_username}} as {{agentB_username}}
            expects HTTP status 202
            expects an empty body
            expects a user notification with <loginId> {{agentB_username}} and <state> NOT_READY

        Step 5: Take calls
          From here on calls come.
          → PUT http://{{web-url}}:8082/finesse/api/User/{{agentB_username}} as {{agentB_username}}
            expects HTTP status 202
            expects an empty body
            expects a user notification with <loginId> {{agentB_username}} and <state> READY

        Step 6: Take no more calls
          A break, before it is over for today.
          → PUT http://{{web-url}}:8082/finesse/api/User/{{agentB_username}} as {{agentB_username}}
            expects HTTP status 202
            expects an empty body
            expects a user notification with <loginId> {{agentB_username}} and <state> NOT_READY

        Step 7: Sign out
          The answer says only that it was understood. The notification says that it has happened.
          → PUT http://{{web-url}}:8082/finesse/api/User/{{agentB_username}} as {{agentB_username}}
            expects HTTP status 202
            expects an empty body
            expects a user notification with <loginId> {{agentB_username}} and <state> LOGOUT

        Step 8: Listen no more
          Whoever leaves says so.
          → sign out of the feed
    "#]].assert_eq(&stable(&lab.replay(&["@user", "--explain"]).exits(0)));
}

#[test]
fn a_program_reads_what_would_be_done() {
    let lab = Lab::new();
    let lines = lab
        .replay(&["@user", "--explain", "--format", "json"])
        .exits(0)
        .lines();
    assert_eq!(lines.len(), 8);
    expect![[r#"{"event":"task","place":"@user:44","step":"3","title":"Who am I?","action":"GET http://{{web-url}}:8082/finesse/api/User/{{agentB_username}} as {{agentB_username}}","expects":["HTTP status 200","<loginId> is {{agentB_username}}","<state> is LOGOUT"],"keeps":[{"variable":"teamId","from":"<teamId>"}]}"#]].assert_eq(&lines[2].to_string());
}

#[test]
fn a_program_reads_along() {
    let lab = Lab::new();
    let ended = lab
        .replay(&["@user", "--format", "json", "--folder", "1"])
        .exits(0);
    let mut shown = String::new();
    for mut line in ended.lines() {
        for (key, value) in line.as_object_mut().unwrap() {
            if matches!(key.as_str(), "elapsed_ms" | "url" | "body" | "headers") && !value.is_null() {
                *value = Value::from("…");
            }
        }
        shown.push_str(&line.to_string());
        shown.push('\n');
    }
    expect![[r#"
        {"event":"replay","title":"A user signs in, changes state, and signs out","steps":1}
        {"event":"step","step":"1","title":"Is Finesse in service?","place":"@user:36"}
        {"event":"sent","step":"1","task":0,"what":"request","method":"GET","url":"…","user":null,"headers":"…","body":null}
        {"event":"answer","step":"1","task":0,"http_status":200,"headers":"…","body":"…","elapsed_ms":"…"}
        {"event":"expectation","step":"1","task":0,"place":"@user:36","expected":"HTTP status 200","result":"held","seen":null}
        {"event":"expectation","step":"1","task":0,"place":"@user:36","expected":"<status> is IN_SERVICE","result":"held","seen":null}
        {"event":"expectation","step":"1","task":0,"place":"@user:36","expected":"<xmppDomain> is finesse.sandbox","result":"held","seen":null}
        {"event":"task","step":"1","task":0,"elapsed_ms":"…","result":"passed"}
        {"event":"step_ended","step":"1","passed":true,"elapsed_ms":"…"}
        {"event":"summary","passed":true,"interrupted":false,"steps":1,"failed_steps":0,"steps_not_run":0,"expectations":3,"held":3,"failed":0,"skipped":0,"not_reached":0,"broken":0,"elapsed_ms":"…"}
    "#]].assert_eq(&shown);
}

#[test]
fn mistakes_in_a_tutorial_are_named_before_anything_is_sent() {
    let lab = Lab::new();
    lab.0.write(
        "own.luau",
        "local signoff = require('@signoff')\nreturn signoff.tutorial({ steps = {\n  { title = 'One', request = { methd = 'GET' } },\n} })\n",
    );
    expect![[r#"
        error: own.luau: `tutorial.steps[1].request.methd` is no part of it; did you mean `method`?
        error: own.luau: `tutorial.steps[1].request` has no `method`
        error: own.luau: `tutorial.steps[1].request` has no `url`
          = help: `scripts/types/signoff.luau` has the types of a tutorial
    "#]]
    .assert_eq(&stable(&lab.replay(&["own.luau"]).exits(3)));
    expect![[r#"
        error: no tutorial `@usr` comes with signoff
          = help: did you mean `@user`?
    "#]]
    .assert_eq(&stable(&lab.replay(&["@usr"]).exits(3)));
    assert!(lab.0.sandbox.ledger().requests().is_empty());
}

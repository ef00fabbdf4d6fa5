//! Lab texts: what is sent is what the page says, and every expectation is checked.

use expect_test::expect;

use super::{Lab, stable, timeless};
use crate::support::{http, serve};

/// An agent signs out, and a supervisor logs an agent out: steps of two labs, each replayed alone.
const SIGN_OUT: &str = "## Step 7: Sign agent A out

> The API for it
>  ```http
http://<FQDN>:8082/finesse/api/User/{id}
```

Only the `<state>` is another one:
```xml
<User>
   <state>[New State]</state>
</User>
```

1. In **Postman**, construct a REST **PUT** request for the ``/User`` resource.
 * In the field marked *Enter request URL here*, put the URL: ``http://{{web-url}}:8082/finesse/api/User/{{agentA_username}}``.
 * From the request method dropdown menu, select **PUT**.
 * Select the **Authorization** tab, and select **Basic Auth**. A form appears.
 * For the Basic Auth **username** value, enter the agent's: ``{{ACTOR_username}}``.
 * For the Basic Auth **password** value, enter the agent's: ``{{ACTOR_password}}``.
 * Select **XML (application/xml)** from the dropdown menu.
 * In the large body text box, put the following XML user data:
```xml
<User>
        <state>LOGOUT</state>
</User>
```
2. Click **Send** to launch the request.
3. If it is successful, you should see a HTTP status of 202 Accepted and an empty body text box.
";
const HEARD: &str =
    "4. In **Pidigin**, you should see a user notification with the ``<state>`` tag value of LOGOUT.\n";
const NOT_HEARD: &str = "4. In **Adium**, on the console, you should not see any notifications.
5. In **Chrome**, go to the agent's desktop. You should see that he is signed out.
";

/// The page, as who sends it, with this at its end.
pub(super) fn page(actor: &str, end: &str) -> String {
    SIGN_OUT.replace("ACTOR", actor) + end
}

#[test]
fn an_agent_signs_out_and_is_heard_of() {
    let lab = Lab::new();
    lab.0.write("7.md", &page("agentA", HEARD));
    let ended = lab.replay(&["7.md"]).exits(0);
    expect![[r#"
        replaying 7.md

        Step 7: Sign agent A out
          → listens first: agentA at finesse.sandbox, because no earlier step has
          → PUT ORIGIN/finesse/api/User/agentA   as agentA
              Content-Type: application/xml
              <User>
                      <state>LOGOUT</state>
              </User>
          ← 202 after N
          ✓ HTTP status 202
          ✓ an empty body
          ✓ a user notification with <state> LOGOUT
              event PUT, source /finesse/api/User/agentA, loginId agentA, state LOGOUT, reasonCodeId -1

        1 of 1 steps passed; 3 of 3 expectations held
        passed in N
    "#]]
    .assert_eq(&stable(&ended));
    let ledger = lab.0.sandbox.ledger();
    assert_eq!(ledger.logouts_of("agentA").applied, 1);
    let puts: Vec<String> = ledger
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT")
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    expect!["PUT /finesse/api/User/agentA"].assert_eq(&puts.join("\n"));
}

#[test]
fn a_supervisor_logs_an_agent_out_and_hears_nothing() {
    let lab = Lab::new();
    lab.0.write("12.md", &page("supervisor", NOT_HEARD));
    let ended = lab.replay(&["12.md"]).exits(2);
    expect![[r#"
        error: some steps can only be done by a person, and there is no terminal to ask at
          = help: `--yes` passes over them, as skipped
    "#]]
    .assert_eq(&stable(&ended));
    let ended = lab.replay(&["12.md", "--yes"]).exits(0);
    expect![[r#"
        replaying 12.md

        Step 7: Sign agent A out
          → listens first: supervisorA at finesse.sandbox, because no earlier step has
          → PUT ORIGIN/finesse/api/User/agentA   as supervisorA
              Content-Type: application/xml
              <User>
                      <state>LOGOUT</state>
              </User>
          ← 202 after N
          ✓ HTTP status 202
          ✓ an empty body
          ✓ no notification
              none within 3 s
          ☞ In Chrome, go to the agent's desktop.
          - skipped   a person sees: You should see that he is signed out.

        1 of 1 steps passed; 3 of 4 expectations held, 1 skipped, for a person
        passed in N
    "#]]
    .assert_eq(&stable(&ended));
    assert_eq!(lab.0.sandbox.ledger().logouts_of("agentA").applied, 1);
}

#[test]
fn what_does_not_hold_is_shown_with_what_came() {
    let lab = Lab::new();
    lab.0.write(
        "7.md",
        &page("agentA", HEARD)
            .replace("202 Accepted", "200 OK")
            .replace("of LOGOUT", "of READY"),
    );
    let ended = lab.replay(&["7.md", "--junit", "report.xml"]).exits(1);
    expect![[r#"
        replaying 7.md

        Step 7: Sign agent A out
          → listens first: agentA at finesse.sandbox, because no earlier step has
          → PUT ORIGIN/finesse/api/User/agentA   as agentA
              Content-Type: application/xml
              <User>
                      <state>LOGOUT</state>
              </User>
          ← 202 after N
          ✗ HTTP status 200
              expected  HTTP status 200
              came      HTTP status 202
                                      ^
          ✓ an empty body
          ✗ a user notification with <state> READY
              expected  a user notification with <state> READY
              came      within 10 s only: event PUT, source /finesse/api/User/agentA, loginId agentA, state LOGOUT, reasonCodeId -1

        0 of 1 steps passed; 1 of 3 expectations held, 2 failed
        failed in N
    "#]].assert_eq(&stable(&ended));
    let report = std::fs::read_to_string(lab.0.path("report.xml")).unwrap();
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="7.md" tests="3" skipped="0" failures="2" errors="0">
            <testsuite name="7 Sign agent A out" tests="3" skipped="0" errors="0" failures="2">
                <testcase name="1.1 HTTP status 200" classname="7 Sign agent A out" file="7.md" line="29">
                    <failure message="expected HTTP status 200, and came HTTP status 202" type="not as expected"/>
                </testcase>
                <testcase name="1.2 an empty body" classname="7 Sign agent A out" file="7.md" line="29"/>
                <testcase name="1.3 a user notification with &lt;state&gt; READY" classname="7 Sign agent A out" file="7.md" line="30">
                    <failure message="expected a user notification with &lt;state&gt; READY, and came within 10 s only: event PUT, source /finesse/api/User/agentA, loginId agentA, state LOGOUT, reasonCodeId -1" type="not as expected"/>
                </testcase>
            </testsuite>
        </testsuites>
    "#]].assert_eq(&timeless(&report));
}

#[test]
fn nothing_is_sent_of_what_is_no_lab() {
    let lab = Lab::new();
    lab.0.write(
        "prose.md",
        "# Logging out\n\nPeople forget it. A list on the wall helps.\n",
    );
    expect![[r#"
        error: prose.md: there is nothing to replay: no heading such as `## Step 1: …`; no sentence that states a method, such as `construct a REST **PUT** request`; no URL in double backticks after `put the URL`; nothing is sent: no `Click **Send**`
          = help: `--explain` shows how each sentence was understood
    "#]].assert_eq(&stable(&lab.replay(&["prose.md"]).exits(3)));
    lab.0.write(
        "half.md",
        &page("agentA", HEARD)
            .replace("construct a REST **PUT** request", "make a request")
            .replace("select **PUT**", "select the right one"),
    );
    expect![[r#"
        error: half.md:15: it tells to do something that is not known: In Postman, make a request for the `/User` resource.
        error: half.md:17: it tells to do something that is not known: From the request method dropdown menu, select the right one.
        error: half.md:28: a request is sent of which no method is stated
          = help: `--explain` shows how each sentence was understood; nothing is sent until this is mended
    "#]].assert_eq(&stable(&lab.replay(&["half.md"]).exits(3)));
    expect![[r#"
        error: nowhere.md: there is no such file or folder
          = help: name a file, or a folder of pages such as `1.md`, `2.md`
    "#]]
    .assert_eq(&stable(&lab.replay(&["nowhere.md"]).exits(3)));
    assert!(lab.0.sandbox.ledger().requests().is_empty());
}

#[test]
fn what_stands_in_no_step_is_not_passed_over() {
    let lab = Lab::new();
    let folder = lab.0.path("pages");
    std::fs::create_dir(&folder).unwrap();
    lab.0.write("pages/7.md", &page("agentA", HEARD));
    let eight = page("agentA", HEARD).replace("## Step 7: Sign agent A out", "# Sign agent A out");
    lab.0.write("pages/8.md", &eight);
    expect![[r#"
        error: pages/8.md:15: this stands before any heading such as `## Step 1: …`
          = help: `--explain` shows how each sentence was understood; nothing is sent until this is mended
    "#]]
    .assert_eq(&stable(&lab.replay(&["pages"]).exits(3)));
    lab.0.write(
        "read.luau",
        "return require('@signoff').tutorial({ steps = { { title = 'Read', text = 'This.' } } })",
    );
    expect![[r#"
        error: read.luau: there is nothing to do in it but to read
          = help: `--explain` shows how it is understood
    "#]]
    .assert_eq(&stable(&lab.replay(&["read.luau"]).exits(3)));
    assert!(lab.0.sandbox.ledger().requests().is_empty());
}

#[test]
fn what_is_missing_is_told_before_anything_is_sent() {
    let lab = Lab::new();
    lab.0.write(
        "two.md",
        &(page("agentA", HEARD)
            + "\n## Step 8: Look\n1. Construct a REST **GET** request. Put the URL ``http://{{web-url}}:{{port}}/Team/{teamId}`` there.\n\
               2. Click **Send**. You should see the ``<id>`` tag value of ``{{the_id}}``.\n"),
    );
    expect![[r#"
        error: two.md:34: the variable `{{port}}` has no value
        error: two.md:34: no step before this one copies a value for `{teamId}`
        error: two.md:34: the variable `{{the_id}}` has no value
          = help: give it a value: `--var NAME=VALUE`, or `-e FILE` with an environment; nothing was sent
    "#]]
    .assert_eq(&stable(&lab.replay(&["two.md"]).exits(3)));
    lab.0.write("7.md", &page("agentA", HEARD));
    expect![[r#"
        error: the JUnit report cannot be written to nowhere/report.xml: No such file or directory (os error 2)
          = help: name a file in a folder that you may write to
    "#]]
    .assert_eq(&stable(&lab.replay(&["7.md", "--junit", "nowhere/report.xml"]).exits(2)));
    assert!(lab.0.sandbox.ledger().requests().is_empty());
    // What is not replayed needs nothing.
    lab.replay(&["two.md", "--folder", "7"]).exits(0);
}

#[test]
fn what_is_given_and_changes_nothing_is_told() {
    let lab = Lab::new();
    lab.0.write("7.md", &page("agentA", HEARD));
    // By way of another variable, and for a domain that no page names, it is used.
    lab.0
        .write("more.json", r#"{"agentA_dn": "{{dn}}", "web-url": "{{host}}"}"#);
    let ended = lab
        .replay(&[
            "7.md",
            "-e",
            "more.json",
            "--var",
            "host=127.0.0.1",
            "--var",
            "web-urll=x",
            "--var",
            "dn=1",
            "--var",
            "xmpp-domain=finesse.sandbox",
        ])
        .exits(0);
    expect![[r#"
        warning: no step uses the variable `web-urll`
        warning: no step uses the variable `dn`
    "#]]
    .assert_eq(&ended.stderr);
    let ended = lab.0.run(&[
        "replay",
        "7.md",
        "-e",
        "lab.json",
        "--map-port",
        "8444=8445/https",
    ]);
    expect![[r#"
        warning: no `--map-port` is for a port that the tutorial names: 5222, 8082
    "#]]
    .assert_eq(&ended.stderr);
    let ended = lab
        .replay(&["7.md", "--var", "web-url=http://127.0.0.1"])
        .exits(3);
    expect![[r#"
        error: the variable `{{web-url}}` holds a whole address, and stands where a host alone belongs
          = help: give it the host; `--base-url URL` sends all requests to another address
    "#]]
    .assert_eq(&stable(&ended));
}

#[test]
fn a_body_is_shown_once() {
    let origin = serve(|_| http("500 Oops", "", "<why>the one reason</why>"));
    let lab = Lab::new();
    lab.0.write(
        "look.luau",
        r#"return require("@signoff").tutorial({ steps = { {
            title = "Look", request = { method = "GET", url = "http://127.0.0.1/" },
            expect = { status = 200, body = "empty", contains = "z" },
        } } })"#,
    );
    let shared = [
        "replay",
        "look.luau",
        "--base-url",
        &origin,
        "--junit",
        "report.xml",
    ];
    let ended = lab.0.run(&shared).exits(1);
    assert_eq!(
        ended.stdout.matches("the one reason").count(),
        1,
        "{}",
        ended.stdout
    );
    // Who is not shown the answer sees it with what failed.
    let ended = lab.0.run(&[&shared[..], &["-q"]].concat()).exits(1);
    assert_eq!(
        ended.stdout.matches("the one reason").count(),
        3,
        "{}",
        ended.stdout
    );
    let report = std::fs::read_to_string(lab.0.path("report.xml")).unwrap();
    assert!(report.contains("HTTP status 500: &lt;why&gt;"), "{report}");
}

#[test]
fn it_explains_how_each_sentence_is_understood() {
    let lab = Lab::new();
    lab.0.write("12.md", &page("supervisor", NOT_HEARD));
    expect![[r#"
        Step 7: Sign agent A out
           3  The API for it
              → explains
           4  http://<FQDN>:8082/finesse/api/User/{id}
              → an illustration
           8  Only the `<state>` is another one:
              → explains
           9  <User><state>[New State]</state></User>
              → an illustration
          15  In Postman, construct a REST PUT request for the `/User` resource.
              → method: PUT
          16  In the field marked Enter request URL here, put the URL: `http://{{web-url}}:8082/finesse/api/User/{{agentA_username}}`.
              → URL: http://{{web-url}}:8082/finesse/api/User/{{agentA_username}}
          17  From the request method dropdown menu, select PUT.
              → method: PUT
          18  Select the Authorization tab, and select Basic Auth.
              → authentication: Basic
          18  A form appears.
              → about a window: nothing to do
          19  For the Basic Auth username value, enter the agent's: `{{supervisor_username}}`.
              → user name: {{supervisor_username}}
          20  For the Basic Auth password value, enter the agent's: `{{supervisor_password}}`.
              → password: {{supervisor_password}}
          21  Select XML (application/xml) from the dropdown menu.
              → content type: application/xml
          22  In the large body text box, put the following XML user data:
              → what is sent follows
          23  <User><state>LOGOUT</state></User>
              → what is sent
          28  Click Send to launch the request.
              → sends
          29  If it is successful, you should see a HTTP status of 202 Accepted and an empty body text box.
              → expects: HTTP status 202, an empty body
          30  In Adium, on the console, you should not see any notifications.
              → expects: no notification
          31  In Chrome, go to the agent's desktop.
              → only a person can do it
          31  You should see that he is signed out.
              → only a person can see it

        sentences: 19, not understood: 0, steps: 1, things to do: 2
    "#]].assert_eq(&stable(&lab.replay(&["12.md", "--explain"]).exits(0)));
    let json = lab.replay(&["12.md", "--explain", "--format", "json"]).exits(0);
    assert!(
        json.lines().iter().all(|line| line["understood"] == true),
        "{}",
        json.stdout
    );
    assert!(lab.0.sandbox.ledger().requests().is_empty());
}

#[test]
fn mistakes_of_the_command_line_are_named() {
    let lab = Lab::new();
    lab.0.write("7.md", &page("agentA", HEARD));
    lab.0.write("list.json", "[1]");
    for (arguments, expected) in [
        (
            &["7.md", "--folder", "Step 9"][..],
            expect![[r#"
            error: there is no step `Step 9`
              = help: the steps are `7` (Sign agent A out)
        "#]],
        ),
        (
            &["7.md", "--map-port", "8082"],
            expect![[r#"
            error: `--map-port`: `8082` does not say which port becomes which: `8082=8445/https`, `5222=5223/tls`
        "#]],
        ),
        (
            &["7.md", "--base-url", "finesse"],
            expect![[r#"
            error: `--base-url finesse` is no URL of the web
              = help: write it as `https://HOST:PORT`
        "#]],
        ),
        (
            &["7.md", "--var", "x"],
            expect![[r#"
            error: `--var` takes a name and a value
              = help: write it as `--var web-url=finesse.example.com`
        "#]],
        ),
        (
            &["7.md", "-e", "list.json"],
            expect![[r#"
            error: list.json is no environment: it holds no names and values
              = help: an environment is what Postman exports, or an object of names and values: `{"web-url": "finesse.example.com"}`
        "#]],
        ),
        (
            &["7.md", "-e", "gone.json"],
            expect![[r#"
            error: gone.json: No such file or directory (os error 2)
              = help: name a file with an environment
        "#]],
        ),
    ] {
        expected.assert_eq(&stable(&lab.replay(arguments).exits(2)));
    }
    assert!(lab.0.sandbox.ledger().requests().is_empty());
}

#[test]
fn who_wants_to_hear_little_hears_what_failed_and_where() {
    let lab = Lab::new();
    let heard = HEARD.replace("of LOGOUT", "of READY");
    lab.0.write("7.md", &page("agentA", &heard));
    expect![[r#"

        Step 7: Sign agent A out
          ✗ a user notification with <state> READY
              expected  a user notification with <state> READY
              came      within 1 s only: event PUT, source /finesse/api/User/agentA, loginId agentA, state LOGOUT, reasonCodeId -1

        0 of 1 steps passed; 2 of 3 expectations held, 1 failed
        failed in N
    "#]].assert_eq(&stable(&lab.replay(&["7.md", "-q", "--wait", "1"]).exits(1)));
    let lab = Lab::new();
    lab.0.write("7.md", &page("agentA", HEARD));
    expect![[r#"

        1 of 1 steps passed; 3 of 3 expectations held
        passed in N
    "#]]
    .assert_eq(&stable(&lab.replay(&["7.md", "-q"]).exits(0)));
}

#[test]
fn a_server_moves_no_cursor() {
    let lab = Lab::new();
    let hostile = "\u{1b}[2J\u{202e}evil\u{7}\u{9b}31m\u{200b}";
    let origin = serve(move |_| {
        http(
            "500 Oops",
            "X-Name: \u{202e}evil\r\n",
            &format!("<a>{hostile}\n{hostile}</a>"),
        )
    });
    lab.0.write(
        "hostile.luau",
        r#"return require("@signoff").tutorial({ steps = { {
            title = "Look", request = { method = "GET", url = "http://127.0.0.1/" },
            expect = { status = 200, body = "empty", contains = "z", has_header = "X-Name", element = { a = "b" } },
            copy = { name = "a" },
        } } })"#,
    );
    for more in [&["-v"][..], &["--color", "always"], &["--junit", "report.xml"]] {
        let ended = lab
            .0
            .run(&[&["replay", "hostile.luau", "--base-url", &origin][..], more].concat())
            .exits(1);
        let report = std::fs::read_to_string(lab.0.path("report.xml")).unwrap_or_default();
        assert!(ended.stdout.contains("evil"), "{}", ended.stdout);
        for bad in ["\u{1b}[2J", "\u{202e}", "\u{7}", "\u{9b}"] {
            for text in [&ended.stdout, &ended.stderr] {
                assert!(!text.contains(bad), "{bad:?} in {text:?}");
            }
        }
        assert!(!report.contains(['\u{1b}', '\u{7}']), "{report:?}");
        assert_eq!(
            ended.stdout.contains("\u{1b}[31m"),
            more.contains(&"always"),
            "{:?}",
            ended.stdout
        );
    }
}

#[test]
fn a_sandbox_of_another_process_says_how_to_replay_on_it() {
    let lab = Lab::new();
    lab.0.write("7.md", &page("agentA", HEARD));
    let printed = || std::fs::read_to_string(lab.0.path("stdout")).unwrap_or_default();
    let told = |text: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.contains("--map-port"));
        let words = line
            .unwrap_or_default()
            .split([' ', '`'])
            .skip_while(|word| *word != "FILE")
            .skip(1);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let mut sandbox = lab.0.begin(&["sandbox", "--environment", "other.json"]);
    let errors = || std::fs::read_to_string(lab.0.path("stderr")).unwrap_or_default();
    sandbox.until(|| (printed() + &errors()).contains("/tls`"));
    let arguments = told(&(printed() + &errors()));
    let arguments: Vec<&str> = ["replay", "7.md"]
        .into_iter()
        .chain(arguments.iter().map(String::as_str))
        .collect();
    let ended = lab.0.beside(&arguments).exits(0);
    assert!(
        ended.stdout.contains("3 of 3 expectations held"),
        "{}",
        ended.stdout
    );
    sandbox.signal("TERM");
    sandbox.wait();
    // It was that one, and not ours.
    assert!(lab.0.sandbox.ledger().requests().is_empty());
}

#[test]
fn a_feed_of_another_domain_says_which_it_was() {
    let lab = Lab::new();
    lab.0.fault("feed_not_authorized=0");
    let pages = crate::support::repository().join("crates/replay/tests/pages/agent_lab/3.md");
    let page = pages.to_string_lossy().into_owned();
    let ended = lab
        .replay(&[&page, "--var", "xmpp-domain=elsewhere.example"])
        .exits(1);
    assert!(
        ended
            .stdout
            .contains("the domain was `elsewhere.example`; `--var xmpp-domain=DOMAIN` names another"),
        "{}",
        ended.stdout
    );
    // The environment knows better than the page.
    let lab = Lab::new();
    let ended = lab.replay(&[&page]).exits(0);
    assert!(
        ended.stdout.contains("as agentB at finesse.sandbox"),
        "{}",
        ended.stdout
    );
}

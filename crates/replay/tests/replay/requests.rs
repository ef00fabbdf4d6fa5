//! Requests: what is sent, what is copied, where redirects lead, and what is never sent.

use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use serde_json::json;
use signoff_core::FailureKind;
use signoff_replay::runner::{Acted, Seen};
use signoff_replay::variables::{Scope, Variables};

use crate::support::{Says, Says1, World, declared, page, settings, told, told_until, written};

const WHO: &str = "<User><teams><Team><id>7</id></Team></teams><extension>1001</extension></User>";

#[tokio::test]
async fn what_one_step_copies_the_next_sends() {
    let world = Arc::new(World::answering([Says::status(200).body(WHO), Says::status(200)]));
    expect![[r#"
        == Who am I?
        > GET http://127.0.0.1/User/s1 as nobody [] -
        < 200 <User><teams><Team><id>7</id></Team></teams><extension>1001</extension></User>
          teamId = Ok("7")
          extension = Ok("1001")
          ok HTTP status 200
        == My team
        > GET http://127.0.0.1/Team/7?ext=1001 as nobody [] -
        < 200 
        passed: 1 of 1 held, 0 failed, 0 skipped, 0 not reached, 0 broken, 0 of 2 steps failed, 0 not run
    "#]]
    .assert_eq(&told(page("copies.md"), settings(&world)).await);
}

#[tokio::test]
async fn what_cannot_be_copied_is_not_sent() {
    let world = Arc::new(World::answering([
        Says::status(500).body("oops"),
        Says::status(200),
    ]));
    expect![[r#"
        == Who am I?
        > GET http://127.0.0.1/User/s1 as nobody [] -
        < 500 oops
          teamId = Err("a body that is no XML (not a usable XML document at byte 0: there is something outside of the root element): oops")
          extension = Err("a body that is no XML (not a usable XML document at byte 0: there is something outside of the root element): oops")
          NO HTTP status 200
             came HTTP status 500: oops
        == My team
          broken: no step has copied a value for `{teamId}`, and the environment has none; give it a value: `--var NAME=VALUE`, or `-e FILE` with an environment
        failed: 0 of 1 held, 1 failed, 0 skipped, 0 not reached, 1 broken, 2 of 2 steps failed, 0 not run
    "#]].assert_eq(&told(page("copies.md"), settings(&world)).await);
    assert_eq!(world.arrived.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn half_understood_is_not_passed() {
    let world = Arc::new(World::answering([Says::status(200)]));
    expect![[r#"
        == Half of it is understood
        > GET http://127.0.0.1/Queues as nobody [] -
        < 200 
          NO NOT UNDERSTOOD: You should see nothing yet.
             came this was not understood
          ok HTTP status 200
          NO NOT UNDERSTOOD: a list of three queues
             came this was not understood
          NO NOT UNDERSTOOD: You should see how long they are.
             came this was not understood
          NO NOT UNDERSTOOD: The second must never be empty!
             came this was not understood
        failed: 1 of 5 held, 4 failed, 0 skipped, 0 not reached, 0 broken, 1 of 1 steps failed, 0 not run
    "#]]
    .assert_eq(&told(page("half.md"), settings(&world)).await);
}

#[tokio::test]
async fn the_first_failure_ends_it_if_that_is_asked_for() {
    let world = Arc::new(World::answering([Says::status(404)]));
    let settings = signoff_replay::runner::Settings {
        bail: true,
        ..settings(&world)
    };
    expect![[r#"
        == Who am I?
        > GET http://127.0.0.1/User/s1 as nobody [] -
        < 404 
          teamId = Err("no body")
          extension = Err("no body")
          NO HTTP status 200
             came HTTP status 404
        failed: 0 of 1 held, 1 failed, 0 skipped, 0 not reached, 0 broken, 1 of 2 steps failed, 1 not run
    "#]]
    .assert_eq(&told(page("copies.md"), settings).await);
}

#[tokio::test]
async fn nobody_at_all_is_told_with_what_to_do() {
    let world = Arc::new(World::default());
    expect![[r#"
        == Is it there?
        > GET http://127.0.0.1:8082/finesse/api/SystemInfo as nobody [] -
          not reached HTTP status 200
          not reached <status> is IN_SERVICE
          not reached <primaryNode> is {{web-url}}
          broken: nobody is there; look for somebody
        failed: 0 of 3 held, 0 failed, 0 skipped, 3 not reached, 1 broken, 1 of 1 steps failed, 0 not run
    "#]]
    .assert_eq(&told(page("status.md"), settings(&world)).await);
}

#[tokio::test]
async fn limits_of_the_command_line_are_named_where_they_end_an_exchange() {
    for (fails, named) in [
        (FailureKind::TimedOut, "`--timeout SECONDS`"),
        (FailureKind::TooLarge, "`--max-response-size SIZE`"),
        (FailureKind::Broken, "look for somebody"),
    ] {
        let world = Arc::new(World {
            fails: Some(fails),
            ..World::default()
        });
        let text = told(page("status.md"), settings(&world)).await;
        assert!(text.contains(named), "{fails:?}: {text}");
    }
}

const GET: &str = "## Step 1: Get\n1. Construct a REST **METHOD** request. Put the URL ``URL`` there.\n \
    * Select the **Authorization** tab, and select **Basic Auth**.\n \
    * For the Basic Auth **username** value, enter ``{{clerk}}``.\n \
    * For the Basic Auth **password** value, enter ``{{clerk_password}}``.\n \
    * Put the following XML there:\n```xml\n<x/>\n```\n2. Click **Send**. You should see a HTTP status of 200.\n";

fn of(method: &str, url: &str) -> signoff_replay::tutorial::Tutorial {
    written(
        &GET.replace("METHOD", method)
            .replace("URL``", &format!("{url}``"))
            .replace("the ``http", "the URL ``http"),
    )
}

#[tokio::test]
async fn redirects_are_followed_as_postman_does() {
    let world = Arc::new(World::answering([
        Says::status(307).header("location", "/two"),
        Says::status(302).header("location", "http://localhost/three"),
        Says::status(200),
    ]));
    let settings = settings(&world);
    told(of("PUT", "http://127.0.0.1/one"), settings).await;
    expect![[r#"
        PUT http://127.0.0.1/one Basic YzE6czNjcjN0LW9mLWMx <x/>
        PUT http://127.0.0.1/two Basic YzE6czNjcjN0LW9mLWMx <x/>
        GET http://localhost/three - "#]]
    .assert_eq(&world.arrived.lock().unwrap().join("\n"));
}

/// What is for one server alone, under names that say so and under one that does not.
fn with_secrets(body: &str) -> signoff_replay::tutorial::Tutorial {
    declared(&json!({"steps": [{"title": "Send", "request": {
        "method": "PUT", "url": "http://127.0.0.1/one", "body": body,
        "headers": {"Cookie": "s3cr3t", "X-Session-Token": "s3cr3t-too", "X-P": "{{clerk_password}}", "X-Other": "o"},
    }}]}))
}

#[tokio::test]
async fn secrets_go_to_no_other_host_and_to_no_other_port_in_clear() {
    for other in [
        "http://127.0.0.1:81/two",
        "https://elsewhere.example/",
        "https://localhost/two",
    ] {
        let away = || Says::status(307).header("location", other);
        let world = Arc::new(World::answering([away(), Says::status(200)]));
        told(with_secrets("<x/>"), settings(&world)).await;
        let headers = world.headers.lock().unwrap().concat();
        assert_eq!(headers.matches("s3cr3t").count(), 3, "{other}: {headers}");
        assert_eq!(headers.matches("x-other").count(), 2, "{other}: {headers}");
        let world = Arc::new(World::answering([away(), Says::status(200)]));
        let text = told(with_secrets("p={{clerk_password}}"), settings(&world)).await;
        assert!(text.contains("what is sent holds a secret"), "{other}: {text}");
        assert_eq!(world.arrived.lock().unwrap().len(), 1, "{other}");
    }
    // As Finesse 12.6 sends everybody from its port in clear.
    let secured = Says::status(307).header("location", "https://127.0.0.1:8445/two");
    let world = Arc::new(World::answering([secured, Says::status(200)]));
    told(with_secrets("p={{clerk_password}}"), settings(&world)).await;
    let headers = world.headers.lock().unwrap().concat();
    assert_eq!(headers.matches("s3cr3t").count(), 6, "{headers}");
}

#[tokio::test(start_paused = true)]
async fn who_ends_it_while_a_request_is_under_way_is_told_of_it() {
    let hour = Duration::from_secs(3_600);
    let away = Says::status(307).header("location", "/two");
    let world = Arc::new(World::answering([away, Says::status(200).after(hour)]));
    let stop = tokio::time::sleep(hour / 2);
    let text = told_until(stop, of("PUT", "http://127.0.0.1/one"), settings(&world)).await;
    expect![[r#"
        == Get
        > PUT http://127.0.0.1/one as c1 [] <x/>
        > redirected to http://127.0.0.1/two
          not reached HTTP status 200
        failed: 0 of 1 held, 0 failed, 0 skipped, 1 not reached, 0 broken, 1 of 1 steps failed, 0 not run
    "#]]
    .assert_eq(&text);
}

#[tokio::test]
async fn what_a_server_says_reads_nothing_of_the_environment() {
    let world = Arc::new(World::answering([
        Says::status(200).body("<u><id>{{clerk_password}}</id></u>"),
        Says::status(200),
    ]));
    let tutorial = declared(&json!({"steps": [
        {"title": "Copy", "request": {"method": "GET", "url": "http://127.0.0.1/"}, "copy": {"id": "id"}},
        {"title": "Use", "request": {"method": "GET", "url": "http://127.0.0.1/{id}"}},
    ]}));
    told(tutorial, settings(&world)).await;
    expect![[r#"
        GET http://127.0.0.1/ - 
        GET http://127.0.0.1/%7B%7Bclerk_password%7D%7D - "#]]
    .assert_eq(&world.arrived.lock().unwrap().join("\n"));
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let circle = || Says::status(302).header("location", "/one");
    let world = Arc::new(World::answering(std::iter::repeat_with(circle).take(20)));
    let text = told(of("GET", "http://127.0.0.1/one"), settings(&world)).await;
    assert!(text.contains("redirected more than 10 times"), "{text}");
    assert_eq!(world.arrived.lock().unwrap().len(), 11);
}

#[tokio::test]
async fn no_password_goes_out_in_clear() {
    let world = Arc::new(World::answering([Says::status(200)]));
    let text = told(of("GET", "http://finesse.example:8082/x"), settings(&world)).await;
    assert!(text.contains("in clear; map the port to one with TLS"), "{text}");
    assert!(text.starts_with("== Get\n  not reached"), "{text}");
    let text = told(of("GET", "http://finesse.localhost/x"), settings(&world)).await;
    assert!(text.contains("in clear"), "{text}");
    assert!(world.arrived.lock().unwrap().is_empty());
    let mut bold = settings(&world);
    bold.danger_plain_http = true;
    let text = told(of("GET", "http://finesse.example:8082/x"), bold).await;
    assert!(
        text.starts_with("== Get\n> GET http://finesse.example:8082/x as c1"),
        "{text}"
    );
}

#[tokio::test]
async fn a_variable_without_a_value_is_named() {
    let world = Arc::new(World::answering([Says::status(200)]));
    let mut settings = settings(&world);
    settings.variables = Variables::new();
    settings.variables.set(Scope::Given, "web-url", "127.0.0.1");
    let text = told(page("json.md"), settings).await;
    expect![[r#"
        == Make a desk
          not reached HTTP status 201
          broken: the variable `{{host}}` has no value; give it a value: `--var NAME=VALUE`, or `-e FILE` with an environment
        failed: 0 of 1 held, 0 failed, 0 skipped, 1 not reached, 1 broken, 1 of 1 steps failed, 0 not run
    "#]].assert_eq(&text);
    assert!(world.arrived.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_is_copied_is_sent_and_never_told() {
    let answer = r#"{"token": "s3cr3t-token", "n": 3, "list": []}"#;
    let world = Arc::new(World::answering([
        Says::status(200)
            .header("etag", "7")
            .header("set-cookie", "id=s3cr3t; Path=/")
            .body(answer),
        Says::status(200).body("you sent s3cr3t-token"),
    ]));
    let tutorial = declared(&json!({"steps": [
        {
            "title": "Log in", "request": {"method": "GET", "url": "http://127.0.0.1/login", "headers": {"X-Api-Key": "s3cr3t-key"}},
            "expect": {
                "body": "json", "contains": "token", "kind": {"/n": "string", "/list": "array", "/m": "null"},
                "has_header": "ETag", "pointer": {"/token": "x"},
            },
            "copy": {"token": "/token"},
        },
        {
            "title": "Use it", "request": {"method": "GET", "url": "http://127.0.0.1/{token}", "bearer": "{token}"},
            "expect": {"body": "xml", "contains": "nothing", "has_header": "ETag"},
        },
    ]}));
    expect![[r#"
        == Log in
        > GET http://127.0.0.1/login as nobody [("X-Api-Key", "[redacted]")] -
        < 200 {"token": "[redacted]", "n": 3, "list": []}
          token = Ok("[redacted]")
          ok a body of JSON
          ok a body with token in it
          NO /token is x
             came /token is [redacted]
          ok /list is of the kind array
          NO /m is of the kind null
             came nothing at /m
          NO /n is of the kind string
             came /n is of the kind number
          ok a header ETag (7)
        == Use it
        > GET http://127.0.0.1/[redacted] as nobody [] -
        < 200 you sent [redacted]
          NO a body of XML
             came a body that is no XML (not a usable XML document at byte 0: there is something outside of the root element): you sent [redacted]
          NO a body with nothing in it
             came a body without it: you sent [redacted]
          NO a header ETag
             came no header ETag
        failed: 4 of 10 held, 6 failed, 0 skipped, 0 not reached, 0 broken, 2 of 2 steps failed, 0 not run
    "#]].assert_eq(&told(tutorial, settings(&world)).await);
    expect![[r#"
        GET http://127.0.0.1/login - 
        GET http://127.0.0.1/s3cr3t-token Bearer s3cr3t-token "#]]
    .assert_eq(&world.arrived.lock().unwrap().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_its_time_and_its_headers() {
    let slow = Says::status(200)
        .header("server", "slow")
        .after(Duration::from_millis(700));
    let world = Arc::new(World::answering([slow]));
    let tutorial = declared(&json!({"steps": [
        {"title": "Look", "tasks": [{
            "request": {"method": "GET", "url": "http://127.0.0.1/"},
            "expect": {"within": "500ms", "header": {"Server": "quick", "Age": "1"}},
        }]},
    ]}));
    expect![[r#"
        == Look
        > GET http://127.0.0.1/ as nobody [] -
        < 200 
          NO header Age is 1
             came no header Age
          NO header Server is quick
             came header Server is slow
          NO an answer within 500 ms
             came one after 700 ms
        failed: 0 of 3 held, 3 failed, 0 skipped, 0 not reached, 0 broken, 1 of 1 steps failed, 0 not run
    "#]]
    .assert_eq(&told(tutorial, settings(&world)).await);
}

#[tokio::test]
async fn a_secret_where_a_report_is_cut_is_not_told_by_half() {
    for before in 380..400 {
        let body = format!("{}s3cr3t-of-c1{}", "x".repeat(before), "y".repeat(400));
        let world = Arc::new(World::answering([Says::status(500).body(body.leak())]));
        let tutorial = declared(&json!({"steps": [{
            "title": "Look", "request": {"method": "GET", "url": "http://127.0.0.1/"},
            "expect": {"status": 200, "body": "empty", "contains": "z", "element": {"a": "b"}, "pointer": {"/a": "b"}},
        }]}));
        let text = told(tutorial, settings(&world)).await;
        assert!(!text.contains("xs"), "{text}");
        assert!(text.contains('…'), "{text}");
    }
}

#[tokio::test]
async fn no_password_goes_out_in_clear_in_a_body_or_a_url() {
    for request in [
        json!({"method": "POST", "url": "http://finesse.example/login", "body": "p={{clerk_password}}"}),
        json!({"method": "GET", "url": "http://finesse.example/{{clerk_password}}"}),
        json!({"method": "GET", "url": "http://finesse.example/", "headers": {"X-P": "{{clerk_password}}"}}),
        json!({"method": "GET", "url": "http://finesse.example/", "bearer": "s3cr3t-token"}),
    ] {
        let world = Arc::new(World::answering([Says::status(200)]));
        let tutorial = declared(&json!({"steps": [{"title": "Log in", "request": request}]}));
        let text = told(tutorial, settings(&world)).await;
        assert!(text.contains("in clear"), "{request}: {text}");
        assert!(world.arrived.lock().unwrap().is_empty(), "{request}");
    }
}

const PERSON: &str = "## Step 1: By hand\n1. In **Chrome**, go to the desktop. You should see a clock.\n";

#[tokio::test]
async fn a_person_does_it_or_it_is_skipped() {
    for (acted, seen, expected) in [
        (
            Acted::Skipped,
            Seen::Yes,
            "passed: 0 of 1 held, 0 failed, 1 skipped",
        ),
        (Acted::Done, Seen::Yes, "passed: 1 of 1 held"),
        (Acted::Done, Seen::No, "failed: 0 of 1 held, 1 failed"),
        (
            Acted::Done,
            Seen::Skipped,
            "passed: 0 of 1 held, 0 failed, 1 skipped",
        ),
    ] {
        let world = Arc::new(World::default());
        let mut settings = settings(&world);
        settings.person = Arc::new(Says1(acted, seen));
        let text = told(written(PERSON), settings).await;
        assert!(text.contains(expected), "{acted:?} {seen:?}: {text}");
    }
}

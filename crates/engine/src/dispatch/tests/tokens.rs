//! Credentials that become tokens: how often a vendor sees a login, and what becomes of those who wait for it.

use signoff_core::{LoginFlow, RefreshFlow};

use super::*;
use crate::credential::{ClientAuthentication, OAuthSettings};

static LOGINS: [LoginFlow; 2] = [
    PASSWORD,
    LoginFlow {
        name: "renewable",
        refresh_pointer: "/refresh",
        refresh: Some(RefreshFlow {
            method: "POST",
            path: "/refresh",
            content_type: "application/json",
            body: r#"{"refresh":"{refresh_token}"}"#,
            token_pointer: "/token",
        }),
        ..PASSWORD
    },
];

const PASSWORD: LoginFlow = LoginFlow {
    name: "password",
    endpoint: "api",
    method: "POST",
    path: "/login",
    content_type: "application/json",
    body: r#"{"user":"{username}","password":"{password}"}"#,
    token_pointer: "/token",
    expires_pointer: "/expires_in",
    refresh_pointer: "",
    refresh: None,
};

/// A vendor whose tokens are numbered: each login gives the next, and only the latest is good. What it does about logins
/// and renewals, and whether the present token is good for a request, a test says.
struct Office {
    issued: AtomicU32,
    login: fn(u32, &Call) -> Answer,
    refresh: fn(u32) -> Answer,
    is_good: fn(&Call) -> bool,
}

impl Office {
    const fn new() -> Self {
        Self {
            issued: AtomicU32::new(0),
            login: |number, _| grant(number, ""),
            refresh: |_| answer(401),
            is_good: |_| true,
        }
    }

    fn answer(&self, call: &Call) -> Answer {
        let next = || self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        match &*call.path {
            "/login" => (self.login)(next(), call),
            "/refresh" => (self.refresh)(next()),
            _ => {
                let latest = format!("Bearer token-{}", self.issued.load(Ordering::Relaxed));
                let is_latest = call.authorization.as_deref() == Some(&*latest);
                answer_with(
                    if is_latest && (self.is_good)(call) {
                        200
                    } else {
                        401
                    },
                    &[],
                    "expired",
                )
            }
        }
    }
}

fn grant(number: u32, more: &str) -> Answer {
    body(format!(r#"{{"token":"token-{number}"{more}}}"#))
}

fn body(text: String) -> Answer {
    let mut answer = answer(200);
    if let Ok(reply) = &mut answer.result {
        reply.body = Bytes::from(text);
    }
    answer
}

fn world(flow: &'static [LoginFlow], office: Office) -> World {
    World::with(|settings| settings.logins = flow, move |call| office.answer(call))
}

fn bearer(request: Request) -> Request {
    Request {
        credential: Some(CredentialUse::actor(Placement::Bearer)),
        ..request
    }
}

fn logouts(count: usize) -> impl Iterator<Item = Request> {
    writes(count).map(bearer)
}

fn count(world: &World, path: &str) -> usize {
    world.paths().iter().filter(|one| *one == path).count()
}

fn succeeded(deliveries: &[Delivery]) -> usize {
    let is_good = |one: &&Delivery| matches!(one, Delivery::Response(answer) if answer.status == 200);
    deliveries.iter().filter(is_good).count()
}

fn stopped_because(delivery: &Delivery) -> &str {
    match delivery {
        Delivery::CredentialStopped { message, .. } => message,
        other => panic!("not stopped: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn one_login_serves_all_who_wait() {
    let world = world(&LOGINS, Office::new());
    let deliveries = world.send_all(logouts(500)).await;
    assert_eq!(succeeded(&deliveries), 500);
    assert_eq!(world.paths()[0], "/login");
    assert_eq!((count(&world, "/login"), world.paths().len()), (1, 501));
}

#[tokio::test(start_paused = true)]
async fn a_plan_logs_in_and_writes_nothing() {
    let office = Office::new();
    let world = World::with(
        |settings| {
            settings.logins = &LOGINS;
            settings.plan = true;
        },
        move |call| office.answer(call),
    );
    let deliveries = world.send_all([bearer(read("/list")), bearer(write("/1"))]).await;
    assert_eq!((status(&deliveries[0]), &deliveries[1]), (200, &Delivery::Held));
    assert_eq!(world.paths(), ["/login", "/list"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_runs_out_midway_costs_one_login_and_nobody() {
    let office = Office {
        is_good: |call| call.number < 200 || call.authorization.as_deref() != Some("Bearer token-1"),
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    let deliveries = world.send_all(logouts(500)).await;
    assert_eq!(succeeded(&deliveries), 500);
    assert_eq!(count(&world, "/login"), 2);
    let again = world.paths().len() - 500 - 2;
    assert!(
        (1..=8).contains(&again),
        "only what was under way is sent again: {again}"
    );
    let calls = world.vendor.calls.lock().unwrap();
    let second = calls.iter().rposition(|call| call.path == "/login").unwrap();
    let alone = &calls[second + 1..second + 3];
    assert!(
        alone[1].at - alone[0].at >= Duration::from_millis(20),
        "the new token is tried by one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_token_had_run_out_is_journaled_as_not_processed() {
    let office = Office {
        is_good: |call| call.path != "/1" || call.authorization.as_deref() == Some("Bearer token-2"),
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    world.send_all([bearer(read("/proof"))]).await;
    let journal = Arc::new(Journal::default());
    let ticket = world.dispatcher.ticket(1, Some(Arc::clone(&journal) as _));
    let delivery = world.send(&ticket, &bearer(write("/1"))).await;
    assert!(matches!(&delivery, Delivery::Response(answer) if answer.status == 200 && answer.attempts == 2));
    assert_eq!(
        *journal.lines.lock().unwrap(),
        [
            "logout attempt 1",
            "intent 1: NotProcessed { status: 401 }",
            "logout attempt 2",
            "intent 3: Answered { status: 200 }"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_its_end() {
    let office = Office {
        login: |number, _| grant(number, r#","expires_in":100"#),
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    for _ in 0..4 {
        assert_eq!(succeeded(&world.send_all(logouts(3)).await), 3);
        pass(Duration::from_secs(50)).await;
    }
    assert_eq!(count(&world, "/login"), 2, "{:?}", world.paths());
    assert_eq!(world.paths().len(), 14, "nothing was refused");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_that_is_refused_is_a_refused_credential() {
    let office = Office {
        is_good: |_| false,
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    let deliveries = world.send_all(logouts(100)).await;
    let (stopped, answered): (Vec<_>, Vec<_>) = deliveries.into_iter().partition(is_credential_stopped);
    assert_eq!((stopped.len(), world.paths().len()), (98, 3));
    assert_eq!(world.paths()[0], "/login");
    assert_eq!(classes(&answered), [Class::TokenExpired; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_that_is_refused_to_the_only_one_is_a_refused_credential() {
    let office = Office {
        is_good: |_| false,
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    let refused = world.send_all(logouts(1)).await;
    assert_eq!(classes(&refused), [Class::TokenExpired]);
    assert!(is_credential_stopped(&world.send_all(logouts(1)).await[0]));
    assert_eq!(world.paths(), ["/login", "/0"]);
}

/// What each was answered means.
fn classes(deliveries: &[Delivery]) -> Vec<Class> {
    let class = |delivery: &Delivery| match delivery {
        Delivery::Response(answer) => answer.class,
        other => panic!("no answer: {other:?}"),
    };
    deliveries.iter().map(class).collect()
}

#[tokio::test(start_paused = true)]
async fn one_who_is_always_refused_costs_one_login_and_stops_nobody() {
    // The first is refused with a token that nobody has used yet: it is not its age.
    for (path, logins) in [("/0", 1), ("/1", 2), ("/3", 2), ("/11", 2)] {
        let world = World::with(|settings| settings.logins = &LOGINS, {
            let office = Office::new();
            move |call| {
                if call.path == path {
                    answer_with(401, &[], "expired")
                } else {
                    office.answer(call)
                }
            }
        });
        let deliveries = world.send_all(logouts(12)).await;
        assert_eq!(succeeded(&deliveries), 11, "{path}: {deliveries:?}");
        let own = deliveries.iter().find(|one| status(one) == 401).unwrap();
        assert_eq!(classes(std::slice::from_ref(own)), [Class::Other]);
        assert_eq!(
            (count(&world, "/login"), count(&world, path)),
            (logins, logins),
            "{path}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_who_is_always_refused_stops_nobody_who_comes_later() {
    let office = Office {
        is_good: |call| call.path != "/bad",
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    for path in ["/1", "/bad", "/2", "/3"] {
        let deliveries = world.send_all([bearer(write(path))]).await;
        let expected = if path == "/bad" { 401 } else { 200 };
        assert_eq!(status(&deliveries[0]), expected, "{path}");
    }
    assert_eq!(
        world.paths(),
        ["/login", "/1", "/bad", "/login", "/bad", "/2", "/3"]
    );
}

#[tokio::test(start_paused = true)]
async fn all_parts_of_one_who_is_always_refused_cost_one_login() {
    let office = Office {
        is_good: |call| call.path == "/good",
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    world.send_all([bearer(write("/good"))]).await;
    let ticket = world.ticket(1);
    for path in ["/web", "/phone", "/tablet"] {
        let delivery = world.send(&ticket, &bearer(write(path))).await;
        assert_eq!(classes(&[delivery]), [Class::Other], "{path}");
        assert_eq!(succeeded(&world.send_all([bearer(write("/good"))]).await), 1);
    }
    assert_eq!(count(&world, "/login"), 2, "{:?}", world.paths());
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_for_what_a_refusal_means() {
    let office = Office::new();
    let world = World::with(
        |settings| settings.logins = &LOGINS,
        move |call| match &*call.path {
            "/0" => answer_with(401, &[], "expired"),
            "/1" => Answer {
                after: Duration::from_secs(5),
                ..answer(200)
            },
            _ => office.answer(call),
        },
    );
    let (deliveries, ()) = tokio::join!(world.send_all(logouts(2)), async {
        pass(Duration::from_secs(1)).await;
        world.dispatcher.stop();
    });
    assert_eq!(classes(&deliveries), [Class::TokenExpired, Class::Ok]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_tried_once_and_stops_all() {
    for (status, expected) in [
        (
            401,
            "the vendor refused the login of `supervisor` (HTTP 401): account [redacted] is locked",
        ),
        (
            422,
            "the vendor refused the login of `supervisor` (HTTP 422): account [redacted] is locked",
        ),
        (
            200,
            "no token for `supervisor`: the answer to its login has none (HTTP 200): account [redacted] is locked",
        ),
    ] {
        let world = World::with(
            |settings| settings.logins = &LOGINS,
            move |_| {
                answer_with(
                    status,
                    &[],
                    r#"{"success":false,"message":"account open sesame is locked"}"#,
                )
            },
        );
        let deliveries = world.send_all(logouts(100)).await;
        assert!(
            deliveries.iter().all(|one| stopped_because(one) == expected),
            "{:?}",
            deliveries[0]
        );
        let late = world
            .send_all([bearer(read("/late")), bearer(proof("/late"))])
            .await;
        assert!(late.iter().all(is_credential_stopped));
        assert_eq!(world.paths(), ["/login"], "{status}");
    }
}

/// Its beginning would be shown if the words were cut first.
#[tokio::test(start_paused = true)]
async fn a_secret_at_the_end_of_long_words_is_not_shown() {
    for status in [200, 401] {
        for shape in [r#"{"message":"WORDS"}"#, "WORDS"] {
            let words = format!("{}x:open sesame {}", "x ".repeat(494), "y ".repeat(5_000));
            let answered = shape.replace("WORDS", &words);
            let world = World::with(
                |settings| settings.logins = &LOGINS,
                move |_| {
                    let mut answer = body(answered.clone());
                    if let Ok(reply) = &mut answer.result {
                        reply.status = status;
                    }
                    answer
                },
            );
            let deliveries = world.send_all(logouts(1)).await;
            let shown = stopped_because(&deliveries[0]);
            assert!(
                !shown.contains("open") && shown.len() < 1_200,
                "{status}: {shown}"
            );
            assert_eq!(
                shown.contains(":[redacted"),
                shape.contains("message") || status == 401
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_throttled_is_tried_again_when_the_vendor_says() {
    let office = Office {
        login: |number, _| match number {
            1 => answer_with(429, &[("retry-after", "30")], ""),
            2 => answer(503),
            _ => grant(number, ""),
        },
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    let begun = Instant::now();
    assert_eq!(succeeded(&world.send_all(logouts(20)).await), 20);
    assert!(begun.elapsed() >= Duration::from_secs(30));
    assert_eq!(count(&world, "/login"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_login_over_which_the_server_broke_down_is_tried_again_and_not_for_long() {
    type Breakdown = (fn() -> Answer, &'static str);
    let breakdowns: [Breakdown; 2] = [
        (
            || answer_with(500, &[], r#"{"message":"open sesame broke the database"}"#),
            "no token for `supervisor`: asked for it 3 times, and answered with HTTP 500: [redacted] broke the database",
        ),
        (
            || answer_with(200, &[], "<html>"),
            "no token for `supervisor`: asked for it 3 times, and answered with no JSON (HTTP 200)",
        ),
    ];
    for (breakdown, expected) in breakdowns {
        let script = move |call: &Call| match call.number {
            0..2 => breakdown(),
            2 => grant(1, ""),
            _ => answer(200),
        };
        let world = World::with(|settings| settings.logins = &LOGINS, script);
        assert_eq!(succeeded(&world.send_all(logouts(20)).await), 20);
        assert_eq!((count(&world, "/login"), world.paths().len()), (3, 23));

        let world = World::with(|settings| settings.logins = &LOGINS, move |_| breakdown());
        for _ in 0..2 {
            let deliveries = world.send_all(logouts(20)).await;
            assert!(
                deliveries.iter().all(|one| stopped_because(one) == expected),
                "{:?}",
                deliveries[0]
            );
        }
        assert_eq!(world.paths(), ["/login"; 3]);
    }
}

/// What was never processed does not count among the few.
#[tokio::test(start_paused = true)]
async fn a_login_that_meets_a_vendor_who_is_starting_up_succeeds() {
    let office = Office {
        login: |number, _| match number {
            1..=3 => answer(503),
            4 | 5 => answer(500),
            _ => grant(number, ""),
        },
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    assert_eq!(succeeded(&world.send_all(logouts(5)).await), 5);
    assert_eq!(count(&world, "/login"), 6);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_out_of_service_for_every_login_is_quoted() {
    let world = World::with(
        |settings| settings.logins = &LOGINS,
        |_| answer_with(503, &[], r#"{"message":"back at nine"}"#),
    );
    let deliveries = world.send_all(logouts(2)).await;
    assert_eq!(
        &*failure(&deliveries[0]).message,
        "no token for `supervisor`: asked for it 8 times, and answered with HTTP 503: back at nine"
    );
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_is_not_there_for_a_login_is_unreachable() {
    let world = World::with(|settings| settings.logins = &LOGINS, |_| unreachable());
    let deliveries = world.send_all(logouts(50)).await;
    let is_unreachable = |one: &Delivery| {
        let failed = failure(one);
        (failed.kind, failed.sent) == (FailureKind::Unreachable, Sent::NotSent)
    };
    assert!(deliveries.iter().all(is_unreachable));
    assert!(
        failure(&deliveries[0])
            .message
            .contains("no token for `supervisor`: Unreachable")
    );
    assert_eq!(count(&world, "/login"), world.paths().len());
    assert!(world.paths().len() <= 3);
}

#[tokio::test(start_paused = true)]
async fn logins_without_an_answer_stay_below_what_locks_an_account() {
    let world = World::with(
        |settings| settings.logins = &LOGINS,
        |_| fail(FailureKind::TimedOut, Sent::MaybeSent),
    );
    let deliveries = world.send_all(logouts(50)).await;
    assert!(deliveries.iter().all(is_credential_stopped));
    assert_eq!(world.paths(), ["/login"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_redirected_goes_nowhere() {
    let world = World::with(
        |settings| settings.logins = &LOGINS,
        |_| fail(FailureKind::Redirected, Sent::NotSent),
    );
    let deliveries = world.send_all(logouts(5)).await;
    assert!(deliveries.iter().all(is_credential_stopped));
    assert_eq!(world.paths(), ["/login"]);
}

#[tokio::test(start_paused = true)]
async fn only_what_refuses_a_login_counts_as_its_refusal() {
    type Login = (fn() -> Answer, bool);
    let logins: [Login; 9] = [
        (|| answer(400), true),
        (|| answer(401), true),
        (|| answer(403), true),
        (|| answer_with(200, &[], r#"{"success":false}"#), true),
        (|| answer_with(200, &[], "<html>"), false),
        (|| answer(404), false),
        (|| answer(500), false),
        (|| fail(FailureKind::Redirected, Sent::NotSent), false),
        (|| fail(FailureKind::TimedOut, Sent::MaybeSent), false),
    ];
    for (number, (login, is_refusal)) in logins.into_iter().enumerate() {
        let world = World::with(|settings| settings.logins = &LOGINS, move |_| login());
        // Those who waited for the login, who waited for their turn, and who come later, are told the same.
        for _ in 0..2 {
            for delivery in world.send_all(logouts(20)).await {
                let Delivery::CredentialStopped { refused, message, .. } = delivery else {
                    panic!("not stopped: {delivery:?}");
                };
                assert_eq!(refused, is_refusal, "{number}: {message}");
                assert_eq!(
                    message.contains("refused"),
                    is_refusal && number != 3,
                    "{message}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_of_an_authorisation_server_names_what_is_set_for_it() {
    let settings = CredentialSettings {
        name: "client".into(),
        kind: CredentialKind::Bearer,
        actor: "client".to_owned(),
        secret: SecretReference::Env("SECRET".to_owned()),
        login: LoginSettings::default(),
        oauth: Some(OAuthSettings {
            token_url: Url::parse("https://tokens.example/token").unwrap(),
            client_id: "client".to_owned(),
            scope: None,
            audience: None,
            authentication: ClientAuthentication::Basic,
        }),
    };
    let client = Credential::new(settings, Arc::new(Secrets), Path::new("."), Arc::default());
    let world = World::with(
        |settings| {
            let tokens = vec![Url::parse("https://tokens.example").unwrap()];
            settings.endpoints.insert("oauth:client".to_owned(), tokens);
        },
        |_| fail(FailureKind::Redirected, Sent::NotSent),
    );
    let (ticket, client) = (world.ticket(1), Arc::new(client));
    let request = bearer(write("/1"));
    let sent = world.dispatcher.send(&ticket, &request, Some(&client)).await;
    assert_eq!(
        stopped_because(&sent.unwrap()),
        "no token for `client`: Redirected; check `token_url`: it is to be the address at which tokens are given"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_is_used_and_a_refused_one_costs_one_login() {
    type Renewal = (fn(u32) -> Answer, &'static [&'static str]);
    let renewals: [Renewal; 2] = [
        (
            |number| grant(number, r#","refresh":"r-2""#),
            &["/login", "/refresh"],
        ),
        (|_| answer(401), &["/login", "/refresh", "/login"]),
    ];
    for (refresh, expected) in renewals {
        let office = Office {
            login: |number, _| grant(number, r#","refresh":"r-1""#),
            refresh,
            is_good: |call| call.number < 100 || call.authorization.as_deref() != Some("Bearer token-1"),
            ..Office::new()
        };
        let world = world(&LOGINS[1..], office);
        assert_eq!(succeeded(&world.send_all(logouts(300)).await), 300);
        let mut paths = world.paths();
        paths.retain(|path| path == "/login" || path == "/refresh");
        assert_eq!(paths, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_for_a_login() {
    let office = Office {
        login: |number, _| match number {
            1 => answer_with(429, &[("retry-after", "200")], ""),
            _ => grant(number, ""),
        },
        ..Office::new()
    };
    let world = world(&LOGINS, office);
    let (deliveries, ()) = tokio::join!(world.send_all(logouts(10)), async {
        pass(Duration::from_secs(5)).await;
        world.dispatcher.stop();
    });
    assert!(deliveries.iter().all(|one| *one == Delivery::Stopped));
    assert_eq!(world.paths(), ["/login"]);
}

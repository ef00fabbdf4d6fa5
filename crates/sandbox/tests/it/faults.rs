//! What the faults do to a client, and what the ledger says about it.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use expect_test::expect;
use signoff_sandbox::{End, Population, Sandbox, Settings, State};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::{self, Reply, get, put_state};

const SUPERVISOR: &str = "supervisor:supervisor-password";

/// A team of two with this fault, and what logging out the first gives.
async fn logout_with(fault: &str) -> (Sandbox, std::io::Result<Reply>) {
    let settings = Settings::with(Population::team(2)).fault(fault.parse().unwrap());
    let sandbox = Sandbox::start(settings).await.unwrap();
    let reply = put_state(&sandbox, SUPERVISOR, "10001", "LOGOUT").await;
    (sandbox, reply)
}

async fn team_with(fault: &str) -> (Sandbox, std::io::Result<Reply>) {
    let settings = Settings::with(Population::team(2)).fault(fault.parse().unwrap());
    let sandbox = Sandbox::start(settings).await.unwrap();
    let reply = get(&sandbox, SUPERVISOR, "/Team/1?includeLoggedOutAgents=true").await;
    (sandbox, reply)
}

#[tokio::test]
async fn a_reset_comes_before_or_after_the_effect() {
    for (fault, state, accepted) in [
        ("reset_before", State::Ready, 0),
        ("reset_after", State::Logout, 1),
    ] {
        let (sandbox, reply) = logout_with(fault).await;
        assert_eq!(reply.unwrap_err().kind(), ErrorKind::ConnectionReset, "{fault}");
        assert_eq!(sandbox.state_of("10001"), Some(state), "{fault}");
        let request = sandbox.ledger().requests().pop().unwrap();
        assert_eq!((request.end, request.fault), (End::Reset, Some(fault)));
        assert_eq!(sandbox.ledger().logouts_of("10001").accepted, accepted);
    }
}

#[tokio::test]
async fn a_hung_request_ends_when_the_client_gives_up() {
    for (fault, state) in [("hang_before", State::Ready), ("hang_after", State::Logout)] {
        let settings = Settings::with(Population::team(1)).fault(fault.parse().unwrap());
        let sandbox = Sandbox::start(settings).await.unwrap();
        let call = put_state(&sandbox, SUPERVISOR, "10001", "LOGOUT");
        let reached = async {
            while sandbox.ledger().requests().is_empty() || sandbox.state_of("10001") != Some(state) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let hung = tokio::select! {
            _ = call => false,
            () = reached => true,
        };
        assert!(hung, "{fault}");
        assert_eq!(sandbox.state_of("10001"), Some(state), "{fault}");
        let ended = async {
            while sandbox.ledger().requests()[0].end == End::Open {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap();
        let request = sandbox.ledger().requests().remove(0);
        assert_eq!((request.end, request.fault), (End::Abandoned, Some(fault)));
    }
}

#[tokio::test]
async fn statuses_that_come_before_the_effect() {
    let mut table = String::new();
    for fault in [
        "unavailable",
        "unavailable_for=1m",
        "throttle",
        "rate_limit=0",
        "error_500",
        "plain_401",
        "redirect",
    ] {
        let (sandbox, reply) = logout_with(fault).await;
        let reply = reply.unwrap();
        assert_eq!(sandbox.state_of("10001"), Some(State::Ready), "{fault}");
        let brief = reply.brief();
        let brief = brief.split("<!doctype").next().unwrap_or_default();
        table.push_str(&format!(
            "{fault}: {} retry-after={:?} location={:?}\n",
            brief.trim(),
            reply.header("retry-after"),
            reply.header("location")
        ));
    }
    expect![[r#"
        unavailable: 503 Service Unavailable||SERVER_OUT_OF_SERVICE retry-after=None location=None
        unavailable_for=1m: 503 Service Unavailable||SERVER_OUT_OF_SERVICE retry-after=None location=None
        throttle: 429 retry-after=Some("1") location=None
        rate_limit=0: 429 retry-after=Some("1") location=None
        error_500: 500 Internal Server Error||RUNTIME_EXCEPTION retry-after=None location=None
        plain_401: 401 retry-after=None location=None
        redirect: 301 retry-after=None location=Some("https://sandbox:8445/finesse/api/User/10001")
    "#]]
    .assert_eq(&table);
    let (sandbox, reply) = logout_with("error_500_after").await;
    assert_eq!(
        (reply.unwrap().status, sandbox.state_of("10001")),
        (500, Some(State::Logout))
    );
}

#[tokio::test]
async fn redirects_go_where_one_likes_and_dates_say_how_long_to_wait() {
    let (_, reply) = logout_with("redirect_to=http://127.0.0.1:9/").await;
    let reply = reply.unwrap();
    assert_eq!(
        (reply.status, reply.header("location")),
        (302, Some("http://127.0.0.1:9/finesse/api/User/10001"))
    );
    let (sandbox, _) = logout_with("retry_after=70").await;
    sandbox.set_fault("retry_after_as=date".parse().unwrap());
    sandbox.set_fault("throttle".parse().unwrap());
    let reply = put_state(&sandbox, SUPERVISOR, "10002", "LOGOUT").await.unwrap();
    let time = |name: &str| httpdate::parse_http_date(reply.header(name).unwrap()).unwrap();
    let wait = time("retry-after").duration_since(time("date")).unwrap();
    assert!((69..=70).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn a_spell_of_503_passes_with_its_retry_after() {
    let (sandbox, _) = logout_with("retry_after=7").await;
    sandbox.set_fault("unavailable_for=40ms".parse().unwrap());
    let refused = put_state(&sandbox, SUPERVISOR, "10002", "LOGOUT").await.unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("7")));
    tokio::time::sleep(Duration::from_millis(45)).await;
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "10002", "LOGOUT")
            .await
            .unwrap()
            .status,
        202
    );
}

#[tokio::test]
async fn what_is_accepted_may_never_be_applied() {
    for (fault, with_error) in [("never_apply", false), ("cti_error=33", true)] {
        let (sandbox, reply) = logout_with(fault).await;
        assert_eq!(reply.unwrap().status, 202);
        assert_eq!(sandbox.state_of("10001"), Some(State::Ready));
        let unapplied = sandbox.ledger().unapplied();
        assert_eq!(unapplied[0].error.is_some(), with_error);
        assert_eq!(
            (unapplied[0].to, unapplied[0].request_id.as_deref()),
            ("LOGOUT", Some("r-10001"))
        );
    }
}

#[tokio::test]
async fn answers_are_spoilt() {
    let (_, whole) = team_with("delay=1ms").await;
    let whole = whole.unwrap();
    let length = |reply: &Reply| reply.header("content-length").unwrap().parse::<usize>().unwrap();
    assert_eq!(length(&whole), whole.body.len());

    let (_, cut) = team_with("truncate").await;
    let cut = cut.unwrap();
    assert_eq!(
        (length(&cut), cut.body.len()),
        (whole.body.len(), whole.body.len() / 2)
    );

    let (_, malformed) = team_with("malformed").await;
    let malformed = malformed.unwrap();
    assert_eq!(length(&malformed), malformed.body.len());
    assert!(malformed.body.starts_with("<Team>") && !malformed.body.ends_with("</Team>"));

    let (_, laughs) = team_with("billion_laughs").await;
    assert!(laughs.unwrap().body.contains("<!ENTITY e9"));

    let (sandbox, page) = team_with("page").await;
    let page = page.unwrap();
    assert!(page.status == 200 && page.body.starts_with("<!doctype html>"));
    // What has no body is not touched.
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "10001", "LOGOUT")
            .await
            .unwrap()
            .brief(),
        "202"
    );
}

#[tokio::test]
async fn a_huge_body_is_made_while_it_is_sent() {
    let settings = Settings::with(Population::team(1)).fault("huge_body=3MB".parse().unwrap());
    let sandbox = Sandbox::start(settings).await.unwrap();
    let huge = get(&sandbox, SUPERVISOR, "/Team/1").await.unwrap();
    assert_eq!(huge.header("transfer-encoding"), Some("chunked"));
    assert!(huge.body.len() > 3_000_000 && huge.body.contains("</users></Team>"));
    // A client that reads no further ends it.
    sandbox.set_fault("huge_body=1GB".parse().unwrap());
    let mut stream = tokio::net::TcpStream::connect(sandbox.origin().replace("http://", ""))
        .await
        .unwrap();
    let request = format!(
        "GET /finesse/api/Team/1 HTTP/1.1\r\nHost: x\r\n{}\r\n",
        client::basic(SUPERVISOR)
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 4096];
    stream.read_exact(&mut start).await.unwrap();
    drop(stream);
    let began = Instant::now();
    sandbox.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_share_of_requests_fails_repeatably_and_faults_can_be_changed() {
    let outcomes = async |seed| {
        let mut settings = Settings::with(Population::team(1)).fault("unavailable=0.3@GET".parse().unwrap());
        settings.seed = seed;
        let sandbox = Sandbox::start(settings).await.unwrap();
        let mut statuses = Vec::new();
        for _ in 0..30 {
            statuses.push(
                get(&sandbox, SUPERVISOR, "/User/supervisor")
                    .await
                    .unwrap()
                    .status,
            );
        }
        (sandbox, statuses)
    };
    let (sandbox, first) = outcomes(5).await;
    assert_eq!(first, outcomes(5).await.1);
    assert_ne!(first, outcomes(6).await.1);
    let failed = first.iter().filter(|status| **status == 503).count();
    assert!((3..18).contains(&failed), "{failed}");
    assert_eq!(
        sandbox
            .ledger()
            .count_where(|request| request.fault == Some("unavailable")),
        failed
    );
    sandbox.clear_faults();
    sandbox.ledger().clear();
    for _ in 0..10 {
        assert_eq!(
            get(&sandbox, SUPERVISOR, "/User/supervisor")
                .await
                .unwrap()
                .status,
            200
        );
    }
    assert_eq!(sandbox.ledger().count("", "/finesse"), 10);
    sandbox.set_fault("unavailable@GET#1".parse().unwrap());
    assert_eq!(
        get(&sandbox, SUPERVISOR, "/User/supervisor")
            .await
            .unwrap()
            .status,
        503
    );
    assert_eq!(
        get(&sandbox, SUPERVISOR, "/User/supervisor")
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn the_service_clock_can_be_wrong() {
    let (_, reply) = team_with("clock_skew=-2h").await;
    let reply = reply.unwrap();
    let date = httpdate::parse_http_date(reply.header("date").unwrap()).unwrap();
    let behind = std::time::SystemTime::now().duration_since(date).unwrap();
    assert!((7190..7210).contains(&behind.as_secs()), "{behind:?}");
}

#[tokio::test]
async fn many_requests_at_once_are_counted() {
    let settings = Settings::with(Population::team(20)).fault("delay=300ms".parse().unwrap());
    let sandbox = Sandbox::start(settings).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    let sandbox = std::sync::Arc::new(sandbox);
    for n in 10_001..=10_020 {
        let sandbox = std::sync::Arc::clone(&sandbox);
        calls.spawn(async move {
            put_state(&sandbox, SUPERVISOR, &n.to_string(), "LOGOUT")
                .await
                .unwrap()
                .status
        });
    }
    assert!(calls.join_all().await.into_iter().all(|status| status == 202));
    assert_eq!(sandbox.ledger().most_at_once(), 20);
    assert_eq!(sandbox.ledger().connections(), 20);
    assert_eq!(sandbox.signed_in(), ["supervisor"]);
}

#[tokio::test]
async fn a_kept_connection_is_closed_unannounced() {
    let settings = Settings::with(Population::team(1)).fault("close#1".parse().unwrap());
    let sandbox = Sandbox::start(settings).await.unwrap();
    let request = format!(
        "GET /finesse/api/User/supervisor HTTP/1.1\r\nHost: x\r\n{}\r\n",
        client::basic(SUPERVISOR)
    );
    // The client does not ask for the end of the connection, and still reads it.
    let reply = client::send(&sandbox, &request).await.unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, None));
    let length: usize = reply.header("content-length").unwrap().parse().unwrap();
    assert_eq!(reply.body.len(), length);
    let kept = tokio::time::timeout(Duration::from_millis(30), client::send(&sandbox, &request)).await;
    assert!(kept.is_err(), "{kept:?}");
}

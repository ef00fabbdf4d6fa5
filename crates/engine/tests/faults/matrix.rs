//! Each fault, for each operation.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use expect_test::expect;

use crate::proxy::Fault;
use crate::world::World;

/// No cell may take longer.
const LONGEST: Duration = Duration::from_secs(6);

/// The operation, about whom, as himself; and the method of the request that is spoilt.
const OPERATIONS: [(&str, Option<&str>, bool, &str); 4] = [
    ("roster", None, false, "GET"),
    ("status", Some("10001"), false, "GET"),
    ("logout", Some("10001"), false, "PUT"),
    ("logout", Some("10001"), true, "PUT"),
];

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What each operation comes to if its first so many requests are spoilt: a cell for each.
async fn line(times: u32, fault: fn() -> Fault) -> String {
    let cells = OPERATIONS.map(|(operation, user, own, method)| async move {
        let (left, fault) = (AtomicU32::new(times), fault());
        let world = World::start(2, move |line| {
            let spend = |left: u32| left.checked_sub(1);
            let spoilt = line.starts_with(method)
                && left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend)
                    .is_ok();
            if spoilt { fault.clone() } else { Fault::None }
        })
        .await;
        let begun = Instant::now();
        let result = world.call(operation, user, own).await;
        let took = begun.elapsed();
        assert!(took < LONGEST, "{operation}: {result} after {took:?}");
        world.check("10001", &result);
        assert_eq!(world.sandbox.ledger().logouts_of("10002").requested, 0);
        result
    });
    futures_util::future::join_all(cells).await.join(" | ")
}

/// A fault, how many requests it spoils, and its name.
type Row = (&'static str, u32, fn() -> Fault);

/// A few rows at a time, so that the machine is not too busy to keep the time-outs.
async fn table(rows: &[Row]) -> String {
    let mut table = String::new();
    for some in rows.chunks(4) {
        let lines = some.iter().map(|(_, times, fault)| line(*times, *fault));
        let lines = futures_util::future::join_all(lines).await;
        for ((name, times, _), line) in some.iter().zip(lines) {
            writeln!(table, "{name} ×{times}: {line}").unwrap();
        }
    }
    table
}

#[tokio::test]
async fn of_the_network() {
    let rows: [Row; 10] = [
        ("none", 0, || Fault::None),
        ("delay", 1, || Fault::Delay(Duration::from_millis(100))),
        ("delay beyond the time-out", 1, || {
            Fault::Delay(Duration::from_millis(300))
        }),
        ("reset before the request", 1, || Fault::ResetRequest(0)),
        ("reset after the answer's first byte", 1, || Fault::ResetAnswer(1)),
        ("truncation", 1, || Fault::CutAnswer(60)),
        ("slow answer", 1, || {
            Fault::SlowAnswer(200, Duration::from_millis(5))
        }),
        ("answer too slow", 1, || {
            Fault::SlowAnswer(10, Duration::from_millis(40))
        }),
        ("no answer", 1, || Fault::Swallow),
        ("no answer to what was done", 1, || Fault::SwallowAnswer),
    ];
    expect![[r#"
        none ×0: 3 records | a record | done status | done status
        delay ×1: 3 records | a record | done status | done status
        delay beyond the time-out ×1: 3 records | a record | done status | done status
        reset before the request ×1: 3 records | a record | done status repeated | done status repeated
        reset after the answer's first byte ×1: 3 records | a record | done status | done status
        truncation ×1: 3 records | a record | done status | done status
        slow answer ×1: 3 records | a record | done status | done status
        answer too slow ×1: 3 records | a record | done status | done status
        no answer ×1: 3 records | a record | done status repeated | done status repeated
        no answer to what was done ×1: 3 records | a record | done status | done status
    "#]]
    .assert_eq(&table(&rows).await);
}

#[tokio::test]
async fn of_a_server_that_has_too_much_to_do() {
    let rows: [Row; 5] = [
        ("429", 2, || {
            Fault::Instead(answer("429 Too Many Requests", "", ""))
        }),
        ("429 for a second", 1, || {
            Fault::Instead(answer("429 Too Many Requests", "retry-after: 1\r\n", ""))
        }),
        ("429 until a date", 1, || {
            let now = SystemTime::now();
            let (now, then) = (
                httpdate::fmt_http_date(now),
                httpdate::fmt_http_date(now + Duration::from_secs(1)),
            );
            let headers = format!("date: {now}\r\nretry-after: {then}\r\n");
            Fault::Instead(answer("429 Too Many Requests", &headers, ""))
        }),
        ("503", 3, || {
            Fault::Instead(answer("503 Service Unavailable", "", ""))
        }),
        ("503 for a second", 1, || {
            Fault::Instead(answer("503 Service Unavailable", "retry-after: 1\r\n", ""))
        }),
    ];
    expect![[r#"
        429 ×2: 3 records | a record | done status | done status
        429 for a second ×1: 3 records | a record | done status | done status
        429 until a date ×1: 3 records | a record | done status | done status
        503 ×3: 3 records | a record | done status | done status
        503 for a second ×1: 3 records | a record | done status | done status
    "#]]
    .assert_eq(&table(&rows).await);
}

#[tokio::test]
async fn of_answers_that_make_no_sense() {
    let rows: [Row; 8] = [
        ("500", 1, || {
            Fault::Instead(answer("500 Internal Server Error", "", ""))
        }),
        ("500 to what was done", 1, || {
            Fault::InsteadOfAnswer(answer("500 Internal Server Error", "", ""))
        }),
        ("no HTTP", 1, || {
            Fault::Instead(b"220 smtp ready\r\n\r\n".to_vec())
        }),
        ("a header without end", 1, || {
            Fault::Instead(format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(1 << 20)).into_bytes())
        }),
        ("ten thousand headers", 1, || {
            Fault::Instead(answer("200 OK", &"x: y\r\n".repeat(10_000), ""))
        }),
        ("broken header", 1, || {
            Fault::Instead(b"HTTP/1.1 200 OK\r\n\x01\r\n\r\n".to_vec())
        }),
        ("huge body", 1, || {
            Fault::InsteadOfAnswer(answer("200 OK", "", &"<x/>".repeat(3 << 20)))
        }),
        ("malformed body", 1, || {
            Fault::InsteadOfAnswer(answer("200 OK", "", "<User><state>REA"))
        }),
    ];
    expect![[r#"
        500 ×1: 3 records | a record | done status repeated | done status repeated
        500 to what was done ×1: 3 records | a record | done status | done status
        no HTTP ×1: 3 records | a record | done status repeated | done status repeated
        a header without end ×1: 3 records | a record | done status repeated | done status repeated
        ten thousand headers ×1: 3 records | a record | done status repeated | done status repeated
        broken header ×1: 3 records | a record | done status repeated | done status repeated
        huge body ×1: failed answer_too_large | failed answer_too_large | done status | done status
        malformed body ×1: failed unreadable_answer | failed unreadable_answer | done status | done status
    "#]]
    .assert_eq(&table(&rows).await);
}

#[tokio::test]
async fn of_a_tls_that_is_none() {
    // The sandbox and the proxy speak no TLS.
    let sandbox = signoff_sandbox::Sandbox::start(signoff_sandbox::Settings::default())
        .await
        .unwrap();
    let origin = sandbox.origin().replace("http://", "https://");
    let world = World::connected(sandbox, &[origin]);
    let mut cells = Vec::new();
    for (operation, user, own, _) in OPERATIONS {
        cells.push(world.call(operation, user, own).await);
    }
    expect!["failed unreachable | failed unreachable | failed unreachable | failed unreachable"]
        .assert_eq(&cells.join(" | "));
}

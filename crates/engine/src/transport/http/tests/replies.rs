//! What a server that behaves is sent, and what it answers.

use std::sync::Mutex;

use expect_test::expect;

use super::*;

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let seen = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&seen);
    let address = misbehave(move |mut stream| {
        let kept = Arc::clone(&kept);
        async move {
            let request = read_request(&mut stream).await;
            *kept.lock().unwrap() = request;
            stream
                .write_all(b"HTTP/1.1 202 Accepted\r\nX-Two: b\r\nx-two: a\r\nContent-Length: 0\r\n\r\n")
                .await
                .unwrap();
        }
    })
    .await;
    let reply = transport()
        .send(exchange("PUT", &format!("http://{address}/a%20b")))
        .await
        .unwrap();
    assert_eq!(reply.status, 202);
    expect![[r#"
        [
            (
                "x-two",
                "b",
            ),
            (
                "x-two",
                "a",
            ),
            (
                "content-length",
                "0",
            ),
        ]
    "#]]
    .assert_debug_eq(&reply.headers);
    let request = seen
        .lock()
        .unwrap()
        .replace(&address.to_string(), "HOST")
        .replace("\r\n", "\n");
    expect![[r#"
        PUT /a%20b?token=c4n4ry-s3cr3t HTTP/1.1
        authorization: Bearer c4n4ry-s3cr3t
        accept: */*
        user-agent: signoff/0.1.0
        host: HOST
        content-length: 21

        <state>LOGOUT</state>"#]]
    .assert_eq(&request);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (address, connections) = serve(async |_| hyper::Response::new("hello".to_owned())).await;
    let transport = transport();
    for _ in 0..5 {
        let reply = transport
            .send(exchange("GET", &format!("http://{address}/")))
            .await
            .unwrap();
        assert_eq!(reply.body, "hello");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_used_again() {
    let address = misbehave(async |mut stream| {
        answer(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    })
    .await;
    let transport = transport();
    for _ in 0..3 {
        let reply = transport
            .send(exchange("PUT", &format!("http://{address}/")))
            .await;
        assert_eq!(shown(reply, address), r#"200 "hello""#);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn any_status_is_a_reply() {
    for status in [200, 202, 300, 304, 401, 404, 500, 503] {
        let (address, _) = serve(move |_| async move {
            hyper::Response::builder()
                .status(status)
                .body(String::new())
                .unwrap()
        })
        .await;
        assert_eq!(sent_to(address, |_| {}).await, format!("{status} \"\""));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let redirected = async |status: u16, location: Option<&'static str>| {
        let (address, connections) = serve(move |_| async move {
            let response = hyper::Response::builder().status(status);
            let response = match location {
                Some(location) => response.header("location", location),
                None => response,
            };
            response.body(String::new()).unwrap()
        })
        .await;
        let shown = sent_to(address, |_| {}).await;
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        shown
    };
    let elsewhere = Some("https://finesse-b.example.com:8445/finesse?secret=1");
    expect![[r#"
        NotSent Redirected
        `http://127.0.0.1:PORT` redirects to `https://finesse-b.example.com:8445` (301), and redirects are not followed
        set `api = ["https://finesse-b.example.com:8445"]`"#]].assert_eq(&redirected(301, elsewhere).await);
    for (status, sent) in [
        (302, "NotSent"),
        (303, "MaybeSent"),
        (307, "NotSent"),
        (308, "NotSent"),
    ] {
        let shown = redirected(status, elsewhere).await;
        let begins = format!("{sent} Redirected\n");
        assert!(shown.starts_with(&begins), "{status}: {shown}");
    }
    expect![[r#"
        NotSent Redirected
        `http://127.0.0.1:PORT` redirects to another path of its own (302), and redirects are not followed
        the address may be that of a page for browsers, or of a sign-in page in front of the API"#]]
    .assert_eq(&redirected(302, Some("/login?from=1")).await);
    expect![[r#"302 """#]].assert_eq(&redirected(302, None).await);
    expect![[r#"304 """#]].assert_eq(&redirected(304, elsewhere).await);
}

#[tokio::test]
async fn a_proxy_is_used_only_if_it_is_set() {
    let (proxy, connections) = serve(async |request| {
        let headers = request.headers();
        let authorized = headers
            .get("proxy-authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        hyper::Response::new(format!("{} {authorized:?}", request.uri().host().unwrap()))
    })
    .await;
    let settings = TransportSettings {
        proxy: Some(format!("http://user:{CANARY}@{proxy}").parse().unwrap()),
        ..TransportSettings::default()
    };
    assert!(!format!("{settings:?}").contains(CANARY));
    let through = HttpTransport::new(settings).unwrap();
    let reply = through.send(exchange("GET", "http://finesse.invalid/")).await;
    expect![[r#"200 "finesse.invalid Some(\"Basic dXNlcjpjNG40cnktczNjcjN0\")""#]]
        .assert_eq(&shown(reply, proxy));
    let reply = through.send(exchange("GET", "http://finesse.invalid/")).await;
    assert!(reply.is_ok());
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[test]
fn a_proxy_of_another_kind_is_refused() {
    let settings = TransportSettings {
        proxy: Some(format!("socks5://user:{CANARY}@127.0.0.1:1080").parse().unwrap()),
        ..TransportSettings::default()
    };
    let error = HttpTransport::new(settings).err().unwrap();
    assert!(!format!("{error:?}").contains(CANARY));
    expect!["proxy `socks5://127.0.0.1` is no `http://` or `https://` address"].assert_eq(&error.to_string());
}

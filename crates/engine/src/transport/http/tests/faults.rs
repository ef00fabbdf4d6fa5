//! What becomes of an exchange when the network or the server fails, at each point where it can.

use expect_test::expect;
use tokio::net::TcpSocket;

use super::*;

const OK_OF_100: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    expect![[r#"
        NotSent Unreachable
        `http://127.0.0.1:PORT` cannot be reached: connection refused
        check the port, and that the service runs"#]]
    .assert_eq(&sent_to(address, |_| {}).await);
}

#[tokio::test]
async fn no_such_host() {
    let failure = transport()
        .send(exchange("GET", "http://nonexistent.invalid:8445/"))
        .await;
    expect![[r#"
        NotSent Unreachable
        `http://nonexistent.invalid:8445` cannot be reached: the host name was not found
        check the name's spelling, and that this machine's DNS server can be reached and knows it"#]]
    .assert_eq(&shown(failure, ([0, 0, 0, 0], 1).into()));
}

#[tokio::test]
async fn no_connection_in_time() {
    // A backlog of one that nobody empties: the system drops what comes after.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(address)).await
    {
        waiting.push(stream);
    }
    let timeout = Duration::from_millis(200);
    let settings = TransportSettings {
        timeout,
        ..TransportSettings::default()
    };
    let mut exchange = exchange("GET", &format!("http://{address}/"));
    exchange.timeout = timeout;
    let failure = HttpTransport::new(settings).unwrap().send(exchange).await;
    expect![[r#"
        NotSent Unreachable
        `http://127.0.0.1:PORT` cannot be reached: no connection in time
        check the address, and that no firewall lies between"#]]
    .assert_eq(&shown(failure, address));
}

#[tokio::test]
async fn no_answer_in_time() {
    let (address, _) = serve(async |_| std::future::pending().await).await;
    let failure = sent_to(address, |exchange| exchange.timeout = Duration::from_millis(50)).await;
    expect![[r#"
        MaybeSent TimedOut
        `http://127.0.0.1:PORT` did not answer within 0.05 s
    "#]]
    .assert_eq(&failure);
}

#[tokio::test]
async fn no_whole_answer_in_time() {
    let address = misbehave(async |mut stream| {
        answer(&mut stream, OK_OF_100).await;
        std::future::pending::<()>().await;
    })
    .await;
    let failure = sent_to(address, |exchange| exchange.timeout = Duration::from_millis(50)).await;
    expect![[r#"
        MaybeSent TimedOut
        `http://127.0.0.1:PORT` did not answer within 0.05 s
    "#]]
    .assert_eq(&failure);
}

#[tokio::test]
async fn reset_at_once() {
    let address = misbehave(async |stream| stream.set_zero_linger().unwrap()).await;
    let failure = sent_to(address, |_| {}).await;
    // Whether the reset meets the request on its way is a matter of microseconds.
    assert!(
        failure.contains("Broken\nthe exchange with `http://127.0.0.1:PORT` broke off: "),
        "{failure}"
    );
}

#[tokio::test]
async fn reset_after_the_request() {
    let address = misbehave(async |mut stream| {
        read_request(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    expect![[r#"
        MaybeSent Broken
        the exchange with `http://127.0.0.1:PORT` broke off: connection reset
    "#]]
    .assert_eq(&sent_to(address, |_| {}).await);
}

#[tokio::test]
async fn closed_after_the_request() {
    let address = misbehave(async |mut stream| {
        read_request(&mut stream).await;
    })
    .await;
    expect![[r#"
        MaybeSent Broken
        the exchange with `http://127.0.0.1:PORT` broke off: connection closed too soon
    "#]]
    .assert_eq(&sent_to(address, |_| {}).await);
}

#[tokio::test]
async fn reset_within_the_body() {
    let address = misbehave(async |mut stream| {
        answer(&mut stream, OK_OF_100).await;
        stream.write_all(b"<Team>").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    expect![[r#"
        MaybeSent Broken
        the exchange with `http://127.0.0.1:PORT` broke off: connection reset
    "#]]
    .assert_eq(&sent_to(address, |_| {}).await);
}

#[tokio::test]
async fn truncated() {
    let address = misbehave(async |mut stream| {
        answer(&mut stream, OK_OF_100).await;
        stream.write_all(b"<Team>").await.unwrap();
    })
    .await;
    expect![[r#"
        MaybeSent Broken
        the exchange with `http://127.0.0.1:PORT` broke off: connection closed too soon
    "#]]
    .assert_eq(&sent_to(address, |_| {}).await);
}

#[tokio::test]
async fn not_http() {
    let address =
        misbehave(async |mut stream| answer(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await).await;
    expect![[r#"
        MaybeSent Broken
        the exchange with `http://127.0.0.1:PORT` broke off: its answer is not HTTP: invalid HTTP version parsed
    "#]].assert_eq(&sent_to(address, |_| {}).await);
    let address = misbehave(async |mut stream| answer(&mut stream, b"HTTP/1.1 abc OK\r\n\r\n").await).await;
    expect![[r#"
        MaybeSent Broken
        the exchange with `http://127.0.0.1:PORT` broke off: its answer is not HTTP: invalid HTTP status-code parsed
    "#]].assert_eq(&sent_to(address, |_| {}).await);
}

#[tokio::test]
async fn endless_head() {
    let address = misbehave(async |mut stream| {
        answer(&mut stream, b"HTTP/1.1 200 OK\r\n").await;
        let mut number = 0_u64;
        while stream
            .write_all(format!("X-{number}: {}\r\n", "a".repeat(1000)).as_bytes())
            .await
            .is_ok()
        {
            number += 1;
        }
    })
    .await;
    expect![[r#"
        MaybeSent Broken
        the exchange with `http://127.0.0.1:PORT` broke off: its answer's head is too long
    "#]]
    .assert_eq(&sent_to(address, |_| {}).await);
}

#[tokio::test]
async fn declared_too_long() {
    let address = misbehave(async |mut stream| {
        answer(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    expect![[r#"
        MaybeSent TooLarge
        `http://127.0.0.1:PORT` sent an answer of more than 8388608 bytes
    "#]]
    .assert_eq(&sent_to(address, |_| {}).await);
}

#[tokio::test]
async fn as_long_as_the_cap() {
    let address = misbehave(async |mut stream| {
        answer(
            &mut stream,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        )
        .await;
    })
    .await;
    expect![[r#"200 "abc""#]].assert_eq(&sent_to(address, |exchange| exchange.answer_cap = 3).await);
    expect![[r#"
        MaybeSent TooLarge
        `http://127.0.0.1:PORT` sent an answer of more than 2 bytes
    "#]]
    .assert_eq(&sent_to(address, |exchange| exchange.answer_cap = 2).await);
}

#[tokio::test]
async fn two_hundred_megabytes() {
    const CHUNK: usize = 1 << 20;
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let address = misbehave(move |mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            answer(
                &mut stream,
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            )
            .await;
            let mut chunk = format!("{CHUNK:x}\r\n").into_bytes();
            chunk.resize(chunk.len() + CHUNK, b'a');
            chunk.extend_from_slice(b"\r\n");
            while counted.load(Ordering::Relaxed) < 200 && stream.write_all(&chunk).await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await;
    expect![[r#"
        MaybeSent TooLarge
        `http://127.0.0.1:PORT` sent an answer of more than 8388608 bytes
    "#]]
    .assert_eq(&sent_to(address, |_| {}).await);
    // What is not asked for is not read either; the rest of it lies in the system's buffers.
    let megabytes = written.load(Ordering::Relaxed);
    assert!((8..32).contains(&megabytes), "{megabytes} MiB were taken");
}

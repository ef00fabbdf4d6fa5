//! The HTTP transport against a real server that misbehaves.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod faults;
mod reach;
mod replies;
mod trust;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Stands in queries, headers and bodies; no message may hold it.
const CANARY: &str = "c4n4ry-s3cr3t";

fn exchange(method: &str, url: &str) -> Exchange {
    let mut headers = ::http::HeaderMap::new();
    headers.insert("authorization", format!("Bearer {CANARY}").parse().unwrap());
    Exchange {
        method: method.parse().unwrap(),
        url: format!("{url}?token={CANARY}").parse().unwrap(),
        headers,
        body: Bytes::from_static(b"<state>LOGOUT</state>"),
        timeout: Duration::from_secs(5),
        answer_cap: 8 << 20,
        on_status: None,
    }
}

fn transport() -> HttpTransport {
    HttpTransport::new(TransportSettings::default()).unwrap()
}

/// A reply in one line, or a failure, its message and its hint in three, with the port taken out.
fn shown(result: Result<Reply, TransportFailure>, address: SocketAddr) -> String {
    let text = match result {
        Ok(reply) => format!("{} {:?}", reply.status, String::from_utf8_lossy(&reply.body)),
        Err(failure) => {
            let debug = format!("{failure:?}");
            assert!(!debug.contains(CANARY) && !debug.contains("token="), "{debug}");
            format!(
                "{:?} {:?}\n{failure}\n{}",
                failure.sent, failure.kind, failure.hint
            )
        }
    };
    text.replace(&format!(":{}", address.port()), ":PORT")
}

async fn sent_to(address: SocketAddr, change: impl FnOnce(&mut Exchange)) -> String {
    let mut exchange = exchange("PUT", &format!("http://{address}/finesse/api/User/1001"));
    change(&mut exchange);
    shown(transport().send(exchange).await, address)
}

/// A server that answers every request with what `answer` makes of it, and counts its connections.
async fn serve<A, F>(answer: A) -> (SocketAddr, Arc<AtomicUsize>)
where
    A: Fn(hyper::Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = hyper::Response<String>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let answered = answer(request);
                async move { Ok::<_, Infallible>(answered.await) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (address, connections)
}

/// A server that takes each connection, and leaves the rest to `behave`.
async fn misbehave<B, F>(behave: B) -> SocketAddr
where
    B: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(stream));
        }
    });
    address
}

/// Reads one request to the end of its body.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let read = stream.read_buf(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let complete = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let declared = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            body.len() >= declared.map_or(0, |length| length.parse().unwrap())
        });
        if read == 0 || complete {
            return text.into_owned();
        }
    }
}

/// Reads one request and writes these bytes.
async fn answer(stream: &mut TcpStream, bytes: &[u8]) {
    read_request(stream).await;
    stream.write_all(bytes).await.unwrap();
}

//! A vendor that says yes to everything.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Starts it within the runtime; it ends with that. Each request that arrives is told of.
pub(crate) async fn start(arrived: Arc<Notify>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&arrived)));
        }
    });
    address
}

/// Requests without a body, one after the other.
async fn answer(stream: TcpStream, arrived: Arc<Notify>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        let is_end = line == "\r\n";
        line.clear();
        if is_end {
            arrived.notify_one();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

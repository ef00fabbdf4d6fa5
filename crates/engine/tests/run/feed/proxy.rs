//! A proxy on this machine: what HTTP asks of it in clear it hands on, and CONNECT opens a way through it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Proxy {
    address: SocketAddr,
    opened: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// `connects`: whether it does what CONNECT asks for.
    pub(crate) async fn start(connects: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let opened = Arc::<Mutex<Vec<String>>>::default();
        let ways = Arc::clone(&opened);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let ways = Arc::clone(&ways);
                // Who breaks off does so for reasons of his own.
                tokio::spawn(async move { serve(client, connects, &ways).await.ok() });
            }
        });
        Self { address, opened }
    }

    /// As a configuration names it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where to it opened ways.
    pub(crate) fn opened(&self) -> Vec<String> {
        self.opened.lock().unwrap().clone()
    }
}

async fn serve(mut client: TcpStream, connects: bool, opened: &Mutex<Vec<String>>) -> io::Result<()> {
    let head = head(&mut client).await?;
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let is_way = method == "CONNECT";
    if is_way && !connects {
        let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(answer).await;
    }
    let host = target.trim_start_matches("http://").split('/').next().unwrap();
    let mut server = TcpStream::connect(host).await?;
    if is_way {
        opened.lock().unwrap().push(host.to_owned());
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n")
            .await?;
    } else {
        server.write_all(head.as_bytes()).await?;
    }
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    Ok(String::from_utf8(head).unwrap())
}

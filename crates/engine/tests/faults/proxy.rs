//! A proxy on the level of TCP before the simulated vendor, which does to single requests what a network, a proxy or a
//! troubled server does: it knows where each byte of a request and of an answer is, and nothing else of HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens to one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It reaches the vendor so much later.
    Delay(Duration),
    /// So many of its bytes reach the vendor; then both sides see a reset.
    ResetRequest(usize),
    /// So many bytes of the answer come back, then a reset.
    ResetAnswer(usize),
    /// So many bytes of the answer come back, then the connection is closed in good order.
    CutAnswer(usize),
    /// The answer comes in pieces of so many bytes, with this pause between two of them.
    SlowAnswer(usize, Duration),
    /// The vendor sees nothing of it, and nothing comes back.
    Swallow,
    /// The vendor acts on it, and nothing comes back.
    SwallowAnswer,
    /// The vendor sees nothing of it; these bytes come back.
    Instead(Vec<u8>),
    /// The vendor acts on it; these bytes come back.
    InsteadOfAnswer(Vec<u8>),
}

/// `METHOD PATH` of a request to what happens to it.
type Choose = dyn Fn(&str) -> Fault + Send + Sync;

/// Starts a proxy before this origin, and gives its own.
pub(crate) async fn start(
    origin: &str,
    choose: impl Fn(&str) -> Fault + Send + Sync + 'static,
) -> io::Result<String> {
    let vendor: SocketAddr = origin
        .trim_start_matches("http://")
        .parse()
        .map_err(io::Error::other)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let own = format!("http://{}", listener.local_addr()?);
    let choose: Arc<Choose> = Arc::new(choose);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let choose = Arc::clone(&choose);
            // An error is a client that gave up, or a fault.
            tokio::spawn(async move { serve(client, vendor, &*choose).await });
        }
    });
    Ok(own)
}

/// One request after the other, each on a connection of its own to the vendor.
async fn serve(mut client: TcpStream, vendor: SocketAddr, choose: &Choose) -> io::Result<()> {
    loop {
        let Some(request) = read_message(&mut client).await? else {
            return Ok(());
        };
        let line = String::from_utf8_lossy(&request);
        let line = line.split(" HTTP/").next().unwrap_or_default();
        match choose(line) {
            Fault::None => client.write_all(&forward(&request, vendor).await?).await?,
            Fault::Delay(delay) => {
                tokio::time::sleep(delay).await;
                client.write_all(&forward(&request, vendor).await?).await?;
            }
            Fault::ResetRequest(bytes) => {
                let mut onward = TcpStream::connect(vendor).await?;
                onward.write_all(&request[..bytes.min(request.len())]).await?;
                onward.set_zero_linger()?;
                return client.set_zero_linger();
            }
            Fault::ResetAnswer(bytes) => {
                let answer = forward(&request, vendor).await?;
                client.write_all(&answer[..bytes.min(answer.len())]).await?;
                return client.set_zero_linger();
            }
            Fault::CutAnswer(bytes) => {
                let answer = forward(&request, vendor).await?;
                return client.write_all(&answer[..bytes.min(answer.len())]).await;
            }
            Fault::SlowAnswer(bytes, pause) => {
                for piece in forward(&request, vendor).await?.chunks(bytes) {
                    client.write_all(piece).await?;
                    tokio::time::sleep(pause).await;
                }
            }
            Fault::Swallow => return until_closed(client).await,
            Fault::SwallowAnswer => {
                forward(&request, vendor).await?;
                return until_closed(client).await;
            }
            Fault::Instead(bytes) => return client.write_all(&bytes).await,
            Fault::InsteadOfAnswer(bytes) => {
                forward(&request, vendor).await?;
                return client.write_all(&bytes).await;
            }
        }
    }
}

/// The vendor's answer.
async fn forward(request: &[u8], vendor: SocketAddr) -> io::Result<Vec<u8>> {
    let mut onward = TcpStream::connect(vendor).await?;
    onward.write_all(request).await?;
    let answer = read_message(&mut onward).await?;
    answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// A message to the end of its body; `None` if the connection is closed before it begins.
async fn read_message(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let declared = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = declared.and_then(|length| length.parse().ok()).unwrap_or(0);
            if bytes.len() >= head.len() + 4 + length {
                return Ok(Some(bytes));
            }
        }
    }
}

/// Until the client gives up.
async fn until_closed(mut client: TcpStream) -> io::Result<()> {
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await?;
    Ok(())
}

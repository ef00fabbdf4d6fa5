//! How a vendor is reached: proxies, address families, and how many connections that takes.

use super::*;
use crate::transport::ProxyVariables;

/// A proxy that answers everything itself, saying what it was asked for.
async fn proxy() -> SocketAddr {
    let (address, _) = serve(async |request: hyper::Request<Incoming>| {
        let authorization = request.headers().get("proxy-authorization");
        let authorization = authorization.map_or("-", |value| value.to_str().unwrap());
        hyper::Response::new(format!("{} {} {authorization}", request.method(), request.uri()))
    })
    .await;
    address
}

async fn sent_through(variables: &[(&str, String)], explicit: Option<String>, url: &str) -> String {
    let found = |wanted: &str| {
        let mut variables = variables.iter();
        variables
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.clone())
    };
    let settings = TransportSettings {
        proxy: explicit.map(|proxy| proxy.parse().unwrap()),
        proxy_variables: ProxyVariables::read(found),
        ..TransportSettings::default()
    };
    let mut exchange = exchange("GET", url);
    exchange.url.set_query(None);
    shown(
        HttpTransport::new(settings).unwrap().send(exchange).await,
        ([0, 0, 0, 0], 65_535).into(),
    )
}

#[tokio::test]
async fn the_usual_variables_name_the_proxy() {
    let proxy = proxy().await;
    let variables = [
        ("http_proxy", format!("http://me:secret@{proxy}")),
        ("NO_PROXY", "direct.invalid".to_owned()),
    ];
    assert_eq!(
        sent_through(&variables, None, "http://finesse.invalid:8082/x").await,
        r#"200 "GET http://finesse.invalid:8082/x Basic bWU6c2VjcmV0""#
    );
    let direct = sent_through(&variables, None, "http://direct.invalid/x").await;
    assert!(
        direct.contains("`http://direct.invalid` cannot be reached: the host name was not found"),
        "{direct}"
    );
}

#[tokio::test]
async fn this_machine_is_asked_through_a_proxy_only_if_the_settings_say_so() {
    let proxy = proxy().await;
    let (address, _) = serve(async |_| hyper::Response::new("direct".to_owned())).await;
    let url = format!("http://{address}/x");
    let variables = [("ALL_PROXY", proxy.to_string())];
    assert_eq!(sent_through(&variables, None, &url).await, r#"200 "direct""#);
    let explicit = Some(format!("http://{proxy}"));
    assert_eq!(
        sent_through(&[], explicit, &url).await,
        format!("200 \"GET {url} -\"")
    );
}

#[tokio::test]
async fn a_variable_that_names_no_proxy_is_named() {
    let variables = [("ALL_PROXY", "socks5://gate:1080".to_owned())];
    let refused = sent_through(&variables, None, "https://finesse.invalid/x").await;
    assert_eq!(
        refused,
        "NotSent Unreachable\n`https://finesse.invalid` cannot be asked: `ALL_PROXY` names the proxy \
         `socks5://gate:1080`, which is no `http://` or `https://` address\nset `proxy` for the connection, or name the \
         host in `NO_PROXY`"
    );
}

#[tokio::test]
async fn a_proxy_that_is_down_is_named_with_the_origin() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let variables = [("HTTPS_PROXY", format!("http://{gone}"))];
    let refused = sent_through(&variables, None, "https://finesse.invalid/x").await;
    assert!(
        refused.starts_with(&format!(
            "NotSent Unreachable\n`https://finesse.invalid` cannot be reached through proxy `http://{gone}`: "
        )),
        "{refused}"
    );
}

#[tokio::test]
async fn an_address_may_be_of_ipv6() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        // Containers without IPv6 exist.
        return;
    };
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            let host = request
                .lines()
                .find(|line| line.starts_with("host: "))
                .unwrap_or_default();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{host}", host.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let reply = transport()
        .send(exchange("GET", &format!("http://{address}/")))
        .await
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&reply.body),
        format!("host: [::1]:{}", address.port())
    );
}

#[tokio::test]
async fn connections_are_reused_and_counted() {
    let (address, connections) = serve(async |_| hyper::Response::new("hello".to_owned())).await;
    let transport = transport();
    let url = format!("http://{address}/");
    for _ in 0..250 {
        let sends = (0..4).map(|_| transport.send(exchange("PUT", &url)));
        for reply in futures_util::future::join_all(sends).await {
            assert_eq!(reply.unwrap().status, 200);
        }
    }
    let opened = transport.connections_opened();
    assert_eq!(opened, connections.load(Ordering::Relaxed) as u64);
    assert!(
        (1..=8).contains(&opened),
        "{opened} connections for 1,000 requests"
    );
}

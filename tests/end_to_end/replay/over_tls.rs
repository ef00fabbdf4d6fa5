//! Old labs re-aimed at what servers offer today: everything in TLS, and no password in clear.

use super::Lab;
use super::labs::page;
use crate::support::Ended;

const HEARD: &str =
    "4. In **Pidgin**, you should see a user notification with the ``<state>`` tag value of LOGOUT.\n";

fn port(origin: &str) -> &str {
    origin.rsplit(':').next().unwrap()
}

/// Replays the page with ports in TLS.
fn in_tls(lab: &Lab, more: &[&str]) -> Ended {
    let rest = format!("8082={}/https", port(&lab.0.sandbox.https_origin()));
    let feed = format!("5222={}/tls", lab.0.sandbox.xmpp_tls_address().port());
    let fixed = [
        "replay",
        "7.md",
        "-e",
        "lab.json",
        "--map-port",
        &rest,
        "--map-port",
        &feed,
    ];
    lab.without_secrets(lab.0.run(&[&fixed[..], more].concat()))
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.0.write("7.md", &page("agentA", HEARD));
    lab.0.write("ca.pem", lab.0.sandbox.certificate());
    lab
}

#[test]
fn ports_are_mapped_to_those_in_tls() {
    let lab = lab();
    let ended = in_tls(&lab, &["--ca-file", "ca.pem"]).exits(0);
    let sent = format!("PUT {}/finesse/api/User/agentA", lab.0.sandbox.https_origin());
    assert!(ended.stdout.contains(&sent), "{}", ended.stdout);
    assert_eq!(lab.0.sandbox.ledger().logouts_of("agentA").applied, 1);
}

#[test]
fn a_certificate_of_nobody_is_not_trusted_unless_that_is_asked_for() {
    let lab = lab();
    let cure = "help: save the issuer's certificate as PEM, and name it: `--ca-file FILE`";
    let ended = in_tls(&lab, &[]).exits(1);
    assert!(ended.stdout.contains(cure), "{}", ended.stdout);
    // Also where nobody listens, so that the request is the first to meet it.
    let mute = page("agentA", HEARD).replace(HEARD, "");
    lab.0.write("7.md", &mute);
    let ended = in_tls(&lab, &[]).exits(1);
    assert!(ended.stdout.contains(cure), "{}", ended.stdout);
    assert!(lab.0.sandbox.ledger().requests().is_empty());
    in_tls(&lab, &["--danger-accept-invalid-certificates"]).exits(0);
}

#[test]
fn each_way_in_which_a_feed_does_not_open_has_its_cure() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("5222={}", listener.local_addr().unwrap().port());
    drop(listener);
    for (fault, to, words) in [
        (
            "",
            "closed",
            [
                "connection refused",
                "`--map-port 5222=PORT/tls` names another port",
            ],
        ),
        (
            "",
            "tls",
            [
                "certificate",
                "help: save the issuer's certificate as PEM, and name it: `--ca-file FILE`",
            ],
        ),
        (
            "feed_not_authorized=0",
            "plain",
            [
                "not-authorized",
                "check the user `agentA` and his password, `{{agentA_password}}`;",
            ],
        ),
        (
            "feed_no_plain",
            "plain",
            [
                "takes no PLAIN",
                "check that XMPP is spoken at this port, and whether in TLS",
            ],
        ),
    ] {
        let lab = lab();
        if !fault.is_empty() {
            lab.0.fault(fault);
        }
        let map = match to {
            "closed" => closed.clone(),
            "tls" => format!("5222={}/tls", lab.0.sandbox.xmpp_tls_address().port()),
            _ => format!("5222={}", lab.0.sandbox.xmpp_address().port()),
        };
        let arguments = ["replay", "7.md", "-e", "lab.json", "--map-port", &map];
        let ended = lab.without_secrets(lab.0.run(&arguments)).exits(1);
        for words in words {
            assert!(ended.stdout.contains(words), "{fault} {to}: {}", ended.stdout);
        }
        assert!(lab.0.sandbox.ledger().requests().is_empty());
    }
}

#[test]
fn a_base_url_takes_the_place_of_what_the_page_says() {
    let lab = lab();
    let origin = lab.0.sandbox.https_origin();
    let feed = format!("5222={}/tls", lab.0.sandbox.xmpp_tls_address().port());
    lab.without_secrets(lab.0.run(&[
        "replay",
        "7.md",
        "-e",
        "lab.json",
        "--var",
        "web-url=gone.example",
        "--base-url",
        &origin,
        "--map-port",
        &feed,
        "--ca-file",
        "ca.pem",
    ]))
    .exits(0);
    assert_eq!(lab.0.sandbox.ledger().logouts_of("agentA").applied, 1);
}

#[test]
fn no_password_goes_out_in_clear_unless_that_is_asked_for() {
    let lab = lab();
    // An address of this machine that does not look like one.
    let elsewhere = ["7.md", "--var", "web-url=0.0.0.0"];
    let ended = lab.replay(&elsewhere).exits(1);
    assert!(
        ended
            .stdout
            .contains("the password would go to `0.0.0.0` in clear"),
        "{}",
        ended.stdout
    );
    assert!(lab.0.sandbox.ledger().requests().is_empty());
    // Nor does it where nothing is to be heard, and only the request would tell it.
    lab.0.write("7.md", &page("agentA", ""));
    let ended = lab.replay(&elsewhere).exits(1);
    assert!(ended.stdout.contains("in clear"), "{}", ended.stdout);
    assert!(lab.0.sandbox.ledger().requests().is_empty());
    lab.replay(&[&elsewhere[..], &["--danger-plain-http"]].concat())
        .exits(0);
    let requests = lab.0.sandbox.ledger().requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
}

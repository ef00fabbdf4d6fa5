//! How Finesse is.

use expect_test::expect;
use signoff_core::{FailureKind, Sent};

use super::check;
use super::fixtures::{error, operation, system_info};

#[test]
fn in_service() {
    check(
        &operation("health"),
        |drive| {
            drive.respond(200, &system_info("UCCX", "IN_SERVICE"));
        },
        expect![[r#"
            > GET /finesse/api/SystemInfo read open
            < 200 Ok
              row finesse-a.example.com: status=IN_SERVICE deployment=UCCX authentication=NON_SSO license=Premium time=2026-01-01T00:00:00.000Z xmpp_domain=example.com xmpp_pubsub_domain=pubsub.example.com primary_node=finesse-a.example.com
            = done
        "#]],
    );
}

#[test]
fn out_of_service() {
    let out = system_info("UCCE", "OUT_OF_SERVICE").replace(
        "<systemAuthMode>",
        "<statusReason>the CTI connection is lost</statusReason><systemAuthMode>",
    );
    check(
        &operation("health"),
        |drive| {
            drive.respond(200, &out);
        },
        expect![[r#"
            > GET /finesse/api/SystemInfo read open
            < 200 Unavailable
              row finesse-a.example.com: status=OUT_OF_SERVICE status_reason="the CTI connection is lost" deployment=UCCE authentication=NON_SSO license=Premium time=2026-01-01T00:00:00.000Z xmpp_domain=example.com xmpp_pubsub_domain=pubsub.example.com primary_node=finesse-a.example.com
            = failed
                code: OUT_OF_SERVICE
                message: the CTI connection is lost
        "#]],
    );
    check(
        &operation("health"),
        |drive| {
            drive.respond(503, &error("Service Unavailable", "", "SERVER_OUT_OF_SERVICE"));
        },
        expect![[r#"
            > GET /finesse/api/SystemInfo read open
            < 503 Unavailable
            = failed
                code: Service Unavailable
                message: SERVER_OUT_OF_SERVICE
        "#]],
    );
    check(
        &operation("health"),
        |drive| {
            drive.fail(FailureKind::Unreachable, Sent::NotSent);
        },
        expect![[r#"
            > GET /finesse/api/SystemInfo read open
            < Unreachable NotSent
            = failed
                code: unreachable
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
}

//! The list of users.

use expect_test::expect;
use signoff_core::{CancelReason, FailureKind, Sent};

use super::check;
use super::fixtures::{page, roster};

#[test]
fn page_by_page_until_the_count_is_reached() {
    check(
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], 1, 5))
                .respond(200, &page(&["c", "d"], 2, 5))
                .respond(200, &page(&["e"], 3, 5));
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row a: name="User a" email=a@zap.example login_name=a@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row b: name="User b" email=b@zap.example login_name=b@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < 200 Ok
              row c: name="User c" email=c@zap.example login_name=c@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row d: name="User d" email=d@zap.example login_name=d@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=3 read bearer
            < 200 Ok
              row e: name="User e" email=e@zap.example login_name=e@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            = done
        "#]],
    );
}

#[test]
fn the_last_page_may_be_full() {
    check(
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], 1, 4))
                .respond(200, &page(&["c", "d"], 2, 4));
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row a: name="User a" email=a@zap.example login_name=a@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row b: name="User b" email=b@zap.example login_name=b@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < 200 Ok
              row c: name="User c" email=c@zap.example login_name=c@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row d: name="User d" email=d@zap.example login_name=d@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            = done
        "#]],
    );
}

#[test]
fn a_count_that_may_be_of_the_page_alone_is_not_trusted() {
    check(
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], 1, 2))
                .respond(200, &page(&["c"], 2, 1));
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row a: name="User a" email=a@zap.example login_name=a@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row b: name="User b" email=b@zap.example login_name=b@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < 200 Ok
              row c: name="User c" email=c@zap.example login_name=c@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            = done
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], 1, 2))
                .respond(200, &page(&[], 2, 2));
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row a: name="User a" email=a@zap.example login_name=a@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row b: name="User b" email=b@zap.example login_name=b@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < 200 Ok
            = done
        "#]],
    );
}

#[test]
fn without_a_count_the_page_that_is_not_full_is_the_last() {
    let rows = |rows: &str| format!(r#"{{"data":{{"userData":[{rows}]}}}}"#);
    check(
        &roster(),
        |drive| {
            drive
                .respond(200, &rows(r#"{"id":"a","name":null},{"id":"b"}"#))
                .respond(200, &rows(""));
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row a:
              row b:
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < 200 Ok
            = done
        "#]],
    );
}

#[test]
fn a_server_may_have_smaller_pages() {
    let small = page(&["a"], 1, 2).replace("\"bodyLimit\":2", "\"bodyLimit\":\"1\"");
    check(
        &roster(),
        |drive| {
            drive.respond(200, &small).respond(200, &page(&["b"], 2, 2));
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row a: name="User a" email=a@zap.example login_name=a@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < 200 Ok
              row b: name="User b" email=b@zap.example login_name=b@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            = done
        "#]],
    );
}

#[test]
fn users_who_come_meanwhile_are_given_once() {
    check(
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["c", "b"], 1, 3))
                .respond(200, &page(&["b", "a"], 2, 4));
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row c: name="User c" email=c@zap.example login_name=c@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row b: name="User b" email=b@zap.example login_name=b@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < 200 Ok
              row a: name="User a" email=a@zap.example login_name=a@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            = done
        "#]],
    );
}

#[test]
fn a_list_that_ends_too_early_is_an_error() {
    check(
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], 1, 5))
                .respond(200, &page(&[], 2, 5));
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row a: name="User a" email=a@zap.example login_name=a@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row b: name="User b" email=b@zap.example login_name=b@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < 200 Ok
            = failed
                code: incomplete_list
                message: the list ended after 2 of 5 users: it may have changed while it was read; run it again
        "#]],
    );
}

#[test]
fn a_list_that_does_not_end_is_an_error() {
    check(
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], 1, 9))
                .respond(200, &page(&["a", "b"], 1, 9));
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row a: name="User a" email=a@zap.example login_name=a@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row b: name="User b" email=b@zap.example login_name=b@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < 200 Ok
            = failed
                code: endless_list
                message: page 2 of the list of users repeats earlier ones, and would without end
        "#]],
    );
}

#[test]
fn what_is_no_list() {
    check(
        &roster(),
        |drive| {
            drive.respond(200, "[]");
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
            = failed
                code: unreadable_answer
                message: page 1 of the list of users: there is no list at `data.userData`
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.respond(200, r#"{"data":{"userData":[{"id":"a"},{"name":"b"}]}}"#);
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
            = failed
                code: unreadable_answer
                message: page 1 of the list of users: user 2 on it has no `id`
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.respond(200, "<html>");
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
            = failed
                code: unreadable_answer
                message: the answer is a web page: is this ZAP's API, and is nothing in between?
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.respond(403, r#"{"success":false,"message":"users:readAny is missing"}"#);
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 403 Other
            = denied
                code: http_403
                message: users:readAny is missing
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.fail(FailureKind::TooLarge, Sent::MaybeSent);
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < TooLarge MaybeSent
            = failed
                code: answer_too_large
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], 1, 5))
                .cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /v1/users?bodyLimit=2&pageLimit=1 read bearer
            < 200 Ok
              row a: name="User a" email=a@zap.example login_name=a@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
              row b: name="User b" email=b@zap.example login_name=b@zap.example role_id=r1 email_verified=true ip_addresses=[192.0.2.7] created_at=2023-01-25T23:14:31.000Z updated_at=2023-01-26T10:00:00.000Z
            > GET /v1/users?bodyLimit=2&pageLimit=2 read bearer
            < cancel Stopped
            = cancelled
        "#]],
    );
}

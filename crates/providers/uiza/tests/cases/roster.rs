//! The list of users, page by page, with the connection's own key.

use expect_test::expect;
use signoff_core::{CancelReason, FailureKind, Field, Sent};

use super::fixtures::{error, roster, unauthorized, v4};
use super::{check, check_with};

/// A page with these users, and the count where there is one.
fn page(ids: &[&str], total: Option<u64>) -> String {
    let users: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
    page_of(&users.join(","), total)
}

fn page_of(users: &str, total: Option<u64>) -> String {
    let metadata = total.map_or_else(String::new, |total| {
        format!(r#","metadata":{{"total":{total},"result":2,"page":1,"limit":2}}"#)
    });
    format!(
        r#"{{"data":[{users}]{metadata},"version":3,"requestId":"1","message":"OK","code":200,"type":"SUCCESS"}}"#
    )
}

fn pages_of(size: i64) -> Vec<Field> {
    vec![Field::new("page_size", size)]
}

#[test]
fn all_that_are_counted() {
    check_with(
        &pages_of(2),
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], Some(3)))
                .respond(200, &page(&["c"], Some(3)));
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=2 read Header("Authorization") proof
            < 200 Ok
              row a:
              row b:
            > GET /api/public/v3/admin/user?page=2&limit=2 read Header("Authorization") proof
            < 200 Ok
              row c:
            = done
        "#]],
    );
}

#[test]
fn what_is_told_of_a_user() {
    let users = r#"{"id":"237a1a0d","isAdmin":1,"username":"user_test","email":"user_test@uiza.io",
        "createdAt":"2018-06-22T19:03:47.000Z","updatedAt":"2018-06-22T19:03:48.000Z"},
        {"id":"237a1a0e","isAdmin":0,"username":"anna","fullname":"Anna Lee"}"#;
    check(
        &roster(),
        |drive| {
            drive.respond(200, &page_of(users, Some(2)));
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Ok
              row 237a1a0d: name=user_test login_name=user_test email=user_test@uiza.io is_admin=true created_at=2018-06-22T19:03:47.000Z updated_at=2018-06-22T19:03:48.000Z
              row 237a1a0e: name="Anna Lee" login_name=anna is_admin=false
            = done
        "#]],
    );
}

#[test]
fn nobody_at_all() {
    check(
        &roster(),
        |drive| {
            drive.respond(200, &page(&[], Some(0)));
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Ok
            = done
        "#]],
    );
    check_with(
        &v4(""),
        &roster(),
        |drive| {
            drive.respond(200, &page(&[], None));
        },
        expect![[r#"
            > GET /api/public/v4/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Ok
            = done
        "#]],
    );
}

#[test]
fn v4_gives_no_count() {
    let mut options = v4("");
    options.extend(pages_of(2));
    check_with(
        &options,
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], None))
                .respond(200, &page(&["c", "d"], None))
                .respond(200, &page(&["e"], None));
        },
        expect![[r#"
            > GET /api/public/v4/admin/user?page=1&limit=2 read Header("Authorization") proof
            < 200 Ok
              row a:
              row b:
            > GET /api/public/v4/admin/user?page=2&limit=2 read Header("Authorization") proof
            < 200 Ok
              row c:
              row d:
            > GET /api/public/v4/admin/user?page=3&limit=2 read Header("Authorization") proof
            < 200 Ok
              row e:
            = done
        "#]],
    );
}

#[test]
fn a_first_page_may_be_short_because_uiza_has_a_maximum_of_its_own() {
    check_with(
        &v4(""),
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], None))
                .respond(200, &page(&["c", "d"], None))
                .respond(200, &page(&[], None));
        },
        expect![[r#"
            > GET /api/public/v4/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Ok
              row a:
              row b:
            > GET /api/public/v4/admin/user?page=2&limit=20 read Header("Authorization") proof
            < 200 Ok
              row c:
              row d:
            > GET /api/public/v4/admin/user?page=3&limit=20 read Header("Authorization") proof
            < 200 Ok
            = done
        "#]],
    );
}

#[test]
fn the_same_page_again_and_again() {
    check_with(
        &v4(""),
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["a", "b"], None))
                .respond(200, &page(&["a", "b"], None));
        },
        expect![[r#"
            > GET /api/public/v4/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Ok
              row a:
              row b:
            > GET /api/public/v4/admin/user?page=2&limit=20 read Header("Authorization") proof
            < 200 Ok
            = done
        "#]],
    );
}

#[test]
fn a_list_that_changes_while_it_is_read() {
    check_with(
        &pages_of(2),
        &roster(),
        |drive| {
            drive
                .respond(200, &page(&["b", "c"], Some(3)))
                .respond(200, &page(&["c", "d"], Some(4)))
                .respond(200, &page(&[], Some(4)));
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=2 read Header("Authorization") proof
            < 200 Ok
              row b:
              row c:
            > GET /api/public/v3/admin/user?page=2&limit=2 read Header("Authorization") proof
            < 200 Ok
              row d:
            > GET /api/public/v3/admin/user?page=3&limit=2 read Header("Authorization") proof
            < 200 Ok
            = failed
                code: incomplete_list
                message: Uiza counts 4 users and listed 3: the list changed while it was read; read it again
        "#]],
    );
}

#[test]
fn a_single_user_and_odd_members() {
    let one = r#"{"data":{"id":7,"isAdmin":"yes","fullname":" Anna "},"metadata":{"total":1},"code":"200"}"#;
    check(
        &roster(),
        |drive| {
            drive.respond(200, one);
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Ok
              row 7: name=Anna
            = done
        "#]],
    );
}

#[test]
fn a_list_that_cannot_be_read() {
    check(
        &roster(),
        |drive| {
            drive.respond(200, r#"{"data":"none","code":200}"#);
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Ok
            = failed
                code: unreadable_answer
                message: page 1 of the list of users has no list in `data`
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.respond(200, r#"{"data":[{"name":"x"}],"code":200}"#);
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Ok
            = failed
                code: unreadable_answer
                message: page 1 of the list of users has one without an `id`
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.respond(200, "<html>");
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Other
            = failed
                code: unreadable_answer
                message: status 200 without Uiza's envelope: is this Uiza's API, and is nothing in between?
                details: description_link=https://docs.uiza.io/#list-all-users
        "#]],
    );
}

#[test]
fn the_key_of_the_connection_is_refused() {
    check(
        &roster(),
        |drive| {
            drive.respond(401, &unauthorized());
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 401 CredentialRefused
            = denied
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#list-all-users type=ERROR retryable=false
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.respond(200, &unauthorized());
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 CredentialRefused
            = denied
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#list-all-users type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn out_of_service() {
    check(
        &roster(),
        |drive| {
            drive.respond(200, &error(503, "ERROR", "null", true, "Service Unavailable"));
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Unavailable
            = failed
                code: 503
                message: Service Unavailable
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#list-all-users type=ERROR retryable=true
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.respond(200, &error(429, "ERROR", "null", true, "slowly"));
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < 200 Throttled(None)
            = failed
                code: 429
                message: slowly
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#list-all-users type=ERROR retryable=true
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.fail(FailureKind::Unreachable, Sent::NotSent);
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < Unreachable NotSent
            = failed
                code: unreachable
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
    check(
        &roster(),
        |drive| {
            drive.cancel(CancelReason::CredentialStopped);
        },
        expect![[r#"
            > GET /api/public/v3/admin/user?page=1&limit=20 read Header("Authorization") proof
            < cancel CredentialStopped
            = cancelled
                code: credential_stopped
                message: Uiza refuses the connection's key, so nothing more is sent with it
        "#]],
    );
}

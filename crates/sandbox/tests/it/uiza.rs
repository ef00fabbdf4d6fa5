//! The simulated Uiza: its answers as its documents and the fixtures of its SDKs show them, every way in which they
//! differ, and what the ledger says.

use expect_test::expect;
use signoff_sandbox::{Population, Sandbox, Settings, UizaSettings, uiza};

use crate::client::{Reply, send};

const LOGOUT: &str = "POST /api/public/v3/admin/user/logout";

async fn started(faults: &[&str]) -> Sandbox {
    let mut settings = Settings::with(Population::team(1));
    for fault in faults {
        settings = settings.fault(fault.parse().unwrap());
    }
    Sandbox::start(settings).await.unwrap()
}

async fn ask(sandbox: &Sandbox, key: &str, line: &str, body: &str) -> Reply {
    let request = format!(
        "{line} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nAuthorization: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    send(sandbox, &request).await.unwrap()
}

/// `STATUS BODY`, with names in place of times and ids of requests.
fn brief(reply: &Reply) -> String {
    let mut text = format!("{} {}", reply.status, reply.body);
    for (field, name) in [
        ("datetime", "TIME"),
        ("requestId", "REQUEST"),
        ("expired", "DATE"),
    ] {
        let opening = format!("\"{field}\":\"");
        if let Some(start) = text.find(&opening).map(|at| at + opening.len()) {
            let length = text[start..].find('"').unwrap();
            text.replace_range(start..start + length, name);
        }
    }
    text
}

fn user(number: usize) -> uiza::User {
    uiza::demo().remove(number)
}

#[tokio::test]
async fn the_logout_of_the_documents() {
    let sandbox = started(&[]).await;
    let user = user(1);
    let reply = ask(&sandbox, &user.key, LOGOUT, "").await;
    expect![[r#"200 {"data":{"message":"Logout success"},"version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api","message":"OK","code":200,"type":"SUCCESS"}"#]].assert_eq(&brief(&reply));
    let datetime: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        datetime["datetime"].as_str().unwrap().len(),
        "2018-06-22T19:03:47.686Z".len()
    );
    assert_eq!(sandbox.uiza_keys_of(&user.id), Some(0));
    // The key is none any more.
    let again = ask(&sandbox, &user.key, LOGOUT, "").await;
    expect![[r#"401 {"code":401,"type":"ERROR","data":null,"retryable":false,"message":"Unauthorized","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}"#]].assert_eq(&brief(&again));
    let logouts = sandbox.ledger().uiza_logouts_of(&user.id);
    assert_eq!((logouts.requested, logouts.accepted, logouts.applied), (2, 1, 1));
    assert_eq!(sandbox.ledger().requests()[1].actor, Some(user.id));
    assert_eq!(sandbox.uiza_keys_of("nobody"), None);
}

#[tokio::test]
async fn the_body_of_a_logout_is_ignored() {
    let sandbox = started(&[]).await;
    for (number, body) in ["{}", "[]", r#"{"appId":null}"#, "no JSON"]
        .into_iter()
        .enumerate()
    {
        let user = user(number + 1);
        assert_eq!(ask(&sandbox, &user.key, LOGOUT, body).await.status, 200, "{body}");
        assert_eq!(sandbox.uiza_keys_of(&user.id), Some(0));
    }
    assert_eq!(sandbox.uiza_keys_of(&user(5).id), Some(1));
}

#[tokio::test]
async fn the_three_bodies_of_a_success() {
    let sandbox = started(&[]).await;
    let mut answers = String::new();
    let mut number = 0;
    for body in ["default", "A", "B", "C"] {
        if body != "default" {
            sandbox.clear_faults();
            sandbox.set_fault(format!("uiza_body={body}").parse().unwrap());
        }
        for version in ["v3", "v4"]
            .into_iter()
            .take(if body == "default" { 2 } else { 1 })
        {
            let line = format!("POST /api/public/{version}/admin/user/logout");
            let reply = ask(&sandbox, &user(number).key, &line, "{}").await;
            answers.push_str(&format!("{body} {version}: {}\n", brief(&reply)));
            number += 1;
        }
    }
    expect![[r#"
        default v3: 200 {"data":{"message":"Logout success"},"version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api","message":"OK","code":200,"type":"SUCCESS"}
        default v4: 200 {"data":{"message":"success"},"message":"Logout success","version":4,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api-v4","code":200,"type":"SUCCESS"}
        A v3: 200 {"data":{"message":"Logout success"},"version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api","message":"OK","code":200,"type":"SUCCESS"}
        B v3: 200 {"message":"Logout success","code":200,"type":"SUCCESS"}
        C v3: 200 {"data":{"message":"success"},"message":"Logout success","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api","code":200,"type":"SUCCESS"}
    "#]].assert_eq(&answers);
}

#[tokio::test]
async fn only_the_raw_key_is_one() {
    let sandbox = started(&[]).await;
    let user = user(2);
    let mut answers = String::new();
    for shown in [
        format!("Bearer {}", user.key),
        format!("Basic {}", user.key),
        "uap-00000000000000000000000000000000-00000000".to_owned(),
        String::new(),
    ] {
        let reply = ask(&sandbox, &shown, LOGOUT, "").await;
        answers.push_str(&format!("{}\n", brief(&reply)));
    }
    let missing = format!("{LOGOUT} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n");
    answers.push_str(&brief(&send(&sandbox, &missing).await.unwrap()));
    expect![[r#"
        401 {"code":401,"type":"ERROR","data":null,"retryable":false,"message":"Unauthorized","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        401 {"code":401,"type":"ERROR","data":null,"retryable":false,"message":"Unauthorized","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        401 {"code":401,"type":"ERROR","data":null,"retryable":false,"message":"Unauthorized","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        401 {"code":401,"type":"ERROR","data":null,"retryable":false,"message":"Unauthorized","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        401 {"code":401,"type":"ERROR","data":null,"retryable":false,"message":"Unauthorized","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}"#]].assert_eq(&answers);
    assert_eq!(sandbox.uiza_keys_of(&user.id), Some(1));
}

#[tokio::test]
async fn errors_in_the_envelope() {
    let sandbox = started(&[]).await;
    let user = user(3);
    let mut answers = String::new();
    for error in [
        "200_401", "200_type", "400", "401", "404", "422", "object", "500", "503",
    ] {
        sandbox.set_fault(format!("uiza_error={error}#1").parse().unwrap());
        let reply = ask(&sandbox, &user.key, LOGOUT, "").await;
        answers.push_str(&format!("{error}: {}\n", brief(&reply)));
    }
    sandbox.set_fault("uiza_link".parse().unwrap());
    sandbox.set_fault("unavailable#1".parse().unwrap());
    answers.push_str(&format!(
        "unavailable: {}\n",
        brief(&ask(&sandbox, &user.key, LOGOUT, "").await)
    ));
    sandbox.set_fault("error_500#1".parse().unwrap());
    answers.push_str(&format!(
        "error_500: {}\n",
        brief(&ask(&sandbox, &user.key, LOGOUT, "").await)
    ));
    let unknown = ask(&sandbox, &user.key, "GET /api/public/v3/media/entity", "").await;
    answers.push_str(&format!("unknown: {}\n", brief(&unknown)));
    let unknown = ask(&sandbox, &user.key, "GET /api/public/v5/admin/user", "").await;
    answers.push_str(&format!("version: {:.20}\n", brief(&unknown)));
    expect![[r#"
        200_401: 200 {"code":401,"type":"ERROR","data":null,"retryable":false,"message":"Unauthorized","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        200_type: 200 {"code":200,"type":"ERROR","data":null,"retryable":false,"message":"Logout failed","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        400: 400 {"code":400,"type":"BAD_REQUEST","data":"BAD_REQUEST","retryable":false,"message":"Bad Request","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        401: 401 {"code":401,"type":"ERROR","data":null,"retryable":false,"message":"Unauthorized","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        404: 404 {"code":404,"type":"ERROR","data":null,"retryable":false,"message":"Not found","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        422: 422 {"code":422,"type":"ERROR","data":[{"type":"required","field":"url","message":"The 'url' field is required!"}],"retryable":false,"message":"Parameters validation error!","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        object: 400 {"code":400,"type":"ERROR","data":{"reason":"The request could not be understood","field":"appId"},"retryable":false,"message":"Bad Request","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        500: 500 {"code":500,"type":"ERROR","data":null,"retryable":false,"message":"Internal server error","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        503: 503 {"code":503,"type":"ERROR","data":null,"retryable":true,"message":"Service unavailable","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        unavailable: 503 {"code":503,"type":"ERROR","data":null,"retryable":true,"message":"Service unavailable","description_link":"https://docs.uiza.io/#errors","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        error_500: 500 {"code":500,"type":"ERROR","data":null,"retryable":false,"message":"Internal server error","description_link":"https://docs.uiza.io/#errors","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        unknown: 404 {"code":404,"type":"ERROR","data":null,"retryable":false,"message":"Not found","description_link":"https://docs.uiza.io/#errors","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
        version: 404 <!doctype html><
    "#]].assert_eq(&answers);
    assert_eq!(sandbox.uiza_keys_of(&user.id), Some(1));
    let requests = sandbox.ledger().requests();
    assert_eq!(requests[0].fault, Some("uiza_error"));
    // A fault of this vendor leaves the others alone.
    sandbox.set_fault("uiza_error=404#1".parse().unwrap());
    let hotdesk = ask(&sandbox, "", "GET /hotdesk/1/users", "").await;
    assert_eq!(
        (hotdesk.status, sandbox.ledger().requests().pop().unwrap().fault),
        (401, None)
    );
}

#[tokio::test]
async fn keys_are_made_and_checked() {
    let sandbox = started(&[]).await;
    let user = user(4);
    let check = "POST /api/public/v3/admin/user/auth/check-token";
    let reply = ask(&sandbox, &user.key, check, "").await;
    expect![[r#"200 {"data":{"token":"uap-369030ebcf2de91bfd7fc75028dbf245-1c08ac1e","expired":"DATE"},"version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api","message":"OK","code":200,"type":"SUCCESS"}"#]].assert_eq(&brief(&reply));
    let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        body["data"]["expired"].as_str().unwrap().len(),
        "11/06/2018 04:29:22".len()
    );

    let auth = "POST /api/public/v3/admin/user/auth";
    let login = format!(
        r#"{{"username":"{}","password":"{}","domain":"w"}}"#,
        user.username, user.password
    );
    let made = ask(&sandbox, "", auth, &login).await;
    let body: serde_json::Value = serde_json::from_str(&made.body).unwrap();
    let key = body["data"]["token"].as_str().unwrap();
    assert_eq!(body["data"]["appId"], "a9383d04d7d0420bae10dbf96bb27d9b");
    assert_eq!(key.len(), "uap-7442d4b99eb349b1bb678614e64cf064-1405ee51".len());
    assert_eq!(sandbox.uiza_keys_of(&user.id), Some(2));
    assert_eq!(ask(&sandbox, key, LOGOUT, "").await.status, 200);
    let mut answers = String::new();
    for (line, key, body) in [
        (check, key, ""),
        (check, user.key.as_str(), ""),
        (
            "GET /api/public/v3/admin/user/auth/check-token",
            user.key.as_str(),
            "",
        ),
        (auth, "", r#"{"username":"binh","password":"wrong"}"#),
        (auth, "", r#"{"username":"binh"}"#),
        (auth, "", "{"),
    ] {
        let reply = ask(&sandbox, key, line, body).await;
        answers.push_str(&format!("{} ", reply.status));
    }
    expect!["401 200 200 401 422 400 "].assert_eq(&answers);
}

#[tokio::test]
async fn users_come_in_pages() {
    let sandbox = started(&[]).await;
    let admin = user(0);
    let mut answers = String::new();
    for query in [
        "v3/admin/user?page=1&limit=2",
        "v3/admin/user?page=4&limit=2",
        "v3/admin/user?page=5&limit=2",
        "v4/admin/user?id=&page=1&limit=2",
        "v3/admin/user?limit=none",
    ] {
        let reply = ask(&sandbox, &admin.key, &format!("GET /api/public/{query}"), "").await;
        answers.push_str(&format!("{query}: {}\n", brief(&reply)));
    }
    expect![[r#"
        v3/admin/user?page=1&limit=2: 200 {"data":[{"id":"d3f0b732-ecf3-42f3-90d7-570e269e0822","isAdmin":0,"username":"quân","email":"quân@uiza.example","createdAt":"2018-06-08T07:16:41.000Z","updatedAt":"2018-06-08T07:16:41.000Z"},{"id":"90ae08d9-8318-4a2b-bb06-d318ff4a3741","isAdmin":0,"username":"phuong","email":"phuong@uiza.example","createdAt":"2018-06-07T07:16:41.000Z","updatedAt":"2018-06-07T07:16:41.000Z"}],"version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api","message":"OK","code":200,"type":"SUCCESS","metadata":{"total":8,"result":2,"page":1,"limit":2}}
        v3/admin/user?page=4&limit=2: 200 {"data":[{"id":"5f4c1dac-282d-456f-a890-f3df9f755c0e","isAdmin":0,"username":"an.nguyen","email":"an.nguyen@uiza.example","createdAt":"2018-06-02T07:16:41.000Z","updatedAt":"2018-06-02T07:16:41.000Z"},{"id":"09aab36c-fda2-41b3-a880-7d548c3b347c","isAdmin":1,"username":"admin","email":"admin@uiza.example","createdAt":"2018-06-01T07:16:41.000Z","updatedAt":"2018-06-01T07:16:41.000Z"}],"version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api","message":"OK","code":200,"type":"SUCCESS","metadata":{"total":8,"result":2,"page":4,"limit":2}}
        v3/admin/user?page=5&limit=2: 200 {"data":[],"version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api","message":"OK","code":200,"type":"SUCCESS","metadata":{"total":8,"result":0,"page":5,"limit":2}}
        v4/admin/user?id=&page=1&limit=2: 200 {"data":[{"id":"d3f0b732-ecf3-42f3-90d7-570e269e0822","isAdmin":0,"username":"quân","email":"quân@uiza.example","createdAt":"2018-06-08T07:16:41.000Z","updatedAt":"2018-06-08T07:16:41.000Z"},{"id":"90ae08d9-8318-4a2b-bb06-d318ff4a3741","isAdmin":0,"username":"phuong","email":"phuong@uiza.example","createdAt":"2018-06-07T07:16:41.000Z","updatedAt":"2018-06-07T07:16:41.000Z"}],"version":4,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api-v4","message":"OK","code":200,"type":"SUCCESS"}
        v3/admin/user?limit=none: 400 {"code":400,"type":"BAD_REQUEST","data":"BAD_REQUEST","retryable":false,"message":"Bad Request","version":3,"datetime":"TIME","policy":"public","requestId":"REQUEST","serviceName":"api"}
    "#]].assert_eq(&answers);
    let ids = async |key: &str, query: &str| {
        let reply = ask(
            &sandbox,
            key,
            &format!("GET /api/public/v3/admin/user{query}"),
            "",
        )
        .await;
        let reply: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        let rows = reply["data"].as_array().unwrap().clone();
        rows.into_iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&admin.key, "").await.len(), 8);
    // A user sees himself alone, and an administrator anybody.
    assert_eq!(ids(&user(6).key, "").await, [user(6).id]);
    assert_eq!(
        ids(&admin.key, &format!("?id={}", user(6).id)).await,
        [user(6).id]
    );
    sandbox.set_fault("uiza_page_cap=3".parse().unwrap());
    assert_eq!(ids(&admin.key, "?limit=100&page=3").await.len(), 2);
    sandbox.set_fault("uiza_retrieve=object".parse().unwrap());
    let one = ask(
        &sandbox,
        &admin.key,
        &format!("GET /api/public/v3/admin/user?id={}", user(6).id),
        "",
    )
    .await;
    assert!(one.body.starts_with(r#"{"data":{"id":""#), "{}", one.body);
    let none = ask(
        &sandbox,
        &user(6).key,
        &format!("GET /api/public/v3/admin/user?id={}", admin.id),
        "",
    )
    .await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn many_users_are_made_alike() {
    let people = uiza::people(2_000);
    let distinct = |of: fn(&uiza::User) -> &String| {
        people
            .iter()
            .map(of)
            .collect::<std::collections::HashSet<_>>()
            .len()
    };
    assert_eq!(
        (distinct(|user| &user.id), distinct(|user| &user.key)),
        (2_001, 2_001)
    );
    let mut settings = Settings::with(Population::team(1));
    settings.uiza = UizaSettings::with(people.clone());
    let sandbox = Sandbox::start(settings).await.unwrap();
    let reply = ask(&sandbox, &people[2_000].key, LOGOUT, "").await;
    assert_eq!(reply.status, 200);
    assert_eq!(sandbox.uiza_keys_of(&people[2_000].id), Some(0));
}

#[tokio::test]
async fn a_removal_may_come_later_or_never() {
    let sandbox = started(&["lag=40ms@/api/public"]).await;
    let (late, never) = (user(1), user(2));
    assert_eq!(ask(&sandbox, &late.key, LOGOUT, "").await.status, 200);
    assert_eq!(sandbox.uiza_keys_of(&late.id), Some(1));
    tokio::time::sleep(std::time::Duration::from_millis(45)).await;
    assert_eq!(sandbox.uiza_keys_of(&late.id), Some(0));
    sandbox.set_fault("never_apply".parse().unwrap());
    assert_eq!(ask(&sandbox, &never.key, LOGOUT, "").await.status, 200);
    assert_eq!(sandbox.uiza_keys_of(&never.id), Some(1));
}

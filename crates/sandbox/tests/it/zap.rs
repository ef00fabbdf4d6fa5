//! The simulated ZAP: its answers as its API book shows them, every way in which they differ, and what the ledger says.

use std::time::Duration;

use base64::Engine as _;
use expect_test::{Expect, expect};
use signoff_sandbox::{Population, Sandbox, Settings, ZapSettings, zap};

use crate::client::{Reply, send};

/// Signed in on the web and on one device.
const ADAEZE: usize = 1;
/// On the web and on two devices.
const CHIDI: usize = 3;
/// His logins need a second factor.
const IBRAHIM: usize = 9;
const KEMI_OF_THE_SUPPORT: usize = 11;

const JSON: &str = "Content-Type: application/json\r\n";

async fn started(faults: &[&str]) -> Sandbox {
    let mut settings = Settings::with(Population::team(1));
    for fault in faults {
        settings = settings.fault(fault.parse().unwrap());
    }
    Sandbox::start(settings).await.unwrap()
}

async fn ask(sandbox: &Sandbox, line: &str, headers: &str, body: &str) -> Reply {
    let request = format!(
        "{line} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    send(sandbox, &request).await.unwrap()
}

/// `STATUS BODY`, with names in place of tokens.
fn brief(reply: &Reply) -> String {
    let mut text = format!("{} {}", reply.status, reply.body);
    while let Some(start) = text.find("eyJ") {
        let length = text[start..].find('"').unwrap();
        text.replace_range(start..start + length, "TOKEN");
    }
    for user in zap::demo() {
        for (index, device) in user.devices.iter().enumerate() {
            text = text.replace(device, &format!("DEVICE-{}-{}", user.username, index + 1));
        }
    }
    text
}

async fn login(sandbox: &Sandbox, body: &str) -> Reply {
    ask(sandbox, "POST /v1/login", JSON, body).await
}

/// What a login gives, as a JSON document.
async fn logged_in(sandbox: &Sandbox, username: &str) -> serde_json::Value {
    let body = format!(r#"{{"email":"{username}@zap.example","password":"{username}-password"}}"#);
    let reply = login(sandbox, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

/// The `Authorization` line of whoever logs in so.
async fn bearer(sandbox: &Sandbox, username: &str) -> String {
    let reply = logged_in(sandbox, username).await;
    format!(
        "Authorization: Bearer {}\r\n",
        reply["data"]["token"].as_str().unwrap()
    )
}

async fn web_logout(sandbox: &Sandbox, authorization: &str, user: usize) -> Reply {
    let line = format!("GET /v1/users/logout/{}", zap::demo()[user].id);
    ask(sandbox, &line, authorization, "").await
}

async fn device_logout(sandbox: &Sandbox, authorization: &str, user: usize, device: usize) -> Reply {
    let user = &zap::demo()[user];
    let line = format!("PUT /v1/users/logout/{}", user.id);
    let body = format!(r#"{{"deviceToken":"{}"}}"#, user.devices[device]);
    ask(sandbox, &line, &format!("{JSON}{authorization}"), &body).await
}

/// Where the user of the demo with this number is signed in: `web 1 2`.
fn sessions(sandbox: &Sandbox, user: usize) -> String {
    let sessions = sandbox.zap_sessions_of(&zap::demo()[user].id).unwrap();
    let web = sessions.web.then(|| "web".to_owned());
    let devices = sessions.devices.iter().map(ToString::to_string);
    web.into_iter().chain(devices).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_logouts_of_the_book() {
    let sandbox = started(&[]).await;
    let admin = bearer(&sandbox, "admin").await;
    assert_eq!(sessions(&sandbox, CHIDI), "web 1 2");
    let reply = device_logout(&sandbox, &admin, CHIDI, 1).await;
    expect![[r#"200 {"success":true,"data":"Logout Successfull"}"#]].assert_eq(&brief(&reply));
    assert_eq!(
        reply.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(sessions(&sandbox, CHIDI), "web 1");
    let reply = web_logout(&sandbox, &admin, CHIDI).await;
    expect![[r#"200 {"success":true,"data":"Logout Successfull"}"#]].assert_eq(&brief(&reply));
    assert_eq!(sessions(&sandbox, CHIDI), "1");
    // The book's samples have two spaces after `Bearer`.
    let admin = admin.replace("Bearer ", "Bearer  ");
    device_logout(&sandbox, &admin, CHIDI, 0).await;
    device_logout(&sandbox, &admin, CHIDI, 0).await;
    assert_eq!(sessions(&sandbox, CHIDI), "");

    let chidi = sandbox.ledger().zap_sessions_of(&zap::demo()[CHIDI].id);
    let counts = |logouts: signoff_sandbox::Logouts| (logouts.requested, logouts.accepted, logouts.applied);
    assert_eq!(counts(chidi.web), (1, 1, 1));
    assert_eq!(counts(chidi.devices[&1]), (2, 2, 1));
    assert_eq!(counts(chidi.devices[&2]), (1, 1, 1));
    assert_eq!((chidi.ended(), chidi.logins), (3, 0));
    assert_eq!(sandbox.ledger().zap_tokens().logins, 1);
    let requests = sandbox.ledger().requests();
    let actors: Vec<_> = requests.iter().map(|request| request.actor.as_deref()).collect();
    let admin = Some(zap::demo()[0].id.clone());
    assert_eq!(
        actors,
        [
            None,
            admin.as_deref(),
            admin.as_deref(),
            admin.as_deref(),
            admin.as_deref()
        ]
    );
}

#[tokio::test]
async fn the_three_answers_to_a_login() {
    let sandbox = started(&[]).await;
    let body = r#"{"email":"chidi@zap.example","password":"chidi-password"}"#;
    let mut answers = String::new();
    for shape in ["flat", "nested", "otp"] {
        sandbox.set_fault(format!("zap_login={shape}").parse().unwrap());
        answers.push_str(&format!("{shape}: {}\n", brief(&login(&sandbox, body).await)));
    }
    let by_otp = r#"{"email":"chidi@zap.example","otp":"482915"}"#;
    for (name, body) in [
        ("by otp", by_otp),
        ("wrong otp", r#"{"email":"chidi@zap.example","otp":"1"}"#),
    ] {
        let reply = ask(&sandbox, "POST /v1/login/verify-otp", JSON, body).await;
        answers.push_str(&format!("{name}: {}\n", brief(&reply)));
    }
    expect![[r#"
        flat: 200 {"success":true,"data":{"name":"Chidi Anagonye","email":"chidi@zap.example","createdAt":"2023-01-04T09:12:44.000Z","updatedAt":"2023-01-04T09:12:44.000Z","id":"63d1b2c36f8deb013c000003","token":"TOKEN"}}
        nested: 200 {"success":true,"data":{"success":true,"data":{"name":"Chidi Anagonye","email":"chidi@zap.example","createdAt":"2023-01-04T09:12:44.000Z","updatedAt":"2023-01-04T09:12:44.000Z","id":"63d1b2c36f8deb013c000003"},"token":"TOKEN","refreshToken":"TOKEN"}}
        otp: 200 {"success":true,"data":{"name":"Chidi Anagonye","email":"chidi@zap.example","createdAt":"2023-01-04T09:12:44.000Z","updatedAt":"2023-01-04T09:12:44.000Z","id":"63d1b2c36f8deb013c000003","deviceToken":["DEVICE-chidi-1","DEVICE-chidi-2"],"token":"TOKEN","refreshToken":"TOKEN"}}
        by otp: 200 {"success":true,"data":{"name":"Chidi Anagonye","email":"chidi@zap.example","createdAt":"2023-01-04T09:12:44.000Z","updatedAt":"2023-01-04T09:12:44.000Z","id":"63d1b2c36f8deb013c000003","deviceToken":["DEVICE-chidi-1","DEVICE-chidi-2"],"token":"TOKEN","refreshToken":"TOKEN"}}
        wrong otp: 401 {"success":false,"message":"Invalid OTP"}
    "#]].assert_eq(&answers);
}

#[tokio::test]
async fn the_bodies_of_a_login() {
    let sandbox = started(&[]).await;
    let device = "dddddddddddddddddddddd:APA91bNew";
    let bodies = [
        r#"{"email":"bob@zap.example","password":"bob-password"}"#.to_owned(),
        r#"{"identity":"bob@zap.example","password":"bob-password"}"#.to_owned(),
        r#"{"identity":"bob","password":"bob-password"}"#.to_owned(),
        r#"{"identity":"+2348000000002","password":"bob-password"}"#.to_owned(),
        format!(r#"{{"identity":"bob","password":"bob-password","deviceToken":"{device}","isApp":"true"}}"#),
        r#"{"identity":"bob","password":"bob-password","isApp":"true"}"#.to_owned(),
        r#"{"email":"bob@zap.example","password":"wrong"}"#.to_owned(),
        r#"{"email":"nobody@zap.example","password":"bob-password"}"#.to_owned(),
        r#"{"email":"bob@zap.example"}"#.to_owned(),
        r#"["bob"]"#.to_owned(),
        r#"{"email":"ibrahim@zap.example","password":"ibrahim-password"}"#.to_owned(),
        r#"{"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"1"}"#.to_owned(),
        r#"{"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"636363"}"#.to_owned(),
    ];
    let mut answers = String::new();
    for wanted in ["any", "email", "identity", "app"] {
        sandbox.set_fault(format!("zap_login_body={wanted}").parse().unwrap());
        answers.push_str(&format!("{wanted}\n"));
        for body in &bodies {
            let reply = login(&sandbox, body).await;
            let what = if reply.status == 200 {
                "200".to_owned()
            } else {
                brief(&reply)
            };
            answers.push_str(&format!("  {}: {what}\n", body.replace(device, "DEVICE")));
        }
    }
    expect![[r#"
        any
          {"email":"bob@zap.example","password":"bob-password"}: 200
          {"identity":"bob@zap.example","password":"bob-password"}: 200
          {"identity":"bob","password":"bob-password"}: 200
          {"identity":"+2348000000002","password":"bob-password"}: 200
          {"identity":"bob","password":"bob-password","deviceToken":"DEVICE","isApp":"true"}: 200
          {"identity":"bob","password":"bob-password","isApp":"true"}: 400 {"success":false,"message":"deviceToken is required"}
          {"email":"bob@zap.example","password":"wrong"}: 401 {"success":false,"message":"Invalid login credentials"}
          {"email":"nobody@zap.example","password":"bob-password"}: 401 {"success":false,"message":"Invalid login credentials"}
          {"email":"bob@zap.example"}: 400 {"success":false,"message":"Invalid login request"}
          ["bob"]: 400 {"success":false,"message":"Malformed request body"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password"}: 400 {"success":false,"message":"2FA token is required"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"1"}: 401 {"success":false,"message":"Invalid 2FA token"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"636363"}: 200
        email
          {"email":"bob@zap.example","password":"bob-password"}: 200
          {"identity":"bob@zap.example","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"bob","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"+2348000000002","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"bob","password":"bob-password","deviceToken":"DEVICE","isApp":"true"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"bob","password":"bob-password","isApp":"true"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"bob@zap.example","password":"wrong"}: 401 {"success":false,"message":"Invalid login credentials"}
          {"email":"nobody@zap.example","password":"bob-password"}: 401 {"success":false,"message":"Invalid login credentials"}
          {"email":"bob@zap.example"}: 400 {"success":false,"message":"Invalid login request"}
          ["bob"]: 400 {"success":false,"message":"Malformed request body"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password"}: 400 {"success":false,"message":"2FA token is required"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"1"}: 401 {"success":false,"message":"Invalid 2FA token"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"636363"}: 200
        identity
          {"email":"bob@zap.example","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"bob@zap.example","password":"bob-password"}: 200
          {"identity":"bob","password":"bob-password"}: 200
          {"identity":"+2348000000002","password":"bob-password"}: 200
          {"identity":"bob","password":"bob-password","deviceToken":"DEVICE","isApp":"true"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"bob","password":"bob-password","isApp":"true"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"bob@zap.example","password":"wrong"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"nobody@zap.example","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"bob@zap.example"}: 400 {"success":false,"message":"Invalid login request"}
          ["bob"]: 400 {"success":false,"message":"Malformed request body"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"1"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"636363"}: 400 {"success":false,"message":"Invalid login request"}
        app
          {"email":"bob@zap.example","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"bob@zap.example","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"bob","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"+2348000000002","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"identity":"bob","password":"bob-password","deviceToken":"DEVICE","isApp":"true"}: 200
          {"identity":"bob","password":"bob-password","isApp":"true"}: 400 {"success":false,"message":"deviceToken is required"}
          {"email":"bob@zap.example","password":"wrong"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"nobody@zap.example","password":"bob-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"bob@zap.example"}: 400 {"success":false,"message":"Invalid login request"}
          ["bob"]: 400 {"success":false,"message":"Malformed request body"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"1"}: 400 {"success":false,"message":"Invalid login request"}
          {"email":"ibrahim@zap.example","password":"ibrahim-password","twoFaToken":"636363"}: 400 {"success":false,"message":"Invalid login request"}
    "#]].assert_eq(&answers);
    // The third device is the one that he logged in with.
    let bob = zap::demo()[2].id.clone();
    assert_eq!(sandbox.zap_sessions_of(&bob).unwrap().devices, [1, 2]);
    sandbox.set_fault("zap_login_body=any".parse().unwrap());
    sandbox.set_fault("zap_two_factor".parse().unwrap());
    expect![[r#"400 {"success":false,"message":"2FA token is required"}"#]]
        .assert_eq(&brief(&login(&sandbox, &bodies[0]).await));
    assert_eq!(
        sandbox.ledger().zap_sessions_of(&zap::demo()[IBRAHIM].id).logins,
        2
    );
}

#[tokio::test]
async fn a_token_says_how_long_it_lives() {
    let sandbox = started(&["zap_token_life=24h"]).await;
    let reply = logged_in(&sandbox, "admin").await;
    let token = reply["data"]["token"].as_str().unwrap().to_owned();
    let parts: Vec<_> = token
        .split('.')
        .map(|part| {
            base64::engine::general_purpose::URL_SAFE_NO_PAD
                .decode(part)
                .unwrap()
        })
        .collect();
    expect![[r#"{"alg":"HS256","typ":"JWT"}"#]].assert_eq(std::str::from_utf8(&parts[0]).unwrap());
    let claims: serde_json::Value = serde_json::from_slice(&parts[1]).unwrap();
    expect![[
        r#"{"email":"admin@zap.example","roleId":"63c0f7a1b2c3d4e5f6a70001","id":"63d1b2c0e220a8397b000000"}"#
    ]]
    .assert_eq(&claims["user"].to_string());
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((86_400..=86_401).contains(&life), "{life}");
    assert_eq!(parts[2].len(), 32);
}

#[tokio::test]
async fn a_token_expires_and_is_refreshed() {
    let sandbox = started(&["zap_token_uses=2"]).await;
    let login = logged_in(&sandbox, "admin").await;
    let admin = format!(
        "Authorization: Bearer {}\r\n",
        login["data"]["token"].as_str().unwrap()
    );
    let mut answers = String::new();
    for _ in 0..3 {
        answers.push_str(&brief(&web_logout(&sandbox, &admin, ADAEZE).await));
        answers.push('\n');
    }
    let body = format!(r#"{{"refreshToken":{}}}"#, login["data"]["refreshToken"]);
    let refreshed = ask(&sandbox, "POST /v1/refresh", JSON, &body).await;
    answers.push_str(&format!("{}\n", brief(&refreshed)));
    let refreshed: serde_json::Value = serde_json::from_str(&refreshed.body).unwrap();
    let admin = format!(
        "Authorization: Bearer {}\r\n",
        refreshed["data"]["token"].as_str().unwrap()
    );
    answers.push_str(&format!(
        "{}\n",
        brief(&web_logout(&sandbox, &admin, CHIDI).await)
    ));
    sandbox.expire_zap_tokens();
    answers.push_str(&format!(
        "{}\n",
        brief(&web_logout(&sandbox, &admin, CHIDI).await)
    ));
    sandbox.set_fault("zap_refresh_refused".parse().unwrap());
    for body in [body.as_str(), r#"{"refreshToken":"eyJ"}"#, "{}"] {
        let refused = ask(&sandbox, "POST /v1/refresh", JSON, body).await;
        answers.push_str(&format!("{}\n", brief(&refused)));
    }
    expect![[r#"
        200 {"success":true,"data":"Logout Successfull"}
        200 {"success":true,"data":"Logout Successfull"}
        401 {"success":false,"message":"jwt expired"}
        200 {"success":true,"data":{"token":"TOKEN"}}
        200 {"success":true,"data":"Logout Successfull"}
        401 {"success":false,"message":"jwt expired"}
        401 {"success":false,"message":"Invalid refresh token"}
        401 {"success":false,"message":"Invalid refresh token"}
        400 {"success":false,"message":"refreshToken is required"}
    "#]]
    .assert_eq(&answers);
    let tokens = sandbox.ledger().zap_tokens();
    assert_eq!((tokens.logins, tokens.refused_logins), (1, 0));
    assert_eq!((tokens.refreshes, tokens.refused_refreshes), (1, 3));
}

#[tokio::test]
async fn lives_are_counted_in_time() {
    let sandbox = started(&["zap_token_life=40ms", "zap_refresh_life=80ms"]).await;
    let login = logged_in(&sandbox, "admin").await;
    let admin = format!(
        "Authorization: Bearer {}\r\n",
        login["data"]["token"].as_str().unwrap()
    );
    tokio::time::sleep(Duration::from_millis(45)).await;
    assert_eq!(web_logout(&sandbox, &admin, ADAEZE).await.status, 401);
    let body = format!(r#"{{"refreshToken":{}}}"#, login["data"]["refreshToken"]);
    tokio::time::sleep(Duration::from_millis(45)).await;
    let refreshed = ask(&sandbox, "POST /v1/refresh", JSON, &body).await;
    assert_eq!(refreshed.status, 401);
}

#[tokio::test]
async fn whoever_is_logged_out_has_no_token_any_more() {
    let sandbox = started(&[]).await;
    let admin = bearer(&sandbox, "admin").await;
    let adaeze = bearer(&sandbox, "adaeze").await;
    let who_am_i = async |authorization: &str| ask(&sandbox, "GET /v1/users/token", authorization, "").await;
    assert_eq!(who_am_i(&adaeze).await.status, 200);
    web_logout(&sandbox, &admin, ADAEZE).await;
    expect![[r#"401 {"success":false,"message":"invalid token"}"#]]
        .assert_eq(&brief(&who_am_i(&adaeze).await));
    assert_eq!(who_am_i(&admin).await.status, 200);
    assert!(sandbox.set_zap_web(&zap::demo()[ADAEZE].id, true));
    assert_eq!(sessions(&sandbox, ADAEZE), "web 1");
    assert!(!sandbox.set_zap_web("nobody", true));
}

#[tokio::test]
async fn it_refuses_with_the_statuses_of_the_book() {
    let sandbox = started(&[]).await;
    let admin = bearer(&sandbox, "admin").await;
    let support = bearer(&sandbox, "kemi").await;
    let adaeze = bearer(&sandbox, "adaeze").await;
    let id = &zap::demo()[ADAEZE].id;
    let device = &zap::demo()[ADAEZE].devices[0];
    let with_device = format!(r#"{{"deviceToken":"{device}"}}"#);
    let strange = r#"{"deviceToken":"none:APA91b"}"#;
    let logout = format!("/v1/users/logout/{id}");
    let nobody = "/v1/users/logout/000000000000000000000000";
    let chidi = format!("/v1/users/logout/{}", zap::demo()[CHIDI].id);
    let text = "Content-Type: text/plain\r\n";
    let raw = admin.replace("Bearer ", "");
    let none = String::new();
    let cases = [
        ("PUT", &*logout, JSON, &admin, "{}"),
        ("PUT", &*logout, JSON, &admin, r#"{"deviceToken":[]}"#),
        ("PUT", &*logout, JSON, &admin, ""),
        ("PUT", &*logout, text, &admin, &with_device),
        ("PUT", &*logout, JSON, &none, &with_device),
        ("PUT", &*logout, JSON, &raw, &with_device),
        ("GET", &*logout, "", &none, ""),
        ("GET", nobody, "", &admin, ""),
        ("PUT", nobody, JSON, &admin, strange),
        ("GET", &*logout, "", &support, ""),
        ("GET", &*logout, "", &adaeze, ""),
        ("PUT", &*chidi, JSON, &adaeze, strange),
        ("PUT", nobody, JSON, &adaeze, strange),
        ("GET", "/v1/users", "", &adaeze, ""),
        ("GET", "/v1/nothing", "", &admin, ""),
        ("DELETE", &*logout, "", &admin, ""),
        ("PUT", &*logout, JSON, &admin, strange),
        ("PUT", &*logout, JSON, &adaeze, &with_device),
    ];
    let mut answers = String::new();
    for (method, path, content_type, authorization, body) in cases {
        let headers = format!("{content_type}{authorization}");
        let reply = ask(&sandbox, &format!("{method} {path}"), &headers, body).await;
        let path = path
            .replace(&**id, "ADAEZE")
            .replace(&*zap::demo()[CHIDI].id, "CHIDI");
        answers.push_str(&format!("{method} {path}: {}\n", brief(&reply)));
    }
    expect![[r#"
        PUT /v1/users/logout/ADAEZE: 400 {"success":false,"message":"deviceToken is required"}
        PUT /v1/users/logout/ADAEZE: 400 {"success":false,"message":"deviceToken is required"}
        PUT /v1/users/logout/ADAEZE: 400 {"success":false,"message":"Malformed request body"}
        PUT /v1/users/logout/ADAEZE: 400 {"success":false,"message":"Content-Type must be application/json"}
        PUT /v1/users/logout/ADAEZE: 401 {"success":false,"message":"Authorization token is required"}
        PUT /v1/users/logout/ADAEZE: 401 {"success":false,"message":"Authorization token is required"}
        GET /v1/users/logout/ADAEZE: 401 {"success":false,"message":"Authorization token is required"}
        GET /v1/users/logout/000000000000000000000000: 404 {"success":false,"message":"User not found"}
        PUT /v1/users/logout/000000000000000000000000: 404 {"success":false,"message":"User not found"}
        GET /v1/users/logout/ADAEZE: 403 {"success":false,"message":"You do not have the required permission"}
        GET /v1/users/logout/ADAEZE: 403 {"success":false,"message":"You do not have the required permission"}
        PUT /v1/users/logout/CHIDI: 403 {"success":false,"message":"You do not have the required permission"}
        PUT /v1/users/logout/000000000000000000000000: 403 {"success":false,"message":"You do not have the required permission"}
        GET /v1/users: 403 {"success":false,"message":"You do not have the required permission"}
        GET /v1/nothing: 404 {"success":false,"message":"Resource not found"}
        DELETE /v1/users/logout/ADAEZE: 404 {"success":false,"message":"Resource not found"}
        PUT /v1/users/logout/ADAEZE: 200 {"success":true,"data":"Logout Successfull"}
        PUT /v1/users/logout/ADAEZE: 200 {"success":true,"data":"Logout Successfull"}
    "#]].assert_eq(&answers);
    let adaeze = sandbox.ledger().zap_sessions_of(id);
    assert_eq!((adaeze.web.requested, adaeze.web.accepted), (2, 0));
    assert_eq!((adaeze.devices[&1].applied, adaeze.strange_devices), (1, 1));
    assert_eq!(sessions(&sandbox, KEMI_OF_THE_SUPPORT), "web");
}

#[tokio::test]
async fn errors_come_in_many_shapes() {
    let sandbox = started(&[]).await;
    let admin = bearer(&sandbox, "admin").await;
    let mut answers = String::new();
    for shape in [
        "message", "object", "error", "data", "list", "text", "page", "empty",
    ] {
        sandbox.set_fault(format!("zap_errors={shape}").parse().unwrap());
        for fault in ["zap_not_success#1", "error_500#1", "unavailable#1"] {
            sandbox.set_fault(fault.parse().unwrap());
            let reply = web_logout(&sandbox, &admin, ADAEZE).await;
            answers.push_str(&format!("{shape} {}\n", brief(&reply)));
        }
    }
    sandbox.set_fault("zap_plain_500#1".parse().unwrap());
    answers.push_str(&brief(&web_logout(&sandbox, &admin, ADAEZE).await));
    expect![[r#"
        message 200 {"success":false,"message":"The request was not processed"}
        message 500 {"success":false,"message":"An error occured while processing the request"}
        message 503 {"success":false,"message":"Service Unavailable"}
        object 200 {"success":false,"error":{"code":200,"message":"The request was not processed"}}
        object 500 {"success":false,"error":{"code":500,"message":"An error occured while processing the request"}}
        object 503 {"success":false,"error":{"code":503,"message":"Service Unavailable"}}
        error 200 {"success":false,"error":"The request was not processed"}
        error 500 {"success":false,"error":"An error occured while processing the request"}
        error 503 {"success":false,"error":"Service Unavailable"}
        data 200 {"success":false,"data":"The request was not processed"}
        data 500 {"success":false,"data":"An error occured while processing the request"}
        data 503 {"success":false,"data":"Service Unavailable"}
        list 200 {"success":false,"errors":["The request was not processed"]}
        list 500 {"success":false,"errors":["An error occured while processing the request"]}
        list 503 {"success":false,"errors":["Service Unavailable"]}
        text 200 {"success":false,"message":"The request was not processed"}
        text 500 An error occured while processing the request
        text 503 Service Unavailable
        page 200 {"success":false,"message":"The request was not processed"}
        page 500 <!doctype html><html lang="en"><head><title>HTTP Status 500 Internal Server Error</title></head><body><h1>HTTP Status 500 Internal Server Error</h1></body></html>
        page 503 <!doctype html><html lang="en"><head><title>HTTP Status 503 Service Unavailable</title></head><body><h1>HTTP Status 503 Service Unavailable</h1></body></html>
        empty 200 {"success":false,"message":"The request was not processed"}
        empty 500 
        empty 503 
        500 Internal Server Error"#]].assert_eq(&answers);
    assert_eq!(sessions(&sandbox, ADAEZE), "web 1");
    sandbox.clear_faults();
    sandbox.set_fault("zap_expire#1".parse().unwrap());
    for _ in 0..2 {
        assert_eq!(web_logout(&sandbox, &admin, ADAEZE).await.status, 401);
    }
    let requests = sandbox.ledger().requests();
    let struck = requests
        .iter()
        .filter(|request| request.fault == Some("zap_expire"));
    assert_eq!(struck.count(), 1);
}

#[tokio::test]
async fn who_is_out_already_is_told_as_one_likes() {
    let sandbox = started(&[]).await;
    let admin = bearer(&sandbox, "admin").await;
    let mut answers = String::new();
    for status in ["200", "400", "404"] {
        sandbox.set_fault(format!("zap_already={status}").parse().unwrap());
        // Femi is not signed in anywhere.
        answers.push_str(&brief(&web_logout(&sandbox, &admin, 6).await));
        answers.push('\n');
    }
    expect![[r#"
        200 {"success":true,"data":"Logout Successfull"}
        400 {"success":false,"message":"User is not logged in"}
        404 {"success":false,"message":"User is not logged in"}
    "#]]
    .assert_eq(&answers);
}

async fn check_page(sandbox: &Sandbox, authorization: &str, query: &str, expected: &Expect) {
    let reply = ask(sandbox, &format!("GET /v1/users/{query}"), authorization, "").await;
    expected.assert_eq(&brief(&reply));
}

#[tokio::test]
async fn users_come_in_pages() {
    let sandbox = started(&[]).await;
    let admin = bearer(&sandbox, "admin").await;
    check_page(&sandbox, &admin, "?bodyLimit=1&pageLimit=3", &expect![[r#"200 {"success":true,"data":{"userData":[{"name":"Bob \"Bobby\" O'Brien, Jr.","email":"bob@zap.example","roleId":"63c0f7a1b2c3d4e5f6a70003","iPAddress":["192.0.2.17"],"emailVerified":true,"createdAt":"2023-01-03T09:12:44.000Z","updatedAt":"2023-01-03T09:12:44.000Z","id":"63d1b2c2bcdf3a4c76000002"}],"bodyLimit":1,"pageLimit":3,"dataCount":12}}"#]]).await;
    check_page(
        &sandbox,
        &admin,
        "?bodyLimit=5&pageLimit=4",
        &expect![[
            r#"200 {"success":true,"data":{"userData":[],"bodyLimit":5,"pageLimit":4,"dataCount":12}}"#
        ]],
    )
    .await;
    check_page(
        &sandbox,
        &admin,
        "?bodyLimit=0",
        &expect![[r#"400 {"success":false,"message":"bodyLimit and pageLimit must be positive numbers"}"#]],
    )
    .await;
    check_page(
        &sandbox,
        &admin,
        "?startDate=2023-01-12&endDate=2023-01-12",
        &expect![[r#"200 {"success":true,"data":{"userData":[{"name":"Kemi Support","email":"kemi@zap.example","roleId":"63c0f7a1b2c3d4e5f6a70002","iPAddress":["192.0.2.17"],"emailVerified":true,"createdAt":"2023-01-12T09:12:44.000Z","updatedAt":"2023-01-12T09:12:44.000Z","id":"63d1b2cb8195c5444500000b"}],"bodyLimit":10,"pageLimit":1,"dataCount":1}}"#]],
    )
    .await;
    let ids = async |query: &str| {
        let reply = ask(&sandbox, &format!("GET /v1/users{query}"), &admin, "").await;
        let reply: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        let rows = reply["data"]["userData"].as_array().unwrap().clone();
        rows.into_iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    for page in 1..=3 {
        all.extend(ids(&format!("?bodyLimit=5&pageLimit={page}")).await);
    }
    let expected: Vec<_> = zap::demo().into_iter().map(|user| user.id).collect();
    assert_eq!(all, expected);
    assert_eq!(ids("").await.len(), 10);
    sandbox.set_fault("zap_page_cap=4".parse().unwrap());
    assert_eq!(ids("?bodyLimit=100&pageLimit=2").await, expected[4..8]);
}

#[tokio::test]
async fn many_users_are_made_alike() {
    let mut settings = Settings::with(Population::team(1));
    settings.zap = ZapSettings::with(zap::people(2_000));
    let sandbox = Sandbox::start(settings).await.unwrap();
    let admin = bearer(&sandbox, "admin").await;
    let reply = ask(&sandbox, "GET /v1/users?bodyLimit=1", &admin, "").await;
    assert!(
        reply
            .body
            .ends_with(r#""bodyLimit":1,"pageLimit":1,"dataCount":2001}}"#),
        "{}",
        reply.body
    );
    let people = zap::people(2_000);
    let ids: std::collections::HashSet<_> = people.iter().map(|user| &user.id).collect();
    assert_eq!(ids.len(), 2_001);
    assert!(people.iter().all(|user| user.id.len() == 24));
    assert_eq!(people[1].devices[0].len(), 22 + 1 + 6 + 134);
}

#[tokio::test]
async fn the_faults_of_networks_and_servers_strike_it_too() {
    let sandbox = started(&[]).await;
    let admin = bearer(&sandbox, "admin").await;
    sandbox.set_fault("lag=40ms".parse().unwrap());
    assert_eq!(web_logout(&sandbox, &admin, ADAEZE).await.status, 200);
    assert_eq!(sessions(&sandbox, ADAEZE), "web 1");
    tokio::time::sleep(Duration::from_millis(45)).await;
    assert_eq!(sessions(&sandbox, ADAEZE), "1");
    sandbox.clear_faults();
    sandbox.set_fault("never_apply@GET/v1/users/logout#1".parse().unwrap());
    assert_eq!(web_logout(&sandbox, &admin, CHIDI).await.status, 200);
    assert_eq!(sessions(&sandbox, CHIDI), "web 1 2");
    for (fault, expected) in [
        ("malformed#1", r#"{"success":true,"d"#),
        ("page#1", "<!doctype html>"),
        ("billion_laughs#1", "[[[[[[[["),
        (
            "huge_body=2MB",
            r#"{"success":true,"code":200,"type":"SUCCESS","data":["#,
        ),
    ] {
        sandbox.clear_faults();
        sandbox.set_fault(fault.parse().unwrap());
        let reply = web_logout(&sandbox, &admin, CHIDI).await;
        assert!(reply.body.contains(expected), "{fault}: {:.80}", reply.body);
    }
}

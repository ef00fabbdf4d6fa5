//! What ZAP answers, made for the cases.

use signoff_core::testing::Setup;
use signoff_core::{SecretHandle, Value};
use signoff_zap::DESCRIPTOR;

/// The id of the user.
pub(crate) const USER: &str = "63d1b2c00a1b2c3d4e5f6a7b";

/// The documented answer to either logout, to the letter.
pub(crate) const OUT: &str = r#"{
    "success": true,
    "data": "Logout Successfull"
}"#;

/// The administrator logs the user out, of whom no device is known.
pub(crate) fn logout() -> Setup {
    Setup::new(&DESCRIPTOR, "logout", "admin@zap.example").user(USER)
}

/// The same with these tokens.
pub(crate) fn with_devices(tokens: &[u32]) -> Setup {
    let tokens = tokens.iter().map(|token| Value::Secret(SecretHandle(*token)));
    logout().attribute("device_token", Value::List(tokens.collect()))
}

/// The list of users is read.
pub(crate) fn roster() -> Setup {
    Setup::new(&DESCRIPTOR, "roster", "admin@zap.example")
}

/// A page of the list with these users.
pub(crate) fn page(ids: &[&str], number: u32, count: u32) -> String {
    let users: Vec<String> = ids
        .iter()
        .map(|id| {
            format!(
                r#"{{"name":"User {id}","email":"{id}@zap.example","roleId":"r1","iPAddress":["192.0.2.7"],"emailVerified":true,"createdAt":"2023-01-25T23:14:31.000Z","updatedAt":"2023-01-26T10:00:00.000Z","deviceToken":["a-secret"],"id":"{id}"}}"#
            )
        })
        .collect();
    format!(
        r#"{{"success":true,"data":{{"userData":[{}],"bodyLimit":2,"pageLimit":{number},"dataCount":{count}}}}}"#,
        users.join(",")
    )
}

//! What Uiza answers: the documented bodies, and those that its SDKs keep as fixtures.

use signoff_core::testing::Setup;
use signoff_core::{CredentialKind, Field, SecretHandle, Value};
use signoff_uiza::DESCRIPTOR;

/// The answer of the documentation of v3.
pub(crate) const LOGGED_OUT: &str = r#"{
    "data": {
        "message": "Logout success"
    },
    "version": 3,
    "datetime": "2018-06-22T19:03:47.686Z",
    "policy": "public",
    "requestId": "187f008e-92ce-4f7b-a7ba-00308ad0c69c",
    "serviceName": "api",
    "message": "OK",
    "code": 200,
    "type": "SUCCESS"
}"#;
/// The fixture of the Go SDK for v3.
pub(crate) const LOGGED_OUT_BRIEFLY: &str = r#"{"message":"Logout success","code":200,"type":"SUCCESS"}"#;
/// The fixture of the SDKs for v4.
pub(crate) const LOGGED_OUT_V4: &str = r#"{"data":{"message":"success"},"message":"Logout success","version":4,
    "datetime":"2019-03-19T03:10:41.249Z","policy":"public","requestId":"d4fc7333-9c3a-4b3f-9b7d-6c1f3c1f0a11",
    "serviceName":"api-v4","code":200,"type":"SUCCESS"}"#;
/// "Check token".
pub(crate) const VALID: &str = r#"{"data":{"token":"uap-a-secret","expired":"11/06/2018 04:29:22"},"version":3,
    "datetime":"2018-06-21T14:33:36.770Z","policy":"public","requestId":"f66f3499-f952-445d-bf19-092474952779",
    "serviceName":"api","message":"OK","code":200,"type":"SUCCESS"}"#;

/// An error with this tail of the envelope.
pub(crate) fn error(code: i64, kind: &str, data: &str, retryable: bool, message: &str) -> String {
    format!(
        r#"{{"code":{code},"type":"{kind}","data":{data},"retryable":{retryable},"message":"{message}","version":3,
        "datetime":"2019-02-27T14:12:58.770Z","policy":"public","requestId":"5870ad86-d804-496b-af3f-14acc9d8977f",
        "serviceName":"api"}}"#
    )
}

/// What Uiza says to a key that is not valid: no captured sample is known.
pub(crate) fn unauthorized() -> String {
    error(401, "ERROR", "null", false, "Unauthorized")
}

/// The user `anna` with the key of this handle is logged out. The connection has no credential.
pub(crate) fn logout() -> Setup {
    of("logout").attribute(KEY, Value::Secret(SecretHandle(7)))
}

/// The same question about her key.
pub(crate) fn status() -> Setup {
    of("status").attribute(KEY, Value::Secret(SecretHandle(7)))
}

/// An operation on a user without a key.
pub(crate) fn of(operation: &str) -> Setup {
    Setup::new(&DESCRIPTOR, operation, "").user("anna")
}

/// The list of users, read with the connection's key.
pub(crate) fn roster() -> Setup {
    Setup::new(&DESCRIPTOR, "roster", "admin").credential(CredentialKind::Key)
}

/// The options of a connection to v4.
pub(crate) fn v4(app_id: &str) -> Vec<Field> {
    let mut options = vec![Field::new("api_version", "v4")];
    if !app_id.is_empty() {
        options.push(Field::new("app_id", app_id));
    }
    options
}

const KEY: &str = "key";

//! How requests to Uiza look.

use signoff_core::{
    CredentialUse, Effect, Error, InDoubt, Monotonic, Options, Placement, Request, RequestId, SecretHandle,
    SecretUse, json,
};

/// Requests that show a user's own key have a number from here on, so that [`crate::classify`] can tell whose key an
/// answer is about: the connection's is a credential of the host's, a user's concerns him alone.
const PERSONAL: u64 = 1 << 32;

/// Bytes of an answer about one key; the documented ones have 300.
const ANSWER_CAP: u64 = 64 << 10;

/// Whether the answer to this request is about a user's own key.
pub(crate) const fn is_personal(request: RequestId) -> bool {
    request.0 >= PERSONAL
}

/// The two versions of the API that this provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V3,
    V4,
}

/// The API as a connection has it.
#[derive(Debug)]
pub(crate) struct Api {
    version: Version,
    app_id: Option<String>,
    page_size: i64,
}

impl Api {
    pub(crate) fn new(options: Options<'_>) -> Result<Self, Error> {
        let version = match options.text("api_version") {
            "" | "v3" => Version::V3,
            "v4" => Version::V4,
            other => {
                let message = format!("`api_version` takes `v3` and `v4`, not `{other}`");
                return Err(Error::Options(message));
            }
        };
        let app_id = options.text("app_id").trim();
        if !app_id.is_empty() && version == Version::V3 {
            let message = "`app_id` belongs to v4: set `api_version = \"v4\"`, or leave it out";
            return Err(Error::Options(message.to_owned()));
        }
        let page_size = options.integer("page_size").unwrap_or(20);
        if !(1..=1_000).contains(&page_size) {
            return Err(Error::Options(format!(
                "`page_size` is from 1 to 1000, not {page_size}"
            )));
        }
        Ok(Self {
            version,
            app_id: (!app_id.is_empty()).then(|| app_id.to_owned()),
            page_size,
        })
    }

    /// "Log Out". The page shows no body, and the Python SDK sends none; what other SDKs send (`{}`, `[]`) is no part of
    /// the documentation. In v4 six of seven send `{"appId": …}`.
    pub(crate) fn logout(&self, number: u64, key: SecretHandle) -> Request {
        let mut request = self.with_key(number, "/logout", key);
        request.headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        if let Some(app_id) = &self.app_id {
            let body = json::Value::from_iter([("appId", app_id.as_str())]);
            request.body = body.to_string().into_bytes();
        }
        request.effect = Effect::Write {
            part: LOGOUT_PART.to_owned(),
            in_doubt: InDoubt::Ask,
            request_id: None,
        };
        request
    }

    /// "Check token", a page that is not in the published index. It has POST without a body, and so has Uiza's Android
    /// SDK (`UizaServiceV3.checkToken`); the GET of the Python SDK stands in code that is commented out. It changes nothing.
    pub(crate) fn check(&self, number: u64, key: SecretHandle, not_before: Monotonic) -> Request {
        let mut request = self.with_key(number, "/auth/check-token", key);
        request.not_before = not_before;
        request
    }

    /// "List all users", a page of it, from 1.
    pub(crate) fn users(&self, number: u64, page: u64) -> Request {
        let mut request = Request::read(RequestId(number), "api", self.path(""));
        request.query = vec![
            ("page".to_owned(), page.to_string()),
            ("limit".to_owned(), self.page_size.to_string()),
        ];
        request.credential = Some(CredentialUse::actor(authorization()));
        request.proves_credential = true;
        request
    }

    /// The page about an API: every SDK hands it to its callers with an error, as `description_link`.
    pub(crate) fn page(&self, topic: Topic) -> String {
        let version = match self.version {
            Version::V3 => "",
            Version::V4 => "v4/",
        };
        let anchor = match topic {
            Topic::Logout => "log-out",
            Topic::CheckToken => "check-token",
            Topic::Users => "list-all-users",
        };
        format!("https://docs.uiza.io/{version}#{anchor}")
    }

    fn with_key(&self, number: u64, call: &str, key: SecretHandle) -> Request {
        let mut request = Request::read(RequestId(PERSONAL + number), "api", self.path(call));
        request.method = "POST".to_owned();
        request.answer_cap = Some(ANSWER_CAP);
        request.secrets = vec![SecretUse {
            handle: key,
            placement: authorization(),
        }];
        request
    }

    fn path(&self, call: &str) -> String {
        let version = match self.version {
            Version::V3 => "v3",
            Version::V4 => "v4",
        };
        format!("/api/public/{version}/admin/user{call}")
    }
}

/// The stable name of the write.
pub(crate) const LOGOUT_PART: &str = "logout";

/// A page of Uiza's documentation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Topic {
    Logout,
    CheckToken,
    Users,
}

/// The bare key, without `Bearer`: so the documentation and all SDKs.
fn authorization() -> Placement {
    Placement::Header("Authorization".to_owned())
}

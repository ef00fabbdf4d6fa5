//! Errors as Finesse reports them: in the answer, or later on the feed (developer guide 12.5, User API Errors and
//! Cisco Finesse API Errors; samples on the pages of each API).

use http::StatusCode;

use super::xml::Element;

/// An error in the answer. Data and message are those of the guide's samples where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body cannot be read.
    BadRequest(&'static str),
    /// An extension that cannot be one.
    BadExtension(String),
    /// A value that is not recognised, in this element.
    InvalidInput(&'static str),
    /// The sign-out page's error for a state that forbids it.
    InvalidStateInput,
    /// The state forbids the change, as with a second LOGOUT.
    InvalidState,
    /// The state does not support the change in this scenario.
    UnsupportedState,
    /// This element or query parameter is missing.
    ParameterMissing(&'static str),
    /// Not authenticated, or the role does not allow it.
    AuthorizationFailure(String),
    /// Not authenticated, in the words of another page.
    AuthenticationFailure(String),
    /// Acting on another user without the right to.
    InvalidAuthorizationUser(String),
    /// Not in a team of this supervisor.
    InvalidSupervisor(String),
    /// A list that is for administrators.
    Unauthorized,
    /// No such object.
    NotFound(String),
    /// No such user.
    UserNotFound(String),
    /// Something broke.
    InternalError,
    /// Out of service.
    ServiceUnavailable,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_)
            | Self::BadExtension(_)
            | Self::InvalidInput(_)
            | Self::InvalidStateInput
            | Self::InvalidState
            | Self::ParameterMissing(_) => StatusCode::BAD_REQUEST,
            Self::UnsupportedState
            | Self::AuthorizationFailure(_)
            | Self::AuthenticationFailure(_)
            | Self::InvalidAuthorizationUser(_)
            | Self::InvalidSupervisor(_)
            | Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) | Self::UserNotFound(_) => StatusCode::NOT_FOUND,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn error_type(&self) -> &'static str {
        match self {
            Self::BadRequest(_) | Self::BadExtension(_) => "Bad Request",
            Self::InvalidInput(_) | Self::InvalidStateInput => "Invalid Input",
            Self::InvalidState | Self::UnsupportedState => "Invalid State",
            Self::ParameterMissing(_) => "Parameter Missing",
            Self::AuthorizationFailure(_) => "Authorization Failure",
            Self::AuthenticationFailure(_) => "Authentication Failure",
            Self::InvalidAuthorizationUser(_) => "Invalid Authorization User Specified",
            Self::InvalidSupervisor(_) => "Invalid Supervisor",
            Self::Unauthorized => "Unauthorized",
            Self::NotFound(_) => "Not Found",
            Self::UserNotFound(_) => "User Not Found",
            Self::InternalError => "Internal Server Error",
            Self::ServiceUnavailable => "Service Unavailable",
        }
    }

    /// Whether it is about the login itself.
    pub(crate) fn is_login(&self) -> bool {
        matches!(
            self,
            Self::AuthorizationFailure(_) | Self::AuthenticationFailure(_)
        )
    }

    /// `ErrorData`; `None` if the element is missing.
    fn data(&self) -> Option<&str> {
        match self {
            Self::BadRequest(what) | Self::InvalidInput(what) | Self::ParameterMissing(what) => Some(what),
            Self::InvalidStateInput | Self::InvalidState | Self::UnsupportedState => Some("state"),
            Self::BadExtension(which)
            | Self::AuthorizationFailure(which)
            | Self::AuthenticationFailure(which)
            | Self::InvalidAuthorizationUser(which)
            | Self::InvalidSupervisor(which)
            | Self::NotFound(which)
            | Self::UserNotFound(which) => Some(which),
            Self::InternalError | Self::ServiceUnavailable => Some(""),
            Self::Unauthorized => None,
        }
    }

    fn message(&self) -> String {
        let fixed = match self {
            Self::BadRequest(_) => "The request body is malformed or incomplete",
            Self::BadExtension(_) => "Invalid Extension specified for user",
            Self::InvalidInput(what) if *what != "state" => {
                return format!("Invalid {what} specified for user");
            }
            Self::InvalidInput(_) | Self::InvalidStateInput | Self::InvalidState | Self::UnsupportedState => {
                "Invalid State specified for user"
            }
            Self::ParameterMissing(what) => {
                let (first, rest) = what.split_at(what.len().min(1));
                return format!("{}{rest} Parameter missing", first.to_ascii_uppercase());
            }
            Self::AuthorizationFailure(_) | Self::AuthenticationFailure(_) => "UNAUTHORIZED",
            Self::InvalidAuthorizationUser(_) => {
                "The user specified in the authentication credentials and the uri don't match"
            }
            Self::InvalidSupervisor(_) => "The user is not in a team of this supervisor",
            Self::Unauthorized => "The user is not authorized to perform this operation",
            Self::NotFound(_) => "The resource does not exist",
            Self::UserNotFound(_) => "UNKNOWN_USER",
            Self::InternalError => "RUNTIME_EXCEPTION",
            Self::ServiceUnavailable => "SERVER_OUT_OF_SERVICE",
        };
        fixed.to_owned()
    }

    /// The document that says so.
    pub(crate) fn document(&self) -> Element {
        let mut error = Element::new("ApiError").text("ErrorType", self.error_type());
        if let Some(data) = self.data() {
            error = error.text("ErrorData", data.to_owned());
        }
        Element::new("ApiErrors").child(error.text("ErrorMessage", self.message()))
    }
}

/// An error of the CTI server, which only the feed brings (developer guide 12.5, Cisco Finesse API Errors).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsyncError {
    /// `errorData`.
    pub data: &'static str,
    /// `errorMessage`.
    pub message: &'static str,
    /// `errorType`.
    pub error_type: &'static str,
}

impl AsyncError {
    /// The error with this `errorData`; `internal` is UCCX's `Internal Server Error`.
    #[must_use]
    pub fn by_code(code: &str) -> Option<Self> {
        [
            Self::object_state(),
            Self::password(),
            Self::parameter(),
            Self::work_mode(),
            Self::busy(),
            Self::logon_device(),
        ]
        .into_iter()
        .find(|error| error.data == code)
        .or_else(|| (code == "internal").then(Self::internal))
    }

    pub(super) fn object_state() -> Self {
        Self::invalid_state("22", "CF_INVALID_OBJECT_STATE")
    }

    pub(super) fn password() -> Self {
        Self::invalid_state("257", "CF_INVALID_PASSWORD_SPECIFIED")
    }

    pub(super) fn parameter() -> Self {
        Self::invalid_state("1010", "CF_INVALID_PARAMETER")
    }

    pub(super) fn work_mode() -> Self {
        Self::invalid_state("265", "CF_INVALID_AGENT_WORKMODE")
    }

    pub(super) fn busy() -> Self {
        Self::invalid_state("33", "CF_RESOURCE_BUSY")
    }

    pub(super) fn logon_device() -> Self {
        Self {
            data: "260",
            message: "CF_INVALID_LOGON_DEVICE_SPECIFIED",
            error_type: "Invalid Device",
        }
    }

    pub(super) fn internal() -> Self {
        Self {
            data: "",
            message: "",
            error_type: "Internal Server Error",
        }
    }

    fn invalid_state(data: &'static str, message: &'static str) -> Self {
        Self {
            data,
            message,
            error_type: "Invalid State",
        }
    }
}
